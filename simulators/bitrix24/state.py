"""The portal's CRM as rows in the API's columns, and the limits that it counts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from simulators.bitrix24 import wire
from simulators.world.model import World
from simulators.world.neutral_crm import stage_id

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

    def change_deal(self, deal_num: int, at: datetime, **fields: object) -> None:
        """A manager edits a deal at that moment: `DATE_MODIFY` moves, as for every edit of its fields."""
        row = next(row for row in self.rows["deals"] if row["ID"] == str(deal_num))
        row.update(fields, DATE_MODIFY=wire.moment(at, self.options.utc_offset))

    def move_to_funnel(self, deal_num: int, category_id: int, at: datetime) -> None:
        """Another funnel: the stage's prefix changes, and the history gets a row of type 5."""
        stage = stage_id("NEW", category_id)
        stamp = wire.moment(at, self.options.utc_offset)
        self.change_deal(
            deal_num,
            at,
            CATEGORY_ID=str(category_id),
            STAGE_ID=stage,
            STAGE_SEMANTIC_ID="P",
            CLOSED="N",
            MOVED_TIME=stamp,
        )
        last = self.rows["history"][-1]
        numbers: Row = {"ID": int(last["ID"]) + 1, "TYPE_ID": 5, "OWNER_ID": deal_num, "CATEGORY_ID": category_id}
        if self.options.history_as_text:
            numbers = {name: str(value) for name, value in numbers.items()}
        self.rows["history"].append(numbers | {"CREATED_TIME": stamp, "STAGE_SEMANTIC_ID": "P", "STAGE_ID": stage})

    def delete_deal(self, deal_num: int) -> Row:
        """Into the recycle bin: the lists no longer have it, and nothing says so; its history stays. Gives its row."""
        return self._delete("deals", deal_num)

    def delete_lead(self, lead_num: int) -> Row:
        """Into the recycle bin, as `delete_deal`."""
        return self._delete("leads", lead_num)

    def _delete(self, entity: str, number: int) -> Row:
        row = next(row for row in self.rows[entity] if row["ID"] == str(number))
        self.rows[entity].remove(row)
        return row
