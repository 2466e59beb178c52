"""The portal's CRM as rows in the API's columns, and the limits that it counts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulators.bitrix24 import wire
from simulators.world.model import World

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class BitrixOptions:
    """Both readings of what documents and recordings say differently, and the limits.

    `history_as_text`: stage history with text ids (recorded) or numbers (documented). `burst`, `drain`: the leaky
    bucket of requests, drain per second; burst 0 switches it off. `may_read_deals`: false gives the answer to a user
    without rights. `empty_batch`: the defect of a batch that answers with nothing. `utc_offset`: hours, of the portal.
    """

    history_as_text: bool = True
    burst: int = 50
    drain: float = 2.0
    may_read_deals: bool = True
    empty_batch: bool = False
    utc_offset: int = 3


class BitrixState:
    """Entity → rows. `clock` gives seconds; safe between threads. A test may edit or remove rows as a manager would."""

    def __init__(
        self, world: World, user_id: int, code: str, options: BitrixOptions, clock: Callable[[], float]
    ) -> None:
        self.world = world
        self.user_id = user_id
        self.code = code
        self.options = options
        self.clock = clock
        self.rows: dict[str, list[Row]] = wire.tables(
            world, options.utc_offset, history_as_text=options.history_as_text
        )
        self.products: dict[int, list[Row]] = wire.product_rows(world)
        self._lock = threading.Lock()
        self._level = 0.0
        self._seen = clock()

    def too_fast(self) -> bool:
        """The leaky bucket: true when this request would overflow it."""
        if not self.options.burst:
            return False
        with self._lock:
            now = self.clock()
            self._level = max(0.0, self._level - (now - self._seen) * self.options.drain)
            self._seen = now
            if self._level + 1 > self.options.burst:
                return True
            self._level += 1
            return False
