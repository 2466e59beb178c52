"""Rows of a stream that holds the vendor's own counts of other streams' rows (`core/totals.py`, Counts)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import msgspec

from extractors.core.spec import Context, Window

COUNTED_COLUMNS = (("report", "text"), ("first_date", "date"), ("last_date", "date"), ("row_count", "bigint"))


class Counted(msgspec.Struct):
    """A count as the vendor told it. `report`: the stream; `first`..`last`: whole days. No `account`: there is one."""

    report: str
    first: date
    last: date
    rows: int
    account: str | None = None


def counted_row(record: Counted, context: Context) -> tuple[Any, ...]:
    own = () if record.account is None else (record.account,)
    return (*own, record.report, record.first, record.last, record.rows)


def over(window: Window, context: Context) -> Window | None:
    """The days of the window that were over when the load began; null where none was."""
    last = min(window.last, context.now.astimezone(context.zone).date() - timedelta(days=1))
    return Window(window.first, last) if window.first <= last else None
