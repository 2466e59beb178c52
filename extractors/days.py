"""Which days a run of a stream loads."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from extractors.core.errors import ConfigError
from extractors.core.settings import number
from extractors.core.spec import StreamSpec
from extractors.journal import accounts_read, read_from, read_to
from extractors.registry import source
from extractors.run import make_context

# How far back a stream that was never read begins, unless the connection's `first_load_days` says.
FIRST_LOAD_DAYS = 90

Asked = tuple[date | None, date | None]


def window(
    *, today: date, read_to: date | None, lookback_days: int, first_load_days: int, asked: Asked,
    read_from: date | None = None,
) -> tuple[date, date]:  # fmt: skip
    """The days to load, both included: as asked, else from the bookmark less the lookback until today.

    `read_from`: of a regular run, the first of the days up to the bookmark. Whoever tried a connection by hand has read
    a day or two, and the days of a first load before them are still to come.
    """
    first, last = asked
    last = last or today
    if first is None:
        known = last if read_to is None else min(read_to, last)
        first = known - timedelta(days=first_load_days if read_to is None else lookback_days)
        beginning = today - timedelta(days=first_load_days)
        if read_from is not None and asked == (None, None) and read_from > beginning:
            first = min(first, beginning)
    return first, last


def lookback(stream: StreamSpec, settings: Mapping[str, Any], asked: int | None) -> int:
    """How many days before its bookmark a run begins: as asked, else the stream's own or the connection's, the longer.

    The connection's `lookback_days` is for streams that read days again. The others are told of each change by its own
    date, however old the row is, so more days would bring nothing. Raises ConfigError where it is no number.
    """
    if asked is not None:
        return asked
    if stream.replace != "window":
        return stream.lookback_days
    return max(stream.lookback_days, int(number(settings, stream.source, "lookback_days", stream.lookback_days)))


def days_to_load(
    url: str,
    stream: StreamSpec,
    settings: Mapping[str, Any],
    *,
    now: datetime,
    time_zone: str,
    asked: Asked = (None, None),
    lookback_days: int | None = None,
) -> tuple[date, date]:
    """The days of a run at `now`, both included, in the connection's time zone (else `time_zone`).

    Where the connection names an account that was never read, they are those of a first load. `lookback_days`: null, as
    `lookback` says. Raises ConfigError for a setting that is no number.
    """
    first_load_days = int(number(settings, stream.source, "first_load_days", FIRST_LOAD_DAYS))
    back = lookback(stream, settings, lookback_days)
    with psycopg.connect(url) as connection:
        known = read_to(connection, stream)
        begun = None
        # what is read whole has no days, and who says how far back to go means that
        if stream.replace != "all" and lookback_days is None:
            is_joined = bool(_accounts(stream, settings, now) - accounts_read(connection, stream))
            begun = date.max if is_joined else read_from(connection, stream)
    return window(
        today=now.astimezone(ZoneInfo(settings.get("time_zone") or time_zone)).date(),
        read_to=known,
        lookback_days=back,
        first_load_days=first_load_days,
        asked=asked,
        read_from=begun,
    )


def _accounts(stream: StreamSpec, settings: Mapping[str, Any], now: datetime) -> set[str]:
    """The accounts that the connection names; none where it is wrong, which the run will say."""
    with suppress(ConfigError):
        if stream.accounts is not None:
            return set(stream.accounts(make_context(source(stream.source), settings, run_id="", now=now)))
    return set()
