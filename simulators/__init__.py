"""Vendors for demo and tests: one invented city and servers that tell its story in the vendors' wire formats."""
