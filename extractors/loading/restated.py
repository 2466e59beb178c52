"""How much of what a window wrote is news of days that had been read before: late, corrected or withdrawn rows."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql

from extractors.core.spec import Context, StreamSpec, Window
from extractors.loading.windows import Written


def count_restated(
    connection: psycopg.Connection[Any], stream: StreamSpec, window: Window, context: Context, written: Written
) -> int:
    """Rows of days read before that the window wrote or deleted. Part of its transaction, before the bookmark moves.

    Where rows have a day, every row written to a day up to the bookmark counts: it came late or says something else.
    Where they have none (`replace` by key or of all), only what was landed before can be told from news: PostgreSQL
    keeps the lock of the row that an upsert replaced in `xmax` of the new one.
    """
    if written.written + written.deleted == 0:
        return 0
    found = connection.execute(
        "select read_to from ops.bookmarks where source = %s and stream = %s", (stream.source, stream.name)
    ).fetchone()
    if found is None or found[0] < window.first:
        return written.deleted
    if written.written == 0:
        return written.deleted
    table = sql.Identifier("staging", stream.table)
    stamps: tuple[Any, ...] = (context.run_id, context.now)
    if stream.window_column is None:
        query = sql.SQL(
            "select count(*) from {} where _run_id = %s and _loaded_at = %s and xmax::text <> '0'"
        ).format(table)
    else:
        query = sql.SQL(
            "select count(*) from {} where _run_id = %s and _loaded_at = %s and {} between %s and %s"
        ).format(table, sql.Identifier(stream.window_column))
        stamps = (*stamps, window.first, min(found[0], window.last))
    if stream.account is not None and context.account is not None:
        query += sql.SQL(" and {} = %s").format(sql.Identifier(stream.account))
        stamps = (*stamps, context.account)
    counted = connection.execute(query, stamps).fetchone()
    return written.deleted + (int(counted[0]) if counted else 0)
