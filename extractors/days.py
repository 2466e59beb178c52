"""Which days a run of a stream loads."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from extractors.core.spec import StreamSpec

FIRST_LOAD_DAYS = 90  # how far back a stream that was never read begins, unless the connection's `first_load_days` says

Asked = tuple[date | None, date | None]


def window(
    *, today: date, read_to: date | None, lookback_days: int, first_load_days: int, asked: Asked
) -> tuple[date, date]:
    """The days to load, both included: as asked, else from the bookmark less the lookback until today."""
    first, last = asked
    last = last or today
    if first is None:
        known = last if read_to is None else min(read_to, last)
        first = known - timedelta(days=first_load_days if read_to is None else lookback_days)
    return first, last


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

    `lookback_days`: null, the stream's own.
    """
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "select read_to from ops.bookmarks where source = %s and stream = %s", (stream.source, stream.name)
        ).fetchone()
    return window(
        today=now.astimezone(ZoneInfo(settings.get("time_zone") or time_zone)).date(),
        read_to=row[0] if row else None,
        lookback_days=stream.lookback_days if lookback_days is None else lookback_days,
        first_load_days=int(settings.get("first_load_days") or FIRST_LOAD_DAYS),
        asked=asked,
    )
