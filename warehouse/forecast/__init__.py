"""Statistics of recurring seasons and of what is to come: the part of the warehouse that SQL would do worse."""
