"""What is written down of runs: how far each stream was read (`ops.bookmarks`), what each window did (`ops.loads`)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import psycopg

from extractors.core.rows import Reading
from extractors.core.spec import Context, StreamSpec, Window


def read_to(connection: psycopg.Connection[Any], stream: StreamSpec) -> date | None:
    """The last day that the stream was read to; null before its first load."""
    found = connection.execute(
        "select read_to from ops.bookmarks where source = %s and stream = %s", (stream.source, stream.name)
    ).fetchone()
    return found[0] if found else None


def read_from(connection: psycopg.Connection[Any], stream: StreamSpec) -> date | None:
    """The day from which on all days up to the bookmark were read; null where nobody noted it."""
    found = connection.execute(
        "select read_from from ops.bookmarks where source = %s and stream = %s", (stream.source, stream.name)
    ).fetchone()
    return found[0] if found else None


def accounts_read(connection: psycopg.Connection[Any], stream: StreamSpec) -> set[str]:
    """The accounts of which a window was ever loaded."""
    found = connection.execute(
        "select distinct account from ops.loads"
        " where source = %s and stream = %s and status = 'succeeded' and account is not null",
        (stream.source, stream.name),
    )
    return {account for (account,) in found}


def note_beginning(connection: psycopg.Connection[Any], stream: StreamSpec, window: Window) -> None:
    """All days of the window were read: where they reach those of the bookmark, these begin with them."""
    connection.execute(
        "update ops.bookmarks set read_from = %s"
        " where source = %s and stream = %s and read_from > %s and read_from <= %s::date + 1",
        (window.first, stream.source, stream.name, window.first, window.last),
    )


def move_bookmark(connection: psycopg.Connection[Any], stream: StreamSpec, window: Window, context: Context) -> None:
    """The stream is read up to the end of the window. It never goes back, nor over days that nobody has read: a window
    by hand beyond them leaves it, so that the next run begins where reading has stopped."""
    connection.execute(
        "insert into ops.bookmarks as kept (source, stream, read_to, run_id, written_at, read_from)"
        " values (%s, %s, %s, %s, %s, %s)"
        " on conflict (source, stream) do update set read_to = excluded.read_to, run_id = excluded.run_id,"
        " written_at = excluded.written_at where excluded.read_to >= kept.read_to and (%s or %s <= kept.read_to + 1)",
        (
            stream.source, stream.name, window.last, context.run_id, context.now, window.first, stream.replace == "all",
            window.first,
        ),
    )


def write_load(
    connection: psycopg.Connection[Any],
    stream: StreamSpec,
    window: Window,
    context: Context,
    times: tuple[datetime, datetime],
    reading: Reading,
    rows: tuple[int, int],
    failure: tuple[str, str] | None,
) -> None:
    """One attempt to load a window of a stream, or of one of its accounts. `times`: when it began and ended.

    `rows`: written (or gone), and of these restated. `failure` is the kind of its error and its text, already without
    secrets; null where it went well.
    """
    error, message = failure or (None, None)
    if failure is None and reading.unknown_fields:
        message = "Undeclared fields are kept in _extra: " + ", ".join(sorted(reading.unknown_fields)) + "."
    if message is not None and context.account:
        message = f"account {context.account}: {message}"
    connection.execute(
        "insert into ops.loads (run_id, source, stream, window_from, window_to, started_at, finished_at, rows_read,"
        " rows_written, rows_restated, rows_rejected, status, message, account, error)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            context.run_id, stream.source, stream.name, window.first, window.last, *times,
            reading.rows_read, *rows, len(reading.rejected), "failed" if failure else "succeeded", message,
            context.account, error,
        ),
    )
