"""The reports `administrator_conversion` and `inquiry_history`. RULES sections 5, 6; section 12, items 10, 26, 27."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.oracle.inquiries import Inquiry
from tests.oracle.reports import ratio
from tests.oracle.rows import Data
from tests.oracle.world import world


def administrator_conversion(
    data: Data,
    date_from: date,
    date_to: date,
    audience: str = "all",
    hide_employee_referrals: bool = False,
    topic: str | None = None,
    channel: str | None = None,
    clinic: str | None = None,
    as_of: datetime | None = None,
) -> list[dict[str, Any]]:
    """One row per administrator by id, then the row with administrator None: all together.

    `as_of` is the load's moment (now where None): it decides which visits are due.
    """
    names = {row["employee_id"]: row["full_name"] for row in data["employees"]}
    moment = as_of or datetime.now(UTC)
    stages_loaded = bool(data["treatment_stages"])  # else `completed` is null
    chosen = [
        inquiry
        for inquiry in world(data).inquiries
        if inquiry.counts
        and date_from <= inquiry.local_date <= date_to
        and (audience == "all" or inquiry.is_primary == (audience == "primary"))
        and not (hide_employee_referrals and inquiry.referral == "referral_employee")
        and topic in (None, inquiry.topic or "unknown")
        and channel in (None, inquiry.source.channel)
        and clinic in (None, inquiry.clinic_id)
    ]
    rows = []
    for administrator_id in sorted({inquiry.administrator_id for inquiry in chosen}):
        own = [inquiry for inquiry in chosen if inquiry.administrator_id == administrator_id]
        name = names.get(administrator_id) or administrator_id
        rows.append(_row(administrator_id, name, own, moment, stages_loaded))
    rows.append(_row(None, None, chosen, moment, stages_loaded))
    return rows


def _row(
    administrator_id: str | None, name: str | None, chosen: list[Inquiry], moment: datetime, stages_loaded: bool
) -> dict[str, Any]:
    booked = [inquiry for inquiry in chosen if inquiry.is_booked]
    waiting = [inquiry for inquiry in chosen if inquiry.outcome == "waiting_list"]
    arrived = [inquiry for inquiry in booked if inquiry.is_arrived]
    due = [inquiry for inquiry in booked if inquiry.due_from is not None and inquiry.due_from <= moment]
    arrived_of_due = [inquiry for inquiry in due if inquiry.is_arrived]
    completed = [inquiry for inquiry in booked if inquiry.is_completed]

    def percent(part: list[Inquiry], whole: list[Inquiry]) -> Decimal | None:
        return ratio(Fraction(len(part)), Fraction(len(whole)), 100)

    return {
        "administrator_id": administrator_id,
        "administrator": name,
        "inquiries": len(chosen),
        "booked": len(booked),
        "booked_percent": percent(booked, chosen),
        "waiting_list": len(waiting),
        "waiting_list_percent": percent(waiting, chosen),
        "booked_or_waiting": len(booked) + len(waiting),
        "booked_or_waiting_percent": percent(booked + waiting, chosen),
        "arrived": len(arrived),
        "arrived_of_booked_percent": percent(arrived, booked),
        "completed": len(completed) if stages_loaded else None,
        "completed_of_booked_percent": percent(completed, booked) if stages_loaded else None,
        "due": len(due),
        "arrived_of_due": len(arrived_of_due),
        "arrived_of_due_percent": percent(arrived_of_due, due),
    }


def inquiry_history(data: Data) -> list[dict[str, Any]]:
    """One row per contact and person, in time order. What the administrator wrote on the contact is the contact's own;
    outcome, reasons and `is_primary` are the inquiry's."""
    w = world(data)
    inquiry_of = {(c["contact_id"], i.person): i for i in w.inquiries for c in i.contacts}
    cards = {card["patient_id"]: card for card in data["patients"]}
    rows = []
    for contact in sorted(data["contacts"], key=lambda row: (row["occurred_at"], row["contact_id"])):
        own = w.sources.of_contact(contact)
        for person in w.people.of_contact[contact["contact_id"]]:
            inquiry = inquiry_of.get((contact["contact_id"], person))
            group = contact["people_group"] or (inquiry.people_group if inquiry else None)
            card = cards.get(person.removeprefix("patient:")) if person.startswith("patient:") else None
            why_excluded = None
            if inquiry is None:
                why_excluded = "clinic_initiated"
            elif not inquiry.counts:
                why_excluded = inquiry.people_group
            rows.append(
                {
                    "contact_id": contact["contact_id"],
                    "inquiry_key": inquiry.key if inquiry else None,
                    "person_key": person,
                    "occurred_at": contact["occurred_at"],
                    "local_date": data.local_date(contact["occurred_at"], contact["clinic_id"]),
                    "clinic_id": contact["clinic_id"],
                    "kind": contact["kind"],
                    "direction": contact["direction"],
                    "is_unanswered": contact["is_answered"] is False,
                    "people_group": group,
                    "is_primary": inquiry.is_primary if inquiry else None,
                    "topic": contact["topic"],
                    "channel": own.channel,
                    "source": own.source,
                    "campaign": own.campaign,
                    "administrator_id": contact["administrator_id"],
                    "outcome": inquiry.outcome if inquiry else contact["outcome"],
                    "refusal_reason": inquiry.refusal_reason if inquiry else contact["refusal_reason"],
                    "not_arrived_reason": inquiry.not_arrived_reason if inquiry else None,
                    "why_excluded": why_excluded,
                    "phone": contact["phone"],
                    "full_name": card["full_name"] if card else None,
                    "recording_url": contact["recording_url"],
                }
            )
    return rows
