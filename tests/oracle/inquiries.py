"""Inquiries: RULES section 1 and section 12, items 4 to 11, 26, 27.

An inquiry is all contacts of one person with one clinic on one local day, opened by an inbound contact.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from tests.oracle.people import People, identifiers_of
from tests.oracle.rows import Data, Row
from tests.oracle.sources import UNKNOWN, Source, Sources, Touch

UNRESOLVED = {"request_saved", "missed", "waiting_list"}
TOOK_PLACE = {"arrived", "completed"}
CALLBACK_DAYS = 30
BOOKING_WINDOW = timedelta(hours=168)


@dataclass
class Inquiry:
    person: str
    clinic_id: str
    local_date: date
    contacts: list[Row]
    first_at: datetime  # of the day's own contacts, any direction
    next_at: datetime | None = None  # first contact of the person's next inquiry at the clinic
    people_group: str = ""
    is_primary: bool = True
    outcome: str = ""
    is_flagged: bool = False  # a stated `booked` without an appointment
    refusal_reason: str | None = None
    not_arrived_reason: str | None = None
    topic: str | None = None
    administrator_id: str = "unknown"
    referral: str | None = None
    deciding: Touch | None = None  # the touch of the contact that decides the source
    source: Source = UNKNOWN
    booked: list[Row] = field(default_factory=list)  # its appointments, the waiting list left out
    visits: list[Row] = field(default_factory=list)  # those of them that took place
    booked_at: datetime | None = None
    due_from: datetime | None = None
    is_completed: bool | None = None

    @property
    def key(self) -> str:
        return f"{self.person}|{self.clinic_id}|{self.local_date}"

    @property
    def counts(self) -> bool:
        """Whether marketing figures count it."""
        return self.people_group == "wants_to_book"

    @property
    def is_booked(self) -> bool:
        return self.outcome == "booked"

    @property
    def is_arrived(self) -> bool:
        return bool(self.visits)


def took_place(appointment: Row) -> bool:
    """12.5."""
    return appointment["status"] in TOOK_PLACE and appointment["starts_at"] is not None


def appointments_by_person(data: Data, people: People) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for appointment in data["appointments"]:
        found.setdefault(people.patient(appointment["patient_id"]), []).append(appointment)
    return found


def appointments_of(inquiry: Inquiry, appointments: list[Row]) -> list[Row]:
    """Appointments of the person linked to a contact of the inquiry, or unlinked and created in its window (12.7)."""
    own_contacts = {contact["contact_id"] for contact in inquiry.contacts}
    end = inquiry.first_at + BOOKING_WINDOW
    if inquiry.next_at is not None:
        end = min(end, inquiry.next_at)
    found = []
    for appointment in appointments:
        if appointment["contact_id"] is not None:
            if appointment["contact_id"] in own_contacts:
                found.append(appointment)
        elif (
            appointment["clinic_id"] == inquiry.clinic_id
            and appointment["created_at"] is not None
            and inquiry.first_at <= appointment["created_at"] < end
        ):
            found.append(appointment)
    return found


def outcome_of(contacts: list[Row], appointments: list[Row]) -> tuple[str, Row | None, bool]:
    """Outcome, the contact that gave it (if one did), and whether it is a `booked` without appointment (12.8)."""
    stated = [contact for contact in contacts if contact["outcome"]]
    booked = [appointment for appointment in appointments if appointment["status"] != "waiting_list"]
    stated_booked = [contact for contact in stated if contact["outcome"] == "booked"]
    if booked or stated_booked:
        return "booked", stated_booked[-1] if stated_booked else None, not booked
    stated_waiting = [contact for contact in stated if contact["outcome"] == "waiting_list"]
    if appointments or stated_waiting:
        return "waiting_list", stated_waiting[-1] if stated_waiting else None, False
    if stated:
        return stated[-1]["outcome"], stated[-1], False
    calls = [contact for contact in contacts if contact["direction"] == "inbound" and contact["kind"] == "call"]
    if calls and all(call["is_answered"] is False for call in calls):
        missed_at = calls[0]["occurred_at"]
        if not any(c["direction"] == "outbound" and c["occurred_at"] > missed_at for c in contacts):
            return "missed", None, False
    return "request_saved", None, False


def open_inquiries(data: Data, people: People) -> tuple[list[Inquiry], list[tuple[Row, str]]]:
    """Inquiries with the contacts of their own day, and the outbound contacts left over, in time order."""
    days: dict[tuple[str, str, date], list[Row]] = {}
    for contact in sorted(data["contacts"], key=lambda row: (row["occurred_at"], row["contact_id"])):
        day = data.local_date(contact["occurred_at"], contact["clinic_id"])
        for person in people.of_contact[contact["contact_id"]]:
            days.setdefault((person, contact["clinic_id"], day), []).append(contact)
    inquiries: list[Inquiry] = []
    left_over: list[tuple[Row, str]] = []
    for (person, clinic_id, day), contacts in sorted(days.items()):
        if any(contact["direction"] == "inbound" for contact in contacts):
            inquiry = Inquiry(person, clinic_id, day, contacts, contacts[0]["occurred_at"])
            if inquiries and (inquiries[-1].person, inquiries[-1].clinic_id) == (person, clinic_id):
                inquiries[-1].next_at = inquiry.first_at
            inquiries.append(inquiry)
        else:
            left_over += [(contact, person) for contact in contacts]
    left_over.sort(key=lambda pair: (pair[0]["occurred_at"], pair[0]["contact_id"]))
    return inquiries, left_over


def attach_callbacks(
    inquiries: list[Inquiry], left_over: list[tuple[Row, str]], data: Data, appointments: dict[str, list[Row]]
) -> None:
    """12.9: each joins the latest inquiry of the 30 days before that was unresolved at that moment."""
    for contact, person in left_over:
        day = data.local_date(contact["occurred_at"], contact["clinic_id"])
        candidates = [
            inquiry
            for inquiry in inquiries
            if (inquiry.person, inquiry.clinic_id) == (person, contact["clinic_id"])
            and day - timedelta(days=CALLBACK_DAYS) <= inquiry.local_date < day
        ]
        for inquiry in sorted(candidates, key=lambda inquiry: inquiry.local_date, reverse=True):
            known_by_then = [
                appointment
                for appointment in appointments_of(inquiry, appointments.get(person, []))
                if appointment["created_at"] < contact["occurred_at"]
            ]
            if outcome_of(inquiry.contacts, known_by_then)[0] in UNRESOLVED:
                inquiry.contacts.append(contact)
                inquiry.contacts.sort(key=lambda row: (row["occurred_at"], row["contact_id"]))
                break


def group_of(inquiry: Inquiry, appointments: list[Row], people: People) -> str:
    """12.4."""
    stated = [contact["people_group"] for contact in inquiry.contacts if contact["people_group"]]
    if stated:
        return "wants_to_book" if "wants_to_book" in stated else str(stated[0])
    identifiers = [identifier for contact in inquiry.contacts for identifier in identifiers_of(contact)]
    if any(identifier in people.employee_of for identifier in identifiers):
        return "employee"
    if any(identifier in people.counterparty_of for identifier in identifiers):
        return "other"
    has_future_appointment = any(
        appointment["clinic_id"] == inquiry.clinic_id
        and appointment["created_at"] is not None
        and appointment["created_at"] < inquiry.first_at
        and appointment["starts_at"] is not None
        and appointment["starts_at"] > inquiry.first_at
        and appointment["status"] not in {"cancelled", "waiting_list"}
        for appointment in appointments
    )
    return "already_booked" if has_future_appointment and not inquiry.is_booked else "wants_to_book"


def patient_how_learned(person: str, data: Data, people: People) -> str | None:
    """Of the card that the others were merged into, else of the first other card that has it."""
    cards = [card for card in data["patients"] if people.patient(card["patient_id"]) == person]
    cards.sort(key=lambda card: ("patient:" + card["patient_id"] != person, card["patient_id"]))
    return next((card["how_learned"] for card in cards if card["how_learned"]), None)


def decide_source(inquiry: Inquiry, candidates: list[Row], data: Data, people: People, sources: Sources) -> None:
    """The first inbound contact of the inquiry's group with a known source decides; else the first inbound one."""
    inbound = [contact for contact in candidates if contact["direction"] == "inbound"]
    if not inbound:  # the group was stated only by a callback
        inbound = [contact for contact in inquiry.contacts if contact["direction"] == "inbound"]
    known = [contact for contact in inbound if sources.of_contact(contact) != UNKNOWN]
    contact = (known or inbound)[0]
    inquiry.source = sources.of_contact(contact)
    inquiry.deciding = Touch(contact["occurred_at"], contact["contact_id"], contact["contact_id"], inquiry.source)
    how_learned = contact["how_learned"]
    if not how_learned and inquiry.is_primary:
        how_learned = patient_how_learned(inquiry.person, data, people)
    if how_learned and how_learned.startswith("referral_"):
        inquiry.referral = how_learned
        inquiry.source = Source("referral", how_learned)


