"""Who is who in the invented city, and how well the warehouse knows it: precision and recall over pairs of records.

A person is what RULES section 1 calls one: a patient after merges, else whoever is behind a household's phones, address
and browser. A contact is about the patients booked or named in it. Where a household has several cards, or several
members of whom some have one, the story does not say whom its other records are about: they are `unsaid`. A pair with
an unsaid record is right within a household and wrong across, and is not asked for in recall.

The story knows more than anybody wrote down. `told` leaves to the truth only what RULES lets a record say: an
employee's phone is the employee's (12.3), a call out of which several patients were booked and nobody was named says
none of them (section 1: "the only appointment"), and a message without phone, e-mail and browser says nobody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

import psycopg

from simulators.world.model import Household, World

Record = tuple[str, str]
UNSAID = "unsaid"


@dataclass(frozen=True, slots=True)
class Truth:
    """Of each record: its persons (one, several for a call about two children) or UNSAID, and where they live."""

    persons: Mapping[Record, frozenset[str]]
    homes: Mapping[Record, str]

    def same(self, one: Record, other: Record) -> bool:
        if self.persons[one] & self.persons[other] - {UNSAID}:
            return True
        unsaid = UNSAID in self.persons[one] | self.persons[other]
        return unsaid and self.homes[one] == self.homes[other]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Pairs that the warehouse holds for one person, those of them that are right, and the true pairs it found."""

    held: int
    right: int
    true: int
    found: int
    wrong_pairs: tuple[tuple[Record, Record], ...]
    missed_pairs: tuple[tuple[Record, Record], ...]

    @property
    def precision(self) -> float:
        return self.right / self.held

    @property
    def recall(self) -> float:
        return self.found / self.true


def truth_of(world: World, *, told: bool) -> Truth:
    """The story's truth, or the part of it that was told; of records with a phone, an e-mail, a browser or a card."""
    home_of: dict[str, tuple[str, Household]] = {}
    for number, household in enumerate(world.households):
        for mark in (*household.phones, household.email, household.client_id):
            if mark:
                home_of[mark] = (f"household:{number}", household)
    for person in world.employees:
        home_of.pop(person.phone or "", None)  # a listed phone is the employee's, whoever lives behind it
    listed = {person.phone: f"employee:{person.employee_id}" for person in world.employees if person.phone}
    listed |= {phone: f"counterparty:{name}" for name, phone in world.counterparties}
    own_lines = {clinic.main_phone for clinic in world.clinics}
    surviving = {one.pat_num: one.merged_into or one.pat_num for one in world.patients}
    booked: dict[str, set[int]] = defaultdict(set)
    for appointment in world.appointments:
        if appointment.booked_by_contact and not appointment.is_note:
            booked[appointment.booked_by_contact].add(surviving[appointment.pat_num])
    card_homes = {card: name for name, home in home_of.values() for cards in home.cards for card in cards}
    persons: dict[Record, frozenset[str]] = {}
    homes: dict[Record, str] = {}

    def write(record: Record, cards: Iterable[int], marks: Iterable[str | None]) -> None:
        about = frozenset(f"card:{surviving[card]}" for card in cards)
        given = [mark for mark in marks if mark and mark not in own_lines]
        home = next((home_of[mark] for mark in given if mark in home_of), None)
        if about:
            persons[record] = about
            homes[record] = min(card_homes.get(surviving[card], record[1]) for card in cards)
        elif given and given[0] in listed:
            persons[record], homes[record] = frozenset({listed[given[0]]}), listed[given[0]]
        elif home is not None:
            persons[record], homes[record] = frozenset({_only_person(*home)}), home[0]
        elif given:
            persons[record], homes[record] = frozenset({f"mark:{given[0]}"}), f"mark:{given[0]}"

    for patient in world.patients:
        write(("card", f"{world.systems[patient.clinic_id].clinic}:{patient.pat_num}"), [patient.pat_num], ())
    for contact in world.contacts:
        cards = booked.get(contact.contact_id, set()) | {surviving[card] for card in contact.named_patients}
        marks = (contact.phone, contact.email, contact.client_id)
        record = ("contact", contact.contact_id)
        write(record, cards, marks)
        if told and cards and not contact.named_patients:
            if contact.phone in listed:
                persons[record] = frozenset({listed[contact.phone]})
                homes[record] = listed[contact.phone]
            elif len(cards) > 1 or not any(marks):
                persons[record] = frozenset({UNSAID})
    rows = world.neutral_rows()
    for row in rows["sessions"]:
        write(("session", row["session_id"]), (), (row["client_id"],))
    for row in rows["deals"]:
        write(("deal", row["deal_id"]), (), (row["phone_e164"], row["email"]))
    return Truth(persons, homes)


def _only_person(name: str, household: Household) -> str:
    cards = [card for member in household.cards for card in member]
    if not cards:
        return name
    return f"card:{cards[0]}" if len(household.cards) == len(cards) == 1 else UNSAID


def known_persons(url: str) -> dict[Record, frozenset[str]]:
    """Record → the person keys that the marts give it."""
    found: dict[Record, set[str]] = defaultdict(set)
    with psycopg.connect(url) as connection:
        for kind, record, person in connection.execute(
            """
            select 'card', patient_id, person_key from marts.dim_patients
            union all select 'contact', contact_id, person_key from marts.fct_contacts
            union all select 'session', session_id, person_key from marts.fct_sessions
            union all select 'deal', deal_id, person_key from marts.fct_deals where person_key is not null
            """
        ):
            found[kind, record].add(person)
    return {record: frozenset(persons) for record, persons in found.items()}


def agreement(truth: Truth, known: Mapping[Record, frozenset[str]]) -> Agreement:
    """Pairs of records that are in both."""
    records = truth.persons.keys() & known.keys()
    held = _pairs({record: known[record] for record in records})
    true = _pairs({record: truth.persons[record] - {UNSAID} for record in records})
    wrong = sorted(pair for pair in held if not truth.same(*pair))
    missed = sorted(true - held)
    return Agreement(
        held=len(held), right=len(held) - len(wrong), true=len(true), found=len(true) - len(missed),
        wrong_pairs=tuple(wrong), missed_pairs=tuple(missed),
    )  # fmt: skip


def _pairs(persons: Mapping[Record, frozenset[str]]) -> set[tuple[Record, Record]]:
    members: dict[str, list[Record]] = defaultdict(list)
    for record, keys in persons.items():
        for key in keys:
            members[key].append(record)
    return {pair for records in members.values() for pair in combinations(sorted(records), 2)}
