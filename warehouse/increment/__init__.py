"""A build of a day: the families that changed are made anew, by the same models that make everything.

`plan` reads from dbt's manifest how each model takes part, `scope` finds the families, `merge` puts their new rows
in the place of the old ones, `run` puts these in order. docs/decisions/a_day_rebuilds_families.md tells why.
"""
