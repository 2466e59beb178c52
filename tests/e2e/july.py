"""A small July worked out by hand (`tests/cases/july`): spend, deals, slots and losses of ten days."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from tests.e2e.comparing import load

JULY = Path(__file__).resolve().parents[1] / "cases" / "july"
PERIOD = "date '2026-07-01', date '2026-07-31'"
MOMENT = datetime(2026, 7, 20, 9, 0, tzinfo=UTC)


def load_july(url: str, work_folder: Path) -> None:
    load(url, JULY, work_folder, MOMENT)


def rows(url: str, query: str) -> list[dict[str, Any]]:
    with psycopg.connect(url, row_factory=dict_row) as connection:
        return connection.execute(query.encode()).fetchall()


def values(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()
