"""The June case in a database of its own, and ways to damage it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

JUNE = Path(__file__).parents[1] / "cases" / "june"
NOW = datetime(2026, 7, 1, 9, tzinfo=UTC)


@contextmanager
def database(server_url: str, *, copy_of: str | None = None) -> Iterator[str]:
    """The URL of a new database, empty or a copy of another one; dropped at the end."""
    name = f"test_{uuid.uuid4().hex[:16]}"
    template = urlsplit(copy_of).path.lstrip("/") if copy_of else "template0"
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(template)))
        try:
            yield urlsplit(server_url)._replace(path=f"/{name}").geturl()
        finally:
            admin.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


def run(url: str, *statements: str) -> None:
    with psycopg.connect(url) as connection:
        for statement in statements:
            connection.execute(statement)


def one(url: str, query: str) -> tuple[object, ...]:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
        assert row is not None
        return tuple(row)
