"""Import files: what a clinic without an API starts with (CONTRACT.md section 2)."""
