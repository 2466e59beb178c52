"""A connection URL as libpq's variables, for programs: their arguments are shown to every user of the machine.

Whatever the URL says of TLS and of the session holds for them too.
"""

from __future__ import annotations

import os

from psycopg.pq import Conninfo

OPTIONS = "PGOPTIONS"


def variables(url: str) -> dict[str, str]:
    """All that the URL says and libpq has a variable for, by its name."""
    said = Conninfo.parse(url.encode())
    return {one.envvar.decode(): one.val.decode() for one in said if one.envvar is not None and one.val is not None}


def environment(url: str) -> dict[str, str]:
    """The variables of this process, with those of the URL in the place of all that libpq would read."""
    return {key: value for key, value in os.environ.items() if not key.startswith("PG")} | variables(url)


def with_options(url: str, options: str) -> str:
    """The session's options that the URL asks for, and these, which win."""
    return f"{variables(url).get(OPTIONS, '')} {options}".strip()
