"""The warehouse that a command works on: the server that `WAREHOUSE_URL` names, or a database of the embedded one.

`AIRFLOW_METADATA_URL` does the same for Airflow's own tables, `SUPERSET_METADATA_URL` for Superset's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from extractors.core.errors import ConfigError
from runtime.home import Home
from runtime.postgres import Server, running_server
from runtime.progress import Progress
from warehouse import libpq
from warehouse.increment.fresh import look
from warehouse.publish_placement import TARGET, require_target

WAREHOUSE = "chairside"
METADATA = "airflow"
BI = "superset"
EMPTY = "the warehouse is empty; `make demo` or `make load INBOX=<folder>` fills it"
_NOT_THERE = (
    psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn, psycopg.errors.UndefinedFunction,
    psycopg.errors.InvalidSchemaName,
)  # fmt: skip
# Any login may call these, and nothing of ours needs them; a large object is writing. Only a superuser can close them.
OPEN_FUNCTIONS = """
    select oid::regprocedure::text from pg_proc
    where pronamespace = 'pg_catalog'::regnamespace
        and (proname ~ '^pg_(try_)?advisory' or proname in ('lo_creat', 'lo_create', 'lo_from_bytea'))
        and (proacl is null or exists (select from aclexplode(proacl) as acl where acl.grantee = 0))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Databases:
    """Connection URLs, each as its database's owner. `metadata` is Airflow's own, `bi` Superset's; null where nobody
    asked for them, or where servers were named for the others and none for it.
    """

    warehouse: str
    metadata: str | None = None
    bi: str | None = None


def ensure_database(server: Server, home: Home, name: str, *, creates_roles: bool) -> str:
    """A database and its owner, a role of the same name that is no superuser. Returns its URL."""
    password = home.secret(name)
    may = sql.SQL("createrole" if creates_roles else "nocreaterole")
    with psycopg.connect(server.url(), autocommit=True) as admin:
        if not admin.execute("select from pg_roles where rolname = %s", (name,)).fetchall():
            admin.execute(
                sql.SQL("create role {} login {} password {}").format(sql.Identifier(name), may, sql.Literal(password))
            )
        if not admin.execute("select from pg_database where datname = %s", (name,)).fetchall():
            admin.execute(sql.SQL("create database {} owner {}").format(sql.Identifier(name), sql.Identifier(name)))
            # An employee may connect where the warehouse's own set-up says so, not everywhere by default.
            admin.execute(sql.SQL("revoke all on database {} from public").format(sql.Identifier(name)))
    if creates_roles:
        close_to_employees(server.url(database=name), owner=name)
    return server.url(database=name, user=name, password=password)


def close_to_employees(superuser_url: str, *, owner: str) -> None:
    """Leave to the owner what PostgreSQL lets everybody call and a warehouse's employee must not."""
    with psycopg.connect(superuser_url) as admin:
        for (function,) in admin.execute(OPEN_FUNCTIONS).fetchall():
            admin.execute(sql.SQL("revoke execute on function {} from public").format(sql.SQL(function)))
            admin.execute(
                sql.SQL("grant execute on function {} to {}").format(sql.SQL(function), sql.Identifier(owner))
            )


def identity(url: str) -> str:
    """Of this very database, wherever it is reached: another one under the same address has another."""
    with psycopg.connect(url) as connection:
        return look(connection).cluster


@contextmanager
def databases(
    home: Home, environ: Mapping[str, str], progress: Progress, *, metadata: bool = False
) -> Iterator[Databases]:
    """The warehouse, running until the end of the block. With `metadata` also databases for Airflow and for Superset.

    Raises ConfigError where `WAREHOUSE_URL` is no use, PostgresMissing and ProcessFailed from the embedded server.
    """
    given, given_metadata, given_bi = given_server(environ, "WAREHOUSE_URL"), None, None
    if metadata:
        given_metadata = given_server(environ, "AIRFLOW_METADATA_URL")
        given_bi = given_server(environ, "SUPERSET_METADATA_URL")
    target = environ.get(TARGET) or "postgres"
    if given is not None:
        require_target(given, target)
    elif target != "postgres":
        raise ConfigError(f"TARGET={target} needs WAREHOUSE_URL: the embedded server is plain PostgreSQL")
    if given is not None and (given_metadata is not None or not metadata):
        yield Databases(warehouse=given, metadata=given_metadata, bi=given_bi)
        return
    with running_server(home, progress) as server:
        yield Databases(
            warehouse=given or ensure_database(server, home, WAREHOUSE, creates_roles=True),
            metadata=given_metadata
            or (ensure_database(server, home, METADATA, creates_roles=False) if metadata else None),
            bi=given_bi or (ensure_database(server, home, BI, creates_roles=False) if metadata else None),
        )


@contextmanager
def filled(home: Home, environ: Mapping[str, str], progress: Progress) -> Iterator[str]:
    """The URL of a warehouse that something was loaded into, for who asks about that.

    Raises ConfigError where nothing ever was, and where the program is newer than what an older one left there.
    """
    with databases(home, environ, progress) as urls:
        with psycopg.connect(urls.warehouse) as connection:
            if connection.execute("select to_regclass('ops.steps')").fetchone() == (None,):
                raise ConfigError(EMPTY)
        try:
            yield urls.warehouse
        except _NOT_THERE as error:
            raise ConfigError(
                f"{error.diag.message_primary}. An older version set this warehouse up; the next load brings it up to"
                " date: docs/how_to/upgrade.md"
            ) from None


def _why(error: psycopg.Error) -> str:
    """What libpq says, in one of a few known ways: its whole text may hold parts of the address."""
    told = str(error)
    for words in ("password authentication failed", "Connection refused", "does not exist", "timeout expired",
                  "could not translate host name", "no pg_hba.conf entry"):  # fmt: skip
        if words in told:
            return words
    return type(error).__name__


def given_server(environ: Mapping[str, str], variable: str) -> str | None:
    """The URL in a variable, checked; null where it is not set. Raises ConfigError, which never holds the password."""
    url = environ.get(variable)
    if not url:
        return None
    if not url.startswith(("postgresql://", "postgres://")):
        raise ConfigError(f"{variable} must look like postgresql://user:password@host:port/database")
    try:
        psycopg.connect(url, connect_timeout=10).close()
    except psycopg.Error as error:
        where = urlsplit(url)
        raise ConfigError(
            f"{variable}: no connection to {where.path.strip('/')!r} at {where.hostname or 'a socket'}:"
            f"{where.port or 5432} ({_why(error)}). Check that the server runs and takes that user and password"
        ) from None
    return url


def no_employee(role: str) -> str:
    return f"There is no employee with the role {role!r}. Add one: select access.add_employee(…), see docs/access.md"


def role_url(owner_url: str, role: str) -> str:
    """The same database as an employee. Raises ConfigError for a role that was never added."""
    with psycopg.connect(owner_url) as connection:
        try:
            row = connection.execute("select access.login_password(%s)", (role,)).fetchone()
        except (psycopg.errors.InvalidSchemaName, psycopg.errors.UndefinedFunction):
            raise ConfigError(EMPTY) from None
        except psycopg.errors.InvalidParameterValue:
            raise ConfigError(no_employee(role)) from None
        except psycopg.Error as error:
            raise ConfigError(f"No password for the role {role!r}: {error.diag.message_primary or error}") from None
    if row is None or row[0] is None:
        raise ConfigError(no_employee(role))
    return libpq.of_role(owner_url, role, row[0])
