"""Everything the reports stand on, computed once per data set, and who won whose money (section 12, items 19 to 23)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction

from tests.oracle.inquiries import Inquiry, appointments_by_person, find_inquiries, took_place
from tests.oracle.people import People, resolve_people
from tests.oracle.players import State
from tests.oracle.rows import Data, Row
from tests.oracle.sources import Sources, Touch, touches_by_person
from tests.oracle.spend import SpendDay, in_reporting_currency, spend_days

CAME_OF = timedelta(days=90)


@dataclass(frozen=True)
class Payment:
    payment_id: str
    person: str
    paid_at: datetime
    paid_on: date
    clinic_id: str
    appointment_id: str | None
    amount: Fraction


@dataclass
class Worth:
    """All payments and all costs of a person, all dates."""

    paid: Fraction = Fraction(0)
    cost: Fraction = Fraction(0)
    has_sales: bool = False
    has_unknown_cost: bool = False


@dataclass
class World:
    data: Data
    people: People
    sources: Sources
    inquiries: list[Inquiry]
    touches: dict[str, list[Touch]]
    spend: list[SpendDay]
    payments: list[Payment]
    worth: dict[str, Worth]
    first_visit: dict[str, Row]
    won_by: dict[str, Inquiry]  # person -> the inquiry that the first visit came of, if any did
    effects: dict[int, dict[State, Fraction]] = field(default_factory=dict)  # by the length of a level's key


_built: dict[int, tuple[Data, World]] = {}


def world(data: Data) -> World:
    """Computed at the first call for a data set, then kept."""
    if id(data) not in _built:
        _built.clear()
        _built[id(data)] = (data, build(data))
    return _built[id(data)][1]


def build(data: Data) -> World:
    people = resolve_people(data)
    sources = Sources(data)
    inquiries = find_inquiries(data, people, sources)
    payments = find_payments(data, people)
    first_visit = {}
    for person, appointments in appointments_by_person(data, people).items():
        visits = [appointment for appointment in appointments if took_place(appointment)]
        if visits:
            first_visit[person] = min(visits, key=lambda row: (row["starts_at"], row["appointment_id"]))
    return World(
        data=data,
        people=people,
        sources=sources,
        inquiries=inquiries,
        touches=touches_by_person(data, people, sources),
        spend=spend_days(data, sources),
        payments=payments,
        worth=find_worth(data, people, payments),
        first_visit=first_visit,
        won_by=find_winners(first_visit, inquiries),
    )


def find_payments(data: Data, people: People) -> list[Payment]:
    found = []
    for row in data["payments"]:
        day = data.local_date(row["paid_at"], row["clinic_id"])
        amount = in_reporting_currency(data, row["amount"], row["currency"], day)
        if amount is not None:
            person = people.patient(row["patient_id"])
            where = (row["clinic_id"], row["appointment_id"])
            found.append(Payment(row["payment_id"], person, row["paid_at"], day, *where, amount))
    return found


def find_worth(data: Data, people: People, payments: list[Payment]) -> dict[str, Worth]:
    worth: dict[str, Worth] = {}
    for payment in payments:
        worth.setdefault(payment.person, Worth()).paid += payment.amount
    for sale in data["sales"]:
        if sale["patient_id"]:
            one = worth.setdefault(people.patient(sale["patient_id"]), Worth())
            day = data.local_date(sale["sold_at"], sale["clinic_id"])
            cost = in_reporting_currency(data, sale["cost"], sale["currency"], day)
            one.has_sales = True
            one.has_unknown_cost = one.has_unknown_cost or cost is None
            one.cost += cost or 0
    return worth


def find_winners(first_visit: dict[str, Row], inquiries: list[Inquiry]) -> dict[str, Inquiry]:
    """12.19: the inquiry that booked the first visit; else the latest `wants_to_book` one before, 90 days at most."""
    won_by: dict[str, Inquiry] = {}
    for person, visit in first_visit.items():
        own = sorted((i for i in inquiries if i.person == person), key=lambda inquiry: inquiry.first_at)
        booking = [inquiry for inquiry in own if visit in inquiry.booked]
        before = [
            inquiry
            for inquiry in own
            if inquiry.counts
            and visit["created_at"] is not None
            and inquiry.first_at < visit["created_at"] <= inquiry.first_at + CAME_OF
        ]
        if booking or before:
            won_by[person] = booking[0] if booking else before[-1]
    return won_by


def inquiry_of_payment(world: World, payment: Payment, audience: str) -> Inquiry | None:
    """The one inquiry that has a payment in the report of an audience (12.20, 12.21)."""
    own = [inquiry for inquiry in world.inquiries if inquiry.person == payment.person and inquiry.counts]
    if audience in {"repeat", "all"}:
        for inquiry in world.inquiries:  # whoever paid for the appointment
            booked = {row["appointment_id"] for row in inquiry.booked}
            if inquiry.counts and not inquiry.is_primary and payment.appointment_id in booked:
                return inquiry
        if audience == "repeat":
            return None
    if payment.person in world.first_visit:
        won_by = world.won_by.get(payment.person)
        return won_by if won_by and won_by.counts and won_by.is_primary else None
    before = [inquiry for inquiry in own if inquiry.is_primary and inquiry.first_at < payment.paid_at]
    return max(before, key=lambda inquiry: inquiry.first_at) if before else None
