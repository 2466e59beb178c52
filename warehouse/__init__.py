"""Where the data lives and who may read it."""
