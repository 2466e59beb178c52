"""Keeps a vendor's request rate before the vendor has to complain."""

from __future__ import annotations

import time
from collections.abc import Callable


class Throttle:
    """A token bucket: at most `per_second` requests on average, at most `burst` at once.

    It begins with one token: the run before may have used up the vendor's patience a moment ago. State: tokens left and
    when they were counted. The clock and the pause are arguments so that tests need not wait.
    """

    def __init__(
        self,
        per_second: float,
        burst: int = 1,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if per_second <= 0 or burst < 1:
            raise ValueError("a throttle needs a positive rate and a burst of at least 1")
        self._per_second = per_second
        self._burst = float(burst)
        self._monotonic = monotonic
        self._sleep = sleep
        self._tokens = 1.0
        self._counted_at = monotonic()

    def wait(self) -> float:
        """Take one token, pausing until there is one. Returns the seconds waited."""
        now = self._monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._counted_at) * self._per_second)
        self._counted_at = now
        pause = max(0.0, (1.0 - self._tokens) / self._per_second)
        if pause > 0:
            self._sleep(pause)
            self._counted_at = now + pause
            self._tokens = 1.0
        self._tokens -= 1.0
        return pause
