"""A vendor that can be scripted, and an empty warehouse with the landed tables of every stream."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from extractors.run import LoadResult, run_stream
from tests.extractors.vendor_server import Vendor, vendor_server
from warehouse.migrate import migrate

NOW = datetime(2026, 7, 1, 3, 0, tzinfo=UTC)


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with vendor_server() as running:
        yield running


@pytest.fixture(scope="session")
def migrated_template(pg_server_url: str) -> Iterator[str]:
    """Name of a database with everything `warehouse.migrate` makes, to be copied: migrating takes a while."""
    name = f"template_{uuid.uuid4().hex[:16]}"
    with psycopg.connect(pg_server_url, autocommit=True) as admin:
        admin.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
        migrate(urlsplit(pg_server_url)._replace(path=f"/{name}").geturl())
        yield name
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def warehouse(pg_server_url: str, migrated_template: str) -> Iterator[str]:
    """URL of a warehouse with all landed tables, empty."""
    name = f"extractors_{uuid.uuid4().hex[:16]}"
    with psycopg.connect(pg_server_url, autocommit=True) as admin:
        admin.execute(
            sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(migrated_template))
        )
        yield urlsplit(pg_server_url)._replace(path=f"/{name}").geturl()
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


Load = Callable[..., LoadResult]


@pytest.fixture
def load(warehouse: str, vendor: Vendor) -> Load:
    """`load("calltouch", "calls", "2026-06-01", "2026-06-02", token=…)` against the scripted vendor."""

    def run(source: str, stream: str, first: str, last: str, *, now: datetime = NOW, **settings: object) -> LoadResult:
        quick: Mapping[str, Any] = {
            "base_url": vendor.url, "token": "secret-token-1", "requests_per_second": 0, "retry_base_seconds": 0.01,
            "attempts": 4, "poll_seconds": 0.01,
        }
        return run_stream(
            warehouse, source, stream, date.fromisoformat(first), date.fromisoformat(last),
            settings={**quick, **settings}, run_id="test-run", now=now,
        )

    return run


@pytest.fixture
def rows(warehouse: str) -> Callable[..., list[tuple[Any, ...]]]:
    """Rows of a query on the warehouse."""

    def ask(query: str, *parameters: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(warehouse) as connection:
            connection.execute("set time zone 'UTC'")
            return connection.execute(query.encode(), parameters or None).fetchall()

    return ask
