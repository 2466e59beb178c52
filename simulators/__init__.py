"""Vendors for demo and tests: one invented city and four servers that tell its story in the vendors' wire formats."""
