"""The invented people of a random month: clinics, staff, counterparties, patients and callers nobody knows.

Phones are from ranges that nobody has (+7 900 000-xxxx, +7 495 000-xxxx), e-mails at example.org.
"""

from __future__ import annotations

import csv
import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.oracle.rows import COLUMNS

ZONES = ("Europe/Moscow", "Europe/Kaliningrad", "Asia/Yekaterinburg", "Asia/Novosibirsk", "Europe/Berlin")
MONTHS = (date(2026, 1, 1), date(2026, 3, 1), date(2026, 6, 1), date(2025, 12, 1))
HOW_LEARNED = ("", "", "", "advertising", "internet", "other", "referral_patient", "referral_employee", "signboard")


@dataclass
class Actor:
    """Somebody who gets in touch: what may be written on the contact, and the patients it may be about."""

    phones: list[str] = field(default_factory=list)
    emails: list[str] = field(default_factory=list)
    clients: list[str] = field(default_factory=list)
    patients: list[str] = field(default_factory=list)


class Month:
    """The rows written so far, the generator, and the month's first day."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)  # noqa: S311 - repeatable, no secret
        self.first = self.rng.choice(MONTHS)
        self.rows: dict[str, list[dict[str, str]]] = {kind: [] for kind in COLUMNS}
        self.zones: dict[str, str] = {}
        self.actors: list[Actor] = []
        self.card_clinic: dict[str, str] = {}
        self.numbers: dict[str, int] = {}

    def maybe(self, probability: float) -> bool:
        return self.rng.random() < probability

    def number(self, prefix: str) -> str:
        self.numbers[prefix] = self.numbers.get(prefix, 0) + 1
        return f"{prefix}{self.numbers[prefix]}"

    def add(self, kind: str, /, **values: str | int | None) -> dict[str, str]:
        row = {name: "" if value is None else str(value) for name, value in values.items()}
        unknown = set(row) - set(COLUMNS[kind])
        assert not unknown, f"{kind} has no {unknown}"
        self.rows[kind].append(row)
        return row

    def clinic(self) -> str:
        return self.rng.choice(sorted(self.zones))

    def phone(self) -> str:
        prefix = "+7495000" if self.maybe(0.2) else "+7900000"
        return f"{prefix}{int(self.number('')):04d}"

    def email(self) -> str:
        return f"{self.number('person')}@example.org"

    def local(self, clinic_id: str, day: date, hour: int, minute: int, second: int) -> datetime:
        zone = ZoneInfo(self.zones[clinic_id])
        return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=zone)

    def working_time(self, clinic_id: str, day: date) -> datetime:
        rng = self.rng
        return self.local(clinic_id, day, rng.randint(9, 19), rng.randint(0, 59), rng.randint(0, 59))

    def stamp(self, moment: datetime, clinic_id: str | None = None) -> str:
        """With the clinic's offset, in UTC, or local without an offset (never where clocks change)."""
        zone_name = self.zones.get(clinic_id or "", "Europe/Moscow")
        local = moment.astimezone(ZoneInfo(zone_name))
        if clinic_id and zone_name != "Europe/Berlin" and self.maybe(0.3):
            return local.replace(tzinfo=None).isoformat(sep=" ")
        return (local if self.maybe(0.7) else moment.astimezone(UTC)).isoformat()

    def written_phone(self, phone: str) -> str:
        """As people write it."""
        area, a, b, c = phone[2:5], phone[5:8], phone[8:10], phone[10:12]
        forms = (phone, phone, f"8 ({area}) {a}-{b}-{c}", f"+7 {area} {a}-{b}-{c}", f"8{phone[2:]}")
        return self.rng.choice(forms)

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for kind, rows in self.rows.items():
            if rows:
                with (folder / f"{kind}.csv").open("w", encoding="utf-8", newline="") as file:
                    writer = csv.DictWriter(file, COLUMNS[kind], restval="")
                    writer.writeheader()
                    writer.writerows(rows)


