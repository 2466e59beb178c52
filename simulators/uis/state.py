"""What the tracker has stored: the city's calls, requests and chats of the clinics that use it, and its points."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from simulators.world.model import Contact, Session, World

FIRST_SITE = 21_000
FIRST_EMPLOYEE = 500_001
REPORT_KINDS = {
    "get.calls_report": ("call",),
    "get.offline_messages_report": ("form", "callback_order"),
    "get.chats_report": ("message",),
}


@dataclass(frozen=True, slots=True)
class UisOptions:
    """Both readings of what the vendor's documents leave open, and the account's limits.

    `time_zone`: the account's. `times`: the wall clock without offset, or ISO with Z as an older page of the vendor has
    it. `no_tags`: how a contact without tags is told. `minute_limit`, `day_limit`: points. `enforced`: whether they are
    kept. `minute_reset`: seconds that answers tell until the minute is over (null: counted by the clock).
    """

    time_zone: str = "Europe/Moscow"
    times: Literal["plain", "iso"] = "plain"
    no_tags: Literal["null", "list", "map"] = "null"
    minute_limit: int = 150
    day_limit: int = 20_000
    enforced: bool = True
    minute_reset: int | None = None


class UisState:
    """The city as UIS sees it, and the edits that it makes later. `clock` gives seconds; safe between threads."""

    def __init__(self, world: World, token: str, options: UisOptions, clock: Callable[[], float]) -> None:
        self.world = world
        self.token = token
        self.options = options
        self.zone = ZoneInfo(options.time_zone)
        self.contacts = [contact for contact in world.contacts if contact.contact_id.startswith("uis:")]
        served = {contact.clinic_id for contact in self.contacts}
        self.sites = {
            FIRST_SITE + number: clinic.clinic_id
            for number, clinic in enumerate(world.clinics, start=1)
            if clinic.clinic_id in served
        }
        self.site_of = {clinic_id: site for site, clinic_id in self.sites.items()}
        people = sorted({contact.administrator_id for contact in self.contacts if contact.administrator_id})
        self.employees = {employee_id: FIRST_EMPLOYEE + index for index, employee_id in enumerate(people)}
        self.sessions = {session.session_id: session for session in world.sessions}
        self.visits = [one for one in world.sessions if one.clinic_id in self.site_of and one.started_at < world.now]
        self.added_tags: dict[str, list[str]] = {}
        self.deleted: set[str] = set()
        self.edits: dict[str, dict[str, Any]] = {}
        self._clock = clock
        self._lock = threading.Lock()
        self._minute = self._day = (clock(), 0)

    def add_tag(self, contact_id: str, name: str) -> None:
        """Somebody tags an old contact; there is no sign of it but the contact itself."""
        self.added_tags.setdefault(contact_id, []).append(name)

    def edit(self, contact_id: str, **fields: Any) -> None:  # noqa: ANN401 - any field of the row
        """The row says something else from now on."""
        self.edits.setdefault(contact_id, {}).update(fields)

    def delete(self, contact_id: str) -> None:
        """The row is gone; the vendor keeps no list of deletions."""
        self.deleted.add(contact_id)

    def within(self, method: str, first: datetime, last: datetime) -> list[Contact]:
        """Contacts of a report between two times of the account's clock, both included."""
        return [
            contact
            for contact in self.contacts
            if contact.kind in REPORT_KINDS[method]
            and first <= self.local(contact.occurred_at) <= last
            and contact.contact_id not in self.deleted
        ]

    def local(self, instant: datetime) -> datetime:
        return instant.astimezone(self.zone).replace(tzinfo=None)

    def session(self, contact: Contact) -> Session | None:
        return self.sessions[contact.session_ids[-1]] if contact.session_ids else None

    def spend(self) -> bool:
        """Takes a point; false when the minute or the day has none left."""
        with self._lock:
            self._turn()
            (minute, asked), (day, asked_today) = self._minute, self._day
            spent = asked >= self.options.minute_limit or asked_today >= self.options.day_limit
            if self.options.enforced and spent:
                return False
            self._minute, self._day = (minute, asked + 1), (day, asked_today + 1)
            return True

    def limits(self) -> dict[str, int]:
        """The block of `metadata` that every answer carries."""
        with self._lock:
            self._turn()
            now, chosen = self._clock(), self.options
            (minute, asked), (day, asked_today) = self._minute, self._day
            reset = int(60 - (now - minute)) if chosen.minute_reset is None else chosen.minute_reset
            return {
                "day_limit": chosen.day_limit,
                "day_remaining": max(0, chosen.day_limit - asked_today) if chosen.enforced else chosen.day_limit,
                "day_reset": int(86_400 - (now - day)),
                "minute_limit": chosen.minute_limit,
                "minute_remaining": max(0, chosen.minute_limit - asked) if chosen.enforced else chosen.minute_limit,
                "minute_reset": reset,
            }

    def _turn(self) -> None:
        now = self._clock()
        if now - self._minute[0] >= 60:
            self._minute = (now, 0)
        if now - self._day[0] >= 86_400:
            self._day = (now, 0)
