"""Small readings that several vendors share: absent-value markers, local times, money."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import TypeVar
from zoneinfo import ZoneInfo

from extractors.core.spec import RowError

T = TypeVar("T")

# How vendors write "nothing" in words [Calltouch diary, Direct report format].
_NOTHING = frozenset({"", "<не указано>", "<не заполнено>", "(not set)", "(not provided)", "--", "null"})
_LONGEST_NOTHING = max(map(len, _NOTHING))


def text(value: object) -> str | None:
    """A text without its spaces at the ends; null for every way to write nothing. Nul bytes, which PostgreSQL cannot
    keep, are dropped."""
    # Called a dozen times a row, so nothing is done that need not be: a long text is not even hashed.
    if type(value) is not str:
        if value is None or value is False:
            return None
        value = str(value)
    cleaned = value.replace("\x00", "").strip() if "\x00" in value else value.strip()
    return cleaned if len(cleaned) > _LONGEST_NOTHING or cleaned not in _NOTHING else None


@lru_cache(maxsize=8192)
def word(value: str | None) -> str | None:
    """`text` for a field that says the same over and over: tags, sources, names of managers. Remembered, because asking
    the memory takes a fifth of the cleaning; not for notes, addresses and ids, which would only fill it."""
    return text(value)


def local_time(value: str | None, zone: ZoneInfo, column: str) -> datetime | None:
    """`YYYY-MM-DD hh:mm:ss` of a clinic's wall clock as a moment in UTC; year 1 is how Open Dental writes null.

    In the doubled hour of a clock change the earlier one is meant; a time inside the skipped hour moves forward.
    """
    if value is None or value == "" or value.startswith("0001-01-01"):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise RowError(column, f"{value!r} is no date and time") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return moment.astimezone(UTC)


def offset_time(value: str | None, column: str) -> datetime | None:
    """An ISO time that must carry its offset, as a moment in UTC."""
    if value is None or value == "":
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise RowError(column, f"{value!r} is no date and time") from None
    if moment.tzinfo is None:
        raise RowError(column, f"{value!r} has no offset from UTC")
    return moment.astimezone(UTC)


def epoch(value: int | float, column: str) -> datetime:
    """Seconds since 1970 as a moment in UTC; refuses what cannot be a contact's time (before 2000, after 2100)."""
    if not 946_684_800 <= value < 4_102_444_800:
        raise RowError(column, f"{value!r} seconds since 1970 is no plausible time")
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=value)


def day(value: str | None, column: str) -> date | None:
    """The first ten characters as a date; nothing and year 1 are null."""
    if value is None or value == "" or value.startswith("0001-01-01"):
        return None
    try:
        return date.fromisoformat(value[:10])
    except ValueError:
        raise RowError(column, f"{value!r} is no date") from None


def money(value: object, column: str) -> Decimal | None:
    """A decimal amount, exact; floats go through their shortest text."""
    if value is None or value == "":
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        raise RowError(column, f"{value!r} is no amount") from None
    if not amount.is_finite():
        raise RowError(column, f"{value!r} is no amount")
    return amount


def needed(value: T | None, column: str) -> T:
    """The value; RowError where it is absent."""
    if value is None:
        raise RowError(column, "a value is needed here")
    return value