def add_card(m: Month, phones: list[str], emails: list[str], clinic_id: str | None = None) -> str:
    patient_id = m.number("P")
    clinic_id = clinic_id or m.clinic()
    m.card_clinic[patient_id] = clinic_id
    m.add(
        "patients",
        patient_id=patient_id,
        clinic_id=clinic_id,
        full_name=f"Patient {patient_id}",
        phones=";".join(m.written_phone(phone) for phone in phones),
        emails=";".join(email.upper() if m.maybe(0.2) else email for email in emails),
        how_learned=m.rng.choice(HOW_LEARNED),
        registered_at=m.stamp(m.working_time(clinic_id, m.first - timedelta(days=m.rng.randint(0, 500))), clinic_id),
    )
    return patient_id


def add_staff(m: Month) -> None:
    for name in ("anna", "boris", "vera"):
        m.add("employees", employee_id=name, full_name=name.title(), clinic_id=m.clinic(), group="administrators")
    for _ in range(2):
        phones = [m.phone() for _ in range(m.rng.randint(1, 2))]
        written = ";".join(map(m.written_phone, phones))
        id_ = m.number("X")
        m.add(
            "employees", employee_id=id_, full_name=f"Nurse {id_}", clinic_id=m.clinic(), group="nurses", phones=written
        )
        own_cards = [add_card(m, phones[:1], [])] if m.maybe(0.5) else []
        m.actors.append(Actor(phones=phones, patients=own_cards))
    for _ in range(2):
        actor = Actor(phones=[m.phone()], emails=[m.email()])
        m.actors.append(actor)
        name = m.number("Supplier ")
        m.add("counterparties", name=name, phones=m.written_phone(actor.phones[0]), emails=actor.emails[0])


def add_patients(m: Month) -> None:
    rng = m.rng
    for _ in range(rng.randint(20, 35)):
        phones = [m.phone() for _ in range(rng.choice((0, 1, 1, 1, 1, 1, 2)))]
        emails = [m.email()] if m.maybe(0.4) or not phones else []
        clients = [m.number("c-") for _ in range(rng.choice((0, 1, 1, 1, 2)))]
        m.actors.append(Actor(phones, emails, clients, [add_card(m, phones, emails)]))
    for _ in range(3):  # families with one phone, sometimes one e-mail, sometimes a phone of one's own
        shared, mail = m.phone(), m.email()
        clinic_id = m.clinic() if m.maybe(0.7) else None
        cards, own = [], [m.phone()]
        for place in range(rng.randint(2, 3)):
            cards.append(add_card(m, [shared, *(own if place == 0 else [])], [mail] if m.maybe(0.5) else [], clinic_id))
        m.actors.append(Actor([shared, *own], [mail], [m.number("c-")] if m.maybe(0.5) else [], cards))
    for _ in range(2):  # one phone, two cards in two clinics that nobody merged
        phone = m.phone()
        m.actors.append(Actor([phone], [], [], [add_card(m, [phone], []) for _ in range(2)]))
    for chain in (2, 2, 3):  # merged cards, of one clinic or of several
        cards, phones = [], []
        for _ in range(chain):
            phones.append(m.phone())
            cards.append(add_card(m, phones[-1:], [m.email()] if m.maybe(0.3) else []))
        for card, into in pairwise(cards):
            next(row for row in m.rows["patients"] if row["patient_id"] == card)["merged_into_patient_id"] = into
        m.actors.append(Actor(phones, [], [m.number("c-")], cards))
    for people in (8, rng.randint(9, 11)):  # the phone of a hotel; eight are not yet too many
        phone = m.phone()
        guests = [add_card(m, [phone], []) for _ in range(people)]
        m.actors.append(Actor([phone], [], [], guests[:3]))


def add_strangers(m: Month) -> None:
    rng = m.rng
    for _ in range(rng.randint(12, 20)):
        m.actors.append(
            Actor(
                phones=[m.phone() for _ in range(rng.choice((0, 1, 1, 1, 2)))],
                emails=[m.email()] if m.maybe(0.3) else [],
                clients=[m.number("c-") for _ in range(rng.choice((0, 1, 1, 2)))],
            )
        )
    m.actors.append(Actor())  # leaves nothing at all


def add_people(m: Month) -> None:
    for place in range(m.rng.randint(1, 3)):
        clinic_id = f"C{place + 1}"
        m.zones[clinic_id] = m.rng.choice(ZONES)
        m.add("clinics", clinic_id=clinic_id, name=f"Clinic {clinic_id}", time_zone=m.zones[clinic_id])
    add_staff(m)
    add_patients(m)
    add_strangers(m)
