"""The rules of the domain again, in plain Python over import files, apart from the SQL."""
