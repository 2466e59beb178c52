"""Sets up an existing Metabase over its API, for each group what it may read: docs/how_to/metabase.md."""
