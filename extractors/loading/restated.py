"""How much of what a window wrote is news of days that had been read before: late, corrected or withdrawn rows.

Where rows have a day, every row written to a day that was read before counts: it came late or says something else.
Where they have none (`replace` by key or of all), only what was landed before can be told from news: PostgreSQL keeps
the lock of the row that an upsert replaced in `xmax` of the new one. What is deleted counts always.
Told by the statements that write: asking the landed table afterwards would read all of it for every window.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import psycopg
from psycopg import sql

from extractors.core.spec import StreamSpec, Window


def of_days_before(spec: StreamSpec, window: Window, read_to: date | None) -> sql.Composable:
    """Whether a row that the merge wrote (`target`) is news of a day up to `read_to`; null: nothing was read before."""
    if read_to is None or read_to < window.first:
        return sql.SQL("false")
    if spec.window_column is None:
        return sql.SQL("target.xmax::text <> '0'")
    return sql.SQL("(target.{} between {} and {}) is true").format(
        sql.Identifier(spec.window_column), sql.Literal(window.first), sql.Literal(min(read_to, window.last))
    )


def count_copied(
    cursor: psycopg.Cursor[Any],
    spec: StreamSpec,
    window: Window,
    read_to: date | None,
    target: sql.Identifier,
    inside: sql.Composable,
    copied: int,
) -> int:
    """Of rows copied into a window that had none, those of days up to `read_to`; of rows without a day, none."""
    if read_to is None or read_to < window.first or spec.window_column is None:
        return 0
    if window.last <= read_to:
        return copied
    query = sql.SQL("select count(*) from {} as target where {} and {}").format(
        target, inside, of_days_before(spec, window, read_to)
    )
    return int(cursor.execute(query).fetchall()[0][0])
