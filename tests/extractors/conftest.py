"""A vendor that can be scripted, and an empty warehouse with the landed tables of every stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest

from extractors.run import LoadResult, run_stream
from tests.extractors.vendor_server import Vendor, vendor_server

NOW = datetime(2026, 7, 1, 3, 0, tzinfo=UTC)


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with vendor_server() as running:
        yield running


@pytest.fixture
def warehouse(migrated_database: str) -> str:
    """URL of a warehouse with all landed tables, empty."""
    return migrated_database


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
