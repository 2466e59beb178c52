"""A vendor that can be scripted, and an empty warehouse with the landed tables of every stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from extractors.loading.windows import landed_table_ddl
from extractors.registry import all_streams
from extractors.run import LoadResult, run_stream
from tests.extractors.vendor_server import Vendor, vendor_server

NOW = datetime(2026, 7, 1, 3, 0, tzinfo=UTC)
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with vendor_server() as running:
        yield running


@pytest.fixture
def warehouse(fresh_database: str) -> str:
    """URL of a database with `ops`, `staging` and all landed tables, empty."""
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        connection.execute("create schema ops; create schema staging")
        connection.execute(
            "create table ops.loads (run_id text, source text, stream text, window_from date, window_to date,"
            " started_at timestamptz, finished_at timestamptz, rows_read bigint, rows_written bigint,"
            " rows_rejected bigint, status text, message text);"
            "create table staging.rejected_rows (source text, file text, row_number bigint, column_name text,"
            " reason text, row jsonb, run_id text, rejected_at timestamptz)"
        )
        connection.execute((REPOSITORY / "warehouse/sql/040_bookmarks.sql").read_bytes())
        for stream in all_streams():
            connection.execute(landed_table_ddl(stream))
    return fresh_database


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
