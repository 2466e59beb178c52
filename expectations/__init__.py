"""Is it plausible: suites of rules as Python, one file per source and per mart group, and two gates that ask them."""
