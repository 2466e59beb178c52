"""What the call tracker has stored: the city's calls and requests, by the day in its own zone (UTC+3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Any, Literal

from simulators.world.model import Contact, Session, World

ZONE = timezone(timedelta(hours=3))


@dataclass(frozen=True, slots=True)
class CalltouchOptions:
    """Both readings of what the vendor's documents leave open.

    `empty_page_total`: `pageTotal` of a period without calls. `total_key`: name of the row count. `map_visits_clock`:
    how `mapVisits[].sessionDate` is printed. `site_required`: whether requests without `siteId` are refused or cover
    every site. `requests_paged`: whether `page` and `limit` work on requests. `attribution`: the model's number.
    """

    empty_page_total: Literal[0, 1] = 0
    total_key: Literal["recordsTotal", "recordsCount"] = "recordsTotal"
    map_visits_clock: Literal["12h", "24h"] = "24h"
    site_required: bool = True
    requests_paged: bool = False
    attribution: Literal[0, 1] = 1


class CalltouchState:
    """The city as Calltouch sees it, and the edits that it makes later (tags, deleted rows)."""

    def __init__(self, world: World, token: str, options: CalltouchOptions) -> None:
        self.world = world
        self.token = token
        self.options = options
        self.sites = {clinic.calltouch_site: clinic.clinic_id for clinic in world.clinics}
        self.site_of = {clinic_id: site for site, clinic_id in self.sites.items()}
        self.sessions = {session.session_id: session for session in world.sessions}
        self.calls = [contact for contact in world.contacts if contact.system == "calltouch_call"]
        self.requests = [contact for contact in world.contacts if contact.system == "calltouch_request"]
        self.added_tags: dict[int, list[str]] = {}
        self.deleted: set[int] = set()
        self.edits: dict[int, dict[str, Any]] = {}

    def add_tag(self, vendor_num: int, name: str) -> None:
        """Somebody tags an old record; there is no sign of it but the record itself."""
        self.added_tags.setdefault(vendor_num, []).append(name)

    def edit(self, vendor_num: int, **fields: Any) -> None:  # noqa: ANN401 - any field of the record
        """The record says something else from now on (a new attribution model recalculates old sources)."""
        self.edits.setdefault(vendor_num, {}).update(fields)

    def delete(self, vendor_num: int) -> None:
        """The record is gone; the vendor keeps no list of deletions."""
        self.deleted.add(vendor_num)

    def within(self, contacts: list[Contact], clinic_ids: set[str], first: date, last: date) -> list[Contact]:
        return [
            contact
            for contact in contacts
            if contact.clinic_id in clinic_ids
            and first <= day_of(contact.occurred_at) <= last
            and contact.vendor_num not in self.deleted
        ]

    def count(self, clinic_id: str, first: date, last: date) -> int:
        """Calls of a site by the books of the city, whatever the diary's pages show of them."""
        days = (first + timedelta(days=number) for number in range((last - first).days + 1))
        books = [call for call in self.calls if call.clinic_id == clinic_id and call.vendor_num not in self.deleted]
        return sum(sum(day_of(call.occurred_at) == day for call in books) for day in days)

    def visits(self, contact: Contact) -> list[Session]:
        return [self.sessions[number] for number in contact.session_ids]


def day_of(instant: datetime) -> date:
    return instant.astimezone(ZONE).date()
