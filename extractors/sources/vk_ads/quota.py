"""Keeps VK's limits before VK has to refuse: they are told in every answer and bound to calendar periods.

`X-RateLimit-{RPS,Hourly,Daily}-Remaining: 0` means nothing more until the next second, hour or day [ADS_APIS.md §4.5].
That days end at Moscow's midnight is unconfirmed; the connection's time zone says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from extractors.core.errors import TransientError
from extractors.core.http import LONGEST_WAIT_ASKED_SECONDS

PERIODS = ("RPS", "Hourly", "Daily")


class Quota:
    """State: the moment before which nothing may be asked, and of which period that is."""

    def __init__(self, zone: ZoneInfo, clock: Callable[[], datetime], sleep: Callable[[float], None]) -> None:
        self._zone = zone
        self._clock = clock
        self._sleep = sleep
        self._free_at: datetime | None = None
        self._spent = ""

    def learn(self, headers: Mapping[str, str]) -> None:
        """Remember the longest period that an answer calls spent."""
        for period in PERIODS:
            if headers.get(f"X-RateLimit-{period}-Remaining", "").strip() == "0":
                self._free_at, self._spent = self._end_of(period), period

    def pause(self) -> float:
        """Seconds until the next request is free."""
        return 0.0 if self._free_at is None else max(0.0, (self._free_at - self._clock()).total_seconds())

    def wait(self, where: str) -> None:
        """Sleep until the next request is free. Raises TransientError if that is too long to keep a slot."""
        pause = self.pause()
        if pause > LONGEST_WAIT_ASKED_SECONDS:
            raise TransientError(
                f"{where}: VK's limit ({self._spent}) is spent; it begins anew in {pause / 60:.0f} min.",
                retry_after=pause,
            )
        if pause > 0:
            self._sleep(pause)
        self._free_at = None

    def _end_of(self, period: str) -> datetime:
        now = self._clock().astimezone(self._zone)
        if period == "RPS":
            return now.replace(microsecond=0) + timedelta(seconds=1)
        if period == "Hourly":
            return now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        return now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