def completed(inquiry: Inquiry, data: Data, people: People) -> bool | None:
    """12.27: the end of the treatment that a visit opened; None where treatment stages were never loaded."""
    if not data["treatment_stages"]:
        return None
    plans: dict[str, list[Row]] = {}
    for stage in data["treatment_stages"]:
        if people.patient(stage["patient_id"]) == inquiry.person and stage["clinic_id"] == inquiry.clinic_id:
            plans.setdefault(stage["plan_id"], []).append(stage)
    for stages in plans.values():
        opened = [stage["opened_at"] for stage in stages if stage["opened_at"]]
        highest = max(stage["stage_number"] for stage in stages)
        if not opened or not all(stage["done_at"] for stage in stages if stage["stage_number"] == highest):
            continue
        opened_on = data.local_date(min(opened), inquiry.clinic_id)
        for visit in inquiry.visits:
            directions = {stage["direction"] for stage in stages if stage["direction"]}
            same = not directions or not visit["direction"] or visit["direction"] in directions
            if same and opened_on >= data.local_date(visit["starts_at"], visit["clinic_id"]):
                return True
    return False


def fill(inquiry: Inquiry, data: Data, people: People, sources: Sources, appointments: list[Row]) -> None:
    own = appointments_of(inquiry, appointments)
    inquiry.outcome, gave, inquiry.is_flagged = outcome_of(inquiry.contacts, own)
    inquiry.refusal_reason = gave["refusal_reason"] if gave and not inquiry.is_booked else None
    inquiry.booked = [appointment for appointment in own if appointment["status"] != "waiting_list"]
    inquiry.booked.sort(key=lambda row: (row["created_at"], row["appointment_id"]))
    inquiry.visits = sorted(
        filter(took_place, inquiry.booked), key=lambda row: (row["starts_at"], row["appointment_id"])
    )
    if inquiry.booked:
        inquiry.booked_at = inquiry.booked[0]["created_at"]
        starts = [appointment["starts_at"] for appointment in inquiry.booked if appointment["starts_at"]]
        inquiry.due_from = min(starts) if starts else None
        if not inquiry.visits:
            reasons = [row["not_arrived_reason"] for row in inquiry.booked if row["not_arrived_reason"]]
            inquiry.not_arrived_reason = reasons[0] if reasons else None
    elif gave and inquiry.is_booked:
        inquiry.booked_at = gave["occurred_at"]
    inquiry.people_group = group_of(inquiry, appointments, people)
    inquiry.is_primary = not any(took_place(row) and row["starts_at"] < inquiry.first_at for row in appointments)
    candidates = [c for c in inquiry.contacts if c["people_group"] in (None, inquiry.people_group)]
    inquiry.topic = next((contact["topic"] for contact in candidates if contact["topic"]), None)
    for contact in inquiry.contacts:  # 12.10
        if contact["administrator_id"] and contact["is_answered"] is not False:
            inquiry.administrator_id = contact["administrator_id"]
            break
    decide_source(inquiry, candidates, data, people, sources)
    inquiry.is_completed = completed(inquiry, data, people)


def find_inquiries(data: Data, people: People, sources: Sources) -> list[Inquiry]:
    """All inquiries of any group, complete."""
    appointments = appointments_by_person(data, people)
    inquiries, left_over = open_inquiries(data, people)
    attach_callbacks(inquiries, left_over, data, appointments)
    for inquiry in inquiries:
        fill(inquiry, data, people, sources, appointments.get(inquiry.person, []))
    return inquiries
