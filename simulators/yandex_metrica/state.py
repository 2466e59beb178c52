"""What the counters have stored, and the logs that were ordered."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from simulators.world.model import Session, World

FIRST_COUNTER = 44_000_001
FIRST_REQUEST = 777
GONE = ("canceled", "cleaned_by_user", "cleaned_automatically_as_too_old", "processing_failed")


@dataclass(frozen=True, slots=True)
class MetricaOptions:
    """Both readings of what the vendor's documents leave open, and how patient the queue is.

    `time_zone`: of every counter. `polls`: questions until a log is ready. `awaiting_retry`: whether that status is met
    on the way. `failing`: so many logs cannot be made before one can. `part_rows`: visits of a part. `max_days`: days
    that a log may have (null: a year). `too_many_status`: 429 in the vendor's Russian page, 420 in the English one.
    `escaped`: whether cells are escaped as ClickHouse does. `utc`: what `dateTimeUTC` is, in hours from Greenwich.
    `source_as_list`: how a log's `source` is told. `today`: from this day on nothing is told (null: never refused).
    """

    time_zone: str = "Europe/Moscow"
    polls: int = 3
    awaiting_retry: bool = True
    failing: int = 0
    part_rows: int = 50
    max_days: int | None = None
    too_many_status: int = 429
    escaped: bool = True
    utc: Literal[0, 3] = 3
    source_as_list: bool = False
    today: date | None = None


@dataclass(slots=True)
class OrderedLog:
    """A log request; `parts` are the visits of each part once it is ready, fixed at that moment."""

    request_id: int
    counter: int
    first: date
    last: date
    fields: tuple[str, ...]
    status: str = "created"
    polls: int = 0
    parts: list[list[Session]] = field(default_factory=list)


class MetricaState:
    """The sites' visits and the ordered logs. Safe between threads."""

    def __init__(self, world: World, token: str, options: MetricaOptions) -> None:
        self.world = world
        self.token = token
        self.options = options
        self.zone = ZoneInfo(options.time_zone)
        self.counters = {
            FIRST_COUNTER + index: clinic.clinic_id
            for index, clinic in enumerate(world.clinics)
            if world.systems[clinic.clinic_id].site == "yandex_metrica"
        }
        self.sessions = {
            one.session_id: one
            for one in world.sessions
            if one.clinic_id in self.counters.values() and one.started_at < world.now
        }
        self.logs: dict[int, OrderedLog] = {}
        self._failing = options.failing
        self._lock = threading.Lock()

    def edit(self, session_id: int, **changes: object) -> None:
        """The visit says something else in logs that are made from now on: visits go on for three days."""
        self.sessions[session_id] = replace(self.sessions[session_id], **changes)  # type: ignore[arg-type]

    def delete(self, session_id: int) -> None:
        """The visit was a robot's after all."""
        del self.sessions[session_id]

    def local(self, instant: datetime) -> datetime:
        return instant.astimezone(self.zone).replace(tzinfo=None)

    def order(self, counter: int, first: date, last: date, fields: tuple[str, ...]) -> OrderedLog:
        with self._lock:
            made = OrderedLog(FIRST_REQUEST + len(self.logs), counter, first, last, fields)
            self.logs[made.request_id] = made
            return made

    def look(self, made: OrderedLog) -> None:
        """Somebody asks for a log's status: the time until it is ready passes by such questions."""
        with self._lock:
            if made.status not in ("created", "awaiting_retry"):
                return
            made.polls += 1
            if made.polls >= self.options.polls:
                self._finish(made)
            elif self.options.awaiting_retry:
                made.status = "awaiting_retry"

    def _finish(self, made: OrderedLog) -> None:
        if self._failing > 0:
            self._failing -= 1
            made.status = "processing_failed"
            return
        clinic_id = self.counters[made.counter]
        visits = sorted(
            (
                one for one in self.sessions.values()
                if one.clinic_id == clinic_id and made.first <= self.local(one.started_at).date() <= made.last
            ),
            key=lambda one: one.session_id,
        )  # fmt: skip
        size = self.options.part_rows
        made.parts = [visits[at : at + size] for at in range(0, len(visits), size)] or [[]]
        made.status = "processed"

    def kept(self) -> list[OrderedLog]:
        """Logs that still fill the counters' storage, or will."""
        return [made for made in self.logs.values() if made.status not in GONE]
