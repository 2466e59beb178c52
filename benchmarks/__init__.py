"""Measurements side by side: every figure is a ratio to something else timed in the same run."""
