"""A connection URL as libpq's variables, for programs: their arguments are shown to every user of the machine.

Whatever the URL says of TLS and of the session holds for them too.
"""

from __future__ import annotations

import os
from urllib.parse import quote, unquote

from psycopg.pq import Conninfo

OPTIONS = "PGOPTIONS"
_LOGIN = ("user", "password")


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


def of_nobody(url: str) -> str:
    """The same server and database without a login."""
    return _with_login(url, "")


def of_role(url: str, role: str, password: str) -> str:
    """The same server and database as another login."""
    return _with_login(url, f"{quote(role, safe='')}:{quote(password, safe='')}@")


def _with_login(url: str, login: str) -> str:
    """By hand: to urllib an address without a host, which libpq takes, is another one."""
    address, _, query = url.partition("?")
    scheme, _, place = address.partition("://")
    host, _, database = place.partition("/")
    said = variables(url)
    if "PGDATABASE" not in said:  # then it is called as the login is
        database = quote(said.get("PGUSER", ""), safe="")
    # A login among the parameters would win over the one before the host.
    kept = "&".join(part for part in query.split("&") if unquote(part.partition("=")[0]) not in _LOGIN)
    return f"{scheme}://{login}{host.rpartition('@')[2]}/{database}{'?' if kept else ''}{kept}"
