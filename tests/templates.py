"""Warehouses that several tests begin from: each made once per test run, tests read copies of it.

To load and build takes as long as a few hundred of the questions that tests ask, so workers of pytest-xdist share what
was built: whoever needs it first makes it, whoever leaves last drops it. Nobody connects to it: PostgreSQL copies only
a database without sessions.
"""

from __future__ import annotations

import fcntl
import hashlib
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A database to be copied, and the folder that was written while it was made."""

    url: str
    folder: Path


@contextmanager
def shared_template(server_url: str, folder: Path, make: Callable[[str, Path], None]) -> Iterator[Template]:
    """The template of this folder, shared by all workers of the run. `make` fills an empty database and the folder."""
    folder.mkdir(exist_ok=True)
    name = f"test_{folder.name}_{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
    with (folder / "turn.lock").open("w") as turn, (folder / "users.lock").open("w") as users:
        with _locked(turn):
            fcntl.flock(users, fcntl.LOCK_SH)
            if not _exists(server_url, name):
                _make(server_url, name, folder, make)
        try:
            yield Template(url=_url(server_url, name), folder=folder)
        finally:
            with _locked(turn):
                fcntl.flock(users, fcntl.LOCK_UN)
                if _is_nobodys(users):
                    _run(server_url, sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


def template_fixture(name: str, make: Callable[[str, Path], None]) -> Any:  # noqa: ANN401 - pytest's fixture
    """A fixture `<name>_template`: the template that `make` fills, once per test run."""

    @pytest.fixture(scope="session", name=f"{name}_template")
    def made(pg_server_url: str, run_folder: Path) -> Iterator[Template]:
        with shared_template(pg_server_url, run_folder / name, make) as template:
            yield template

    return made


@contextmanager
def copied(template_url: str, server_url: str) -> Iterator[str]:
    """The URL of a copy, closed to PUBLIC as the original was; dropped afterwards."""
    name = f"test_{uuid.uuid4().hex[:16]}"
    database, template = sql.Identifier(name), sql.Identifier(urlsplit(template_url).path.strip("/"))
    with psycopg.connect(server_url, autocommit=True) as admin:
        # Quicker than block by block through the write-ahead log, where nobody waits for the disk.
        admin.execute(sql.SQL("create database {} template {} strategy file_copy").format(database, template))
        try:
            # A copy has the default grants again.
            admin.execute(sql.SQL("revoke connect, temporary on database {} from public").format(database))
            yield _url(server_url, name)
        finally:
            admin.execute(sql.SQL("drop database if exists {} with (force)").format(database))


def _make(server_url: str, name: str, folder: Path, make: Callable[[str, Path], None]) -> None:
    """Under another name until it is whole, so that one that failed is not taken for the template."""
    unfinished = f"{name}_unfinished"
    _run(server_url, sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(unfinished)))
    _run(server_url, sql.SQL("create database {} template template0").format(sql.Identifier(unfinished)))
    try:
        make(_url(server_url, unfinished), folder)
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
