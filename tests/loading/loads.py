"""Loading a stream of the invented city through a proxy, and what is landed then."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import psycopg
from psycopg import sql

import extractors.sources.calltouch.client as calltouch
from extractors.registry import source
from extractors.run import LoadResult, run_stream
from simulators.running import SIMULATORS

FIRST, LAST = date(2026, 8, 1), date(2026, 9, 14)
# source, stream, a field that a record cannot do without
STREAMS = (
    ("calltouch", "calls", "callId"),
    ("calltouch", "requests", "requestId"),
    ("bitrix24", "deals", "ID"),
    ("open_dental", "patients", "PatNum"),
)
NOW = datetime(2026, 9, 15, 3, tzinfo=UTC)
Rows = list[tuple[Any, ...]]


def load(
    warehouse: str, endpoint: Mapping[str, Any], base_url: str, source_name: str, stream: str, last: date = LAST
) -> LoadResult:
    """One run, of several windows where the stream has such, in pages of ten calls."""
    calltouch.PAGE_ROWS = 10
    first = date(2020, 1, 1) if SIMULATORS[source_name].has_past else FIRST
    return run_stream(
        warehouse, source_name, stream, first, last, run_id="run", now=NOW,
        settings={
            **endpoint["settings"], "base_url": base_url, "token": endpoint["token"], "requests_per_second": 0,
            "retry_base_seconds": 0.001, "poll_seconds": 0.001,
        },
    )  # fmt: skip


def landed(warehouse: str, source_name: str, stream_name: str) -> Rows:
    stream = source(source_name).stream(stream_name)
    query = sql.SQL("select {} from {} order by {}").format(
        sql.SQL(", ").join(map(sql.Identifier, [*stream.column_names, "_extra"])),
        sql.Identifier("staging", stream.table),
        sql.SQL(", ").join(map(sql.Identifier, stream.key)),
    )
    with psycopg.connect(warehouse) as connection:
        return connection.execute(query).fetchall()


def empty(warehouse: str, source_name: str, stream_name: str) -> None:
    table = source(source_name).stream(stream_name).table
    with psycopg.connect(warehouse, autocommit=True) as connection:
        connection.execute(sql.SQL("truncate {}, staging.rejected_rows").format(sql.Identifier("staging", table)))
