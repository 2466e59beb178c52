"""How far back a vendor tells anything. Earlier days come as none, and the landed ones would go for it."""

from __future__ import annotations

from calendar import monthrange
from datetime import date

from extractors.core.errors import RejectedError
from extractors.core.spec import Context, Window


def months_ago(day: date, months: int) -> date:
    """The same day so many months earlier; of a month that is too short its last day."""
    whole = day.year * 12 + day.month - 1 - months
    first = date(whole // 12, whole % 12 + 1, 1)
    return first.replace(day=min(day.day, monthrange(first.year, first.month)[1]))


def refuse_before(earliest: date, window: Window, where: str, vendor: str) -> None:
    """Raises RejectedError for a window that begins earlier. Nothing was asked and nothing written."""
    if window.first < earliest:
        raise RejectedError(f"{where}: {vendor} tells no days before {earliest}. Ask for a later first day.")


def today(context: Context) -> date:
    """The load's day in the connection's zone."""
    return context.now.astimezone(context.zone).date()
