"""The account's rows, its tokens and its limit of requests."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from simulators.amocrm import wire
from simulators.world.model import World

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class AmocrmOptions:
    """Limits, and both readings of what no document settles.

    `per_second`: requests before 429 (0: no limit); after `block_after` refusals the address is blocked with 403.
    `largest_page`, `largest_event_page`: rows of a page at most, whatever is asked. `show_deleted`: deleted leads stay
    in the list with `is_deleted`, instead of leaving it. `tells_deletions`: the event `lead_deleted` exists.
    `currency`: of the account.
    """

    per_second: int = 7
    block_after: int = 20
    largest_page: int = 250
    largest_event_page: int = 100
    show_deleted: bool = False
    tells_deletions: bool = True
    currency: str = "RUB"


class AmocrmState:
    """List → rows of the clinics in `world`. Safe between threads.

    A test may edit or remove rows as a manager would.
    """

    def __init__(
        self, world: World, token: str, refresh_token: str, options: AmocrmOptions, clock: Callable[[], float]
    ) -> None:
        self.world = world
        self.options = options
        self.token = token
        self.refresh_token = refresh_token
        self.rows: dict[str, list[Row]] = wire.tables(world)
        self._clock = clock
        self._lock = threading.Lock()
        self._recent: deque[float] = deque()
        self._refused = 0
        self._renewed = 0
        self._events = 900_000

    def too_fast(self) -> bool:
        """True when this request is one too many in its second."""
        if not self.options.per_second:
            return False
        with self._lock:
            now = self._clock()
            while self._recent and self._recent[0] <= now - 1:
                self._recent.popleft()
            if len(self._recent) >= self.options.per_second:
                self._refused += 1
                return True
            self._recent.append(now)
            return False

    @property
    def blocked(self) -> bool:
        return bool(self.options.block_after) and self._refused >= self.options.block_after

    def renew(self, refresh_token: str) -> Row | None:
        """The next pair of tokens; null for a refresh token that was used before."""
        with self._lock:
            if refresh_token != self.refresh_token:
                return None
            self._renewed += 1
            self.token = f"{self.token.split('.')[0]}.{self._renewed}"
            self.refresh_token = f"{self.refresh_token.split('.')[0]}.{self._renewed}"
            return {
                "token_type": "Bearer", "expires_in": 86_400, "access_token": self.token,
                "refresh_token": self.refresh_token,
            }

    def expire_token(self) -> None:
        """The access token runs out; only its refresh token helps."""
        self.token = f"{self.token}x"

    def change_lead(self, lead_id: int, at: datetime, **fields: object) -> None:
        """A manager edits a lead at that moment: `updated_at` moves."""
        row = next(row for row in self.rows["leads"] if row["id"] == lead_id)
        row.update(fields, updated_at=wire.seconds(at))

    def delete_lead(self, lead_id: int, at: datetime) -> None:
        """Into the recycle bin. Whether the list shows it then is `show_deleted`."""
        if self.options.show_deleted:
            self.change_lead(lead_id, at, is_deleted=True)
        else:
            self.rows["leads"] = [row for row in self.rows["leads"] if row["id"] != lead_id]
        if self.options.tells_deletions:
            self._happened("lead_deleted", lead_id, at)

    def _happened(
        self, type_: str, lead_id: int, at: datetime, before: Row | None = None, after: Row | None = None
    ) -> None:
        self._events += 1
        self.rows["events"].append(wire.event(self._events, type_, lead_id, at, before, after))
