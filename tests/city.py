"""The invented city, loaded, built and published once per test run; tests read copies of it.

Building takes as long as a few hundred of the questions that tests ask, so workers of pytest-xdist share one: whoever
needs it first builds it, whoever leaves last drops it. Nobody connects to it: PostgreSQL copies only a database without
sessions.
"""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from simulators.world import build_world
from simulators.world.export import write_files
from tests.e2e.comparing import load

SEED = 3
FIRST = date(2026, 8, 1)
DAYS = 45
LAST = FIRST + timedelta(days=DAYS - 1)
# Long after the last day, so that saved requests which nobody called back are lost.
MOMENT = datetime(2026, 8, 1, tzinfo=UTC) + timedelta(days=DAYS + 40)


@dataclass(frozen=True, slots=True, kw_only=True)
class City:
    """A warehouse with the city in it: `files` are what was loaded, `dbt` is where it was built (manifest.json)."""

    url: str
    files: Path
    dbt: Path


@contextmanager
def shared_city(server_url: str, run_folder: Path) -> Iterator[City]:
    """The city of this test run, to be copied and not connected to. Dropped when the last user leaves."""
    folder = run_folder / "city"
    folder.mkdir(exist_ok=True)
    name = f"test_city_{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
    city = City(url=_url(server_url, name), files=folder / "files", dbt=folder / "dbt")
    with (folder / "turn.lock").open("w") as turn, (folder / "users.lock").open("w") as users:
        with _locked(turn):
            fcntl.flock(users, fcntl.LOCK_SH)
            if not _exists(server_url, name):
                _build(server_url, name, city)
        try:
            yield city
        finally:
            with _locked(turn):
                fcntl.flock(users, fcntl.LOCK_UN)
                if _is_nobodys(users):
                    _run(server_url, sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


@contextmanager
def copy_of(city: City, server_url: str, name: str) -> Iterator[City]:
    """A copy under that name, closed to PUBLIC as the original was; dropped afterwards."""
    template = urlsplit(city.url).path.strip("/")
    database = sql.Identifier(name)
    _run(server_url, sql.SQL("create database {} template {}").format(database, sql.Identifier(template)))
    # A copy has the default grants again.
    _run(server_url, sql.SQL("revoke connect, temporary on database {} from public").format(database))
    yield replace(city, url=_url(server_url, name))
    _run(server_url, sql.SQL("drop database if exists {} with (force)").format(database))


def _build(server_url: str, name: str, city: City) -> None:
    """Under another name until it is whole, so that a failed build is not taken for the city."""
    unfinished = f"{name}_unfinished"
    _run(server_url, sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(unfinished)))
    _run(server_url, sql.SQL("create database {} template template0").format(sql.Identifier(unfinished)))
    city.files.mkdir(exist_ok=True)
    write_files(build_world(SEED, date_from=FIRST, days=DAYS), city.files)
    try:
        load(_url(server_url, unfinished), city.files, city.dbt, MOMENT)
    except BaseException:
        _run(server_url, sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(unfinished)))
        raise
    _run(
        server_url,
        sql.SQL("alter database {} rename to {}").format(sql.Identifier(unfinished), sql.Identifier(name)),
    )


@contextmanager
def _locked(file: IO[str]) -> Iterator[None]:
    fcntl.flock(file, fcntl.LOCK_EX)
    yield
    fcntl.flock(file, fcntl.LOCK_UN)


def _is_nobodys(users: IO[str]) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _exists(server_url: str, name: str) -> bool:
    with psycopg.connect(server_url) as admin:
        return admin.execute("select from pg_database where datname = %s", (name,)).fetchone() is not None


def _run(server_url: str, statement: sql.Composed) -> None:
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(statement)


def _url(server_url: str, name: str) -> str:
    return urlsplit(server_url)._replace(path=f"/{name}").geturl()
