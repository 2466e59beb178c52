"""The windows of a backfill and what became of them: `ops.backfill_windows`.

The same command again goes on where the last one stopped; after it has ended, it begins anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import psycopg
from psycopg.rows import class_row

# Days that one run of Airflow loads. Short enough to end within its timeout and to let the daily run in between, long
# enough that Airflow's own share (a second or two per task) does not matter.
WINDOW_DAYS = 31


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What was asked for: the days `date_from`..`date_to` of a source, both included."""

    source: str
    date_from: date
    date_to: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A part of the span, both days included. `run_id`: the run that was asked to load it; null: none yet."""

    window_from: date
    window_to: date
    status: str
    run_id: str | None

    def __str__(self) -> str:
        return f"{self.window_from}..{self.window_to}"


def split(span: Span, days: int) -> list[tuple[date, date]]:
    """The span in windows of at most so many days, oldest first. Import files have no days: one window."""
    if span.source == "files":
        return [(span.date_from, span.date_to)]
    firsts = range(0, (span.date_to - span.date_from).days + 1, days)
    return [
        (
            span.date_from + timedelta(days=first),
            min(span.date_to, span.date_from + timedelta(days=first + days - 1)),
        )
        for first in firsts
    ]


def windows_of(url: str, span: Span, *, days: int) -> list[Window]:
    """All windows of the backfill, oldest first: of the one that was not ended, else of a new one."""
    key = (span.source, span.date_from, span.date_to)
    with psycopg.connect(url) as connection, connection.cursor(row_factory=class_row(Window)) as cursor:
        cursor.execute("lock table ops.backfill_windows in exclusive mode")
        query = (
            "select window_from, window_to, status, run_id from ops.backfill_windows"
            " where source = %s and date_from = %s and date_to = %s order by window_from"
        )
        found = cursor.execute(query, key).fetchall()
        if all(window.status == "done" for window in found):
            cursor.execute(
                "delete from ops.backfill_windows where source = %s and date_from = %s and date_to = %s", key
            )
            cursor.executemany(
                "insert into ops.backfill_windows (source, date_from, date_to, window_from, window_to)"
                " values (%s, %s, %s, %s, %s)",
                [(*key, *window) for window in split(span, days)],
            )
            found = cursor.execute(query, key).fetchall()
        return found


def begin(url: str, span: Span, window: Window, run_id: str, now: datetime) -> None:
    """The window is loaded by that run from now on."""
    _write(url, span, window, "status = 'running', run_id = %s, started_at = %s, finished_at = null", run_id, now)


def end(url: str, span: Span, window: Window, *, well: bool, now: datetime) -> None:
    """Its run ended."""
    _write(url, span, window, "status = %s, finished_at = %s", "done" if well else "failed", now)


def _write(url: str, span: Span, window: Window, assignments: str, *values: object) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(
            f"update ops.backfill_windows set {assignments}"  # noqa: S608 - texts of this file
            " where source = %s and date_from = %s and date_to = %s and window_from = %s".encode(),
            (*values, span.source, span.date_from, span.date_to, window.window_from),
        )
