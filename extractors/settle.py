"""A total of the vendor that is not the sum of the landed rows is asked for once more, rows first.

The vendor may have corrected a day between the two requests, or a page was lost on the way: both are over the second
time. What differs still is for the gate of landed rows to refuse (expectations/totals.py).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import sql

from extractors.core.spec import Context, SourceSpec, StreamSpec, Window
from extractors.core.totals import differing_counts, differing_days

log = logging.getLogger(__name__)

# Loads one window of a stream of the context's account.
Load = Callable[[StreamSpec, Window], object]


def settle(
    connection: psycopg.Connection[Any],
    spec: SourceSpec,
    stream: StreamSpec,
    window: Window,
    context: Context,
    load: Load,
) -> None:
    """Read the days of the window whose rows are not their total again, if `stream` is one of totals or counts.

    The days from the first to the last that differ, of the account. Raises what `load` raises.
    """
    for name, again in _differing(connection, stream, window, context).items():
        log.warning(
            "%s %s: the %s of %s are not what the vendor totals; both are read once more",
            stream.source, stream.name, name, again,
            extra={"run_id": context.run_id, "source": stream.source, "stream": stream.name, "window": str(again)},
        )
        load(spec.stream(name), again)
        load(stream, again)


def _differing(
    connection: psycopg.Connection[Any], stream: StreamSpec, window: Window, context: Context
) -> dict[str, Window]:
    """Stream of rows → its days within the window that differ, of those that were over when the load began."""
    if stream.totals is not None:
        query = differing_days(stream.source, stream.name, stream.totals)
        named = sql.SQL("{} as report, differ.day as first_date, differ.day as last_date").format(stream.totals.of)
    elif stream.counts is not None:
        query = differing_counts(stream.source, stream.name, stream.counts)
        named = sql.Composed([sql.SQL("differ.report, differ.first_date, differ.last_date")])
    else:
        return {}
    found = connection.execute(
        sql.SQL(
            "select report, min(first_date), max(last_date)"
            " from (select differ.account, {} from ({}) as differ) as named"
            " where first_date >= %s and last_date <= %s and last_date < %s and account = coalesce(%s, account)"
            " group by report order by report"
        ).format(named, sql.SQL(query)),
        (window.first, window.last, context.now.astimezone(context.zone).date(), context.account),
    ).fetchall()
    return {report: Window(first, last) for report, first, last in found}
