"""Random histories of landed rows: small families that grow, shrink, part and join from step to step.

Many histories share one warehouse. They never meet but in what is meant to join nobody: the phone of a hotel (of too
many patients), one that is at the border of too many, an employee's and a supplier's. A step changes a part of them in
one way each, and now and then a campaign's channel or a rate.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any

import psycopg
from psycopg import sql

BEGAN = datetime(2026, 5, 1, 8, tzinfo=UTC)
DAYS = 60
HOTEL, BORDER, NURSE, SUPPLIER = "+74950000001", "+74950000002", "+74950000003", "+74950000004"
CLINICS = ("C1", "C2")
TAGS = (("yandex", "cpc", "implants"), ("vk", "cpc", "promo"), ("newsletter", "email", None), ("strange", "thing", "x"))

Row = dict[str, Any]
Rows = dict[tuple[str, ...], Row]

KEYS = {
    "patients": ("patient_id",), "contacts": ("contact_id",), "sessions": ("session_id",),
    "appointments": ("appointment_id",), "payments": ("payment_id",), "sales": ("sale_id",),
    "treatment_stages": ("stage_id",), "deals": ("deal_id",), "deal_leads": ("lead_id",),
    "deal_stages": ("deal_id", "stage", "entered_at"),
}  # fmt: skip


@dataclass(slots=True)
class History:
    """The rows of one history. State: they change with every step; `number` makes its ids and phones its own."""

    number: int
    rng: random.Random
    rows: dict[str, Rows] = field(default_factory=lambda: {kind: {} for kind in KEYS})
    made: int = 0

    def begin(self) -> None:
        """A few cards, then what some weeks bring."""
        for _ in range(self.rng.randint(1, 3)):
            self.card()
        for _ in range(self.rng.randint(3, 9)):
            self.rng.choice(ARRIVALS)(self)

    def step(self) -> None:
        """One or two things happen: something arrives, late or not, or something known changes or vanishes."""
        for _ in range(self.rng.randint(1, 2)):
            self.rng.choice((*ARRIVALS, *CHANGES))(self)

    @property
    def own_phone(self) -> str:
        """A phone that only `booked` uses."""
        return f"+7900000{self.number:03d}9"

    def booked(self, starts_at: datetime) -> None:
        """A patient with a phone of his own asks by it, two days before, and is booked for that moment."""
        phone, asked_at = self.own_phone, starts_at - timedelta(days=2)
        self.card()
        card = self.amend("patients", phones_e164=[phone], emails=[])
        self.contact()
        contact = self.amend(
            "contacts", clinic_id="C1", occurred_at=asked_at, kind="call", direction="inbound", phone=phone,
            phone_e164=phone, email=None, client_id=None, patient_ids=None, people_group="wants_to_book",
            outcome="booked",
        )  # fmt: skip
        self.appointment()
        self.amend(
            "appointments", patient_id=card, clinic_id="C1", created_at=asked_at + timedelta(minutes=10),
            contact_id=contact, starts_at=starts_at, status="planned",
        )  # fmt: skip

    def ad(self, source: str, campaign: str, at: datetime) -> None:
        """The one who was booked came to the site by this campaign."""
        self.session(self.own_phone)
        self.amend("sessions", started_at=at, utm_source=source, utm_medium="cpc", utm_campaign=campaign)

    def call_from(self, phone: str) -> None:
        """A contact of whom nothing but the phone is known."""
        self.contact()
        self.amend(
            "contacts", phone=phone, phone_e164=phone, email=None, client_id=None, patient_ids=None, clinic_id="C1"
        )

    # What arrives.

    def card(self) -> None:
        self._put("patients", {
            "patient_id": self._new("P"), "clinic_id": self._any(CLINICS), "full_name": f"Patient {self.number}",
            "phones": [], "phones_e164": self._phones(), "emails": self.rng.choice(([], [], [self._email()])),
            "registered_at": self._moment(), "how_learned": self._any((None, "referral_patient")),
            "merged_into_patient_id": None,
        })  # fmt: skip

    def contact(self) -> None:
        tag = self._any((None, None, *TAGS)) or (None, None, None)
        phone = self._any((None, self._phone(), self._phone(), self._phone(), HOTEL, BORDER, NURSE, SUPPLIER))
        self._put("contacts", {
            "contact_id": self._new("E"), "clinic_id": self._any(CLINICS), "occurred_at": self._moment(),
            "kind": self._any(("call", "form", "message")), "direction": self._any(("inbound",) * 4 + ("outbound",)),
            "phone": phone, "phone_e164": phone, "email": self._any((None, None, self._email())),
            "client_id": self._any((None, self._client())),
            "patient_ids": self._any((None, None, None, [self._patient()])),
            "administrator_id": self._any(("A1", "A2", None)), "topic": self._any(("therapy", "implants", None)),
            "people_group": self._any((None, None, "wants_to_book", "already_booked")),
            "how_learned": self._any((None, "referral_patient", "signboard")),
            "outcome": self._any((None, "booked", "declined", "request_saved", "waiting_list")),
            "refusal_reason": self._any((None, "price")), "is_answered": self._any((True, True, False, None)),
            "utm_source": tag[0], "utm_medium": tag[1], "utm_campaign": tag[2],
        })  # fmt: skip

    def session(self, phone: str | None = None) -> None:
        """On the site; `phone`: the one that was left there, else mostly none."""
        tag = self._any((None, *TAGS)) or (None, None, None)
        self._put("sessions", {
            "session_id": self._new("S"), "client_id": self._any((self._client(), self._client(), None)),
            "started_at": self._moment(), "site": "clinic.example", "referrer": self._any((None, "https://yandex.ru/")),
            "utm_source": tag[0], "utm_medium": tag[1], "utm_campaign": tag[2],
            "phone_e164": self._any((None, None, None, self._phone(), HOTEL)) if phone is None else phone,
            "landing_page": "/",
        })  # fmt: skip

    def appointment(self) -> None:
        created = self._moment()
        self._put("appointments", {
            "appointment_id": self._new("V"), "patient_id": self._patient(), "clinic_id": self._any(CLINICS),
            "direction": self._any(("therapy", "implants")), "created_at": self._any((created, created, None)),
            "created_by": "A1", "contact_id": self._any((None, None, self._id("contacts"))),
            "starts_at": created + timedelta(hours=self.rng.randint(1, 24 * 20)),
            "status": self._any(("planned", "arrived", "completed", "no_show", "cancelled", "waiting_list")),
        })  # fmt: skip

    def payment(self) -> None:
        self._put("payments", {
            "payment_id": self._new("M"), "paid_at": self._moment(), "patient_id": self._patient(),
            "clinic_id": self._any(CLINICS), "appointment_id": self._any((None, self._id("appointments"))),
            "amount": self._any((1000, 2500, 777, -500)), "currency": self._any(("RUB", "RUB", "EUR")),
        })  # fmt: skip

    def sale(self) -> None:
        self._put("sales", {
            "sale_id": self._new("L"), "sold_at": self._moment(), "patient_id": self._patient(),
            "clinic_id": self._any(CLINICS), "appointment_id": self._any((None, self._id("appointments"))),
            "item_kind": "service", "item_type": "therapy", "item": self._any(("filling", "crown")), "quantity": 1,
            "amount": self._any((1000, 4000)), "cost": self._any((300, 900, None)),
            "currency": self._any(("RUB", "EUR")), "renews_sale_id": None,
        })  # fmt: skip

    def treatment_stage(self) -> None:
        self._put("treatment_stages", {
            "stage_id": self._new("T"), "plan_id": f"{self.number}:plan", "patient_id": self._patient(),
            "clinic_id": self._any(CLINICS), "direction": None, "opened_at": self._moment(),
            "stage_number": self.rng.randint(1, 3), "stage": "crown", "done_at": self._any((None, self._moment())),
        })  # fmt: skip

    def deal(self) -> None:
        created, phone = self._moment(), self._any((None, self._phone(), HOTEL))
        kind = self._any(("open", "won", "lost"))
        deal_id = self._new("D")
        self._put("deals", {
            "deal_id": deal_id, "name": "Deal", "created_at": created, "created_via": "manual", "pipeline": "main",
            "closed_at": None if kind == "open" else created + timedelta(days=self.rng.randint(1, 9)), "stage": kind,
            "stage_kind": kind, "amount": 5000, "currency": self._any(("RUB", "EUR")), "manager_id": "A2",
            "clinic_id": self._any((*CLINICS, None)), "phone": phone, "phone_e164": phone,
            "utm_source": self._any((None, "vk")), "utm_campaign": self._any((None, "promo")),
        })  # fmt: skip
        self._put("deal_stages", {"deal_id": deal_id, "stage": kind, "entered_at": created})

    def lead(self) -> None:
        self._put("deal_leads", {
            "lead_id": self._new("Q"), "deal_id": self._id("deals"), "created_at": self._moment(),
            "contact_id": self._any((None, self._id("contacts"))), "phone_e164": self._any((None, self._phone())),
            "utm_source": self._any((None, "yandex")), "utm_medium": "cpc", "tags": self._any((None, ["hot"])),
        })  # fmt: skip

    # What changes.

    def vanish(self) -> None:
        kind = self._any([kind for kind, rows in self.rows.items() if rows] or ["patients"])
        if self.rows[kind]:
            del self.rows[kind][self._any(sorted(self.rows[kind], key=str))]

    def change_phones(self) -> None:
        self._change("patients", phones_e164=self._phones())

    def change_contact(self) -> None:
        phone = self._any((None, self._phone(), HOTEL, BORDER, NURSE))
        self._change("contacts", phone=phone, phone_e164=phone, client_id=self._any((None, self._client())))

    def correct_contact(self) -> None:
        self._change("contacts", outcome=self._any((None, "booked", "declined")), occurred_at=self._moment())

    def merge(self) -> None:
        self._change("patients", merged_into_patient_id=self._any((None, self._first_patient())))

    def change_appointment(self) -> None:
        self._change(
            "appointments", status=self._any(("arrived", "cancelled", "completed")), patient_id=self._patient()
        )

    def change_deal(self) -> None:
        self._change("deals", stage_kind=self._any(("open", "won")), amount=self.rng.randint(1, 9) * 1000)

    # Means.

    def _any(self, of: Any) -> Any:  # noqa: ANN401 - whatever the caller chooses from
        return self.rng.choice(of)

    def _new(self, letter: str) -> str:
        self.made += 1
        return f"{self.number}:{letter}{self.made}"

    def _put(self, kind: str, row: Row) -> None:
        self.rows[kind][tuple(str(row[column]) for column in KEYS[kind])] = row

    def _change(self, kind: str, **values: object) -> None:
        if self.rows[kind]:
            key = self._any(sorted(self.rows[kind]))
            row = self.rows[kind][key] | values
            # a card that is merged into itself or round about is refused long before
            if row.get("merged_into_patient_id") != row.get("patient_id", ""):
                self.rows[kind][key] = row

    def amend(self, kind: str, /, **values: object) -> str:
        """The row that came last, with other values; its id."""
        key = list(self.rows[kind])[-1]
        self.rows[kind][key] |= values
        return key[0]

    def _id(self, kind: str) -> str | None:
        return self._any(sorted(self.rows[kind]))[0] if self.rows[kind] else None

    def _patient(self) -> str:
        return self._id("patients") or f"{self.number}:P0"

    def _first_patient(self) -> str:
        return min(self.rows["patients"], default=(f"{self.number}:P0",))[0]

    def _phone(self) -> str:
        return f"+7900000{self.number:03d}{self.rng.randint(0, 3)}"

    def _phones(self) -> list[str]:
        own = [self._phone(), self._phone()]
        phones: list[str] = self._any(([], own[:1], own[:1], own, [HOTEL], [BORDER]))
        return phones

    def _email(self) -> str:
        return f"h{self.number}-{self.rng.randint(0, 1)}@example.org"

    def _client(self) -> str:
        return f"client-{self.number}-{self.rng.randint(0, 2)}"

    def _moment(self) -> datetime:
        return BEGAN + timedelta(minutes=self.rng.randint(0, DAYS * 24 * 60))


ARRIVALS: tuple[Callable[[History], None], ...] = (
    History.card, History.contact, History.contact, History.contact, History.session, History.session,
    History.appointment, History.payment, History.sale, History.treatment_stage, History.deal, History.lead,
)  # fmt: skip
CHANGES: tuple[Callable[[History], None], ...] = (
    History.vanish, History.vanish, History.change_phones, History.change_contact, History.correct_contact,
    History.merge, History.change_appointment, History.change_deal,
)  # fmt: skip


def share_border(histories: list[History], patients: int) -> None:
    """The phone at the border of too many becomes that of so many patients."""
    cards = [row for history in histories for row in history.rows["patients"].values()]
    holders = [row for row in cards if BORDER in row["phones_e164"]]
    single = [row for row in holders if row["merged_into_patient_id"] is None]
    for row in holders:
        if row not in single[:patients]:
            row["phones_e164"] = []
    others = (row for row in cards if not row["phones_e164"] and row["merged_into_patient_id"] is None)
    for row in islice(others, max(patients - len(single), 0)):
        row["phones_e164"] = [BORDER]


def land(url: str, histories: list[History]) -> None:
    """The landed tables become what the histories say now."""
    with psycopg.connect(url) as connection:
        for kind in KEYS:
            rows = [row for history in histories for row in history.rows[kind].values()]
            connection.execute(sql.SQL("truncate {}").format(sql.Identifier("staging", f"files__{kind}")))
            _insert(connection, kind, rows)


def land_rules(url: str) -> None:
    """Clinics in two zones, the staff and a supplier, two addresses, some spend, a rate."""
    with psycopg.connect(url) as connection:
        _insert(connection, "clinics", [
            {"clinic_id": "C1", "name": "One", "time_zone": "Europe/Moscow"},
            {"clinic_id": "C2", "name": "Two", "time_zone": "Asia/Vladivostok"},
        ])  # fmt: skip
        _insert(connection, "employees", [
            {"employee_id": "A1", "full_name": "First", "clinic_id": "C1", "phones_e164": [NURSE]},
            {"employee_id": "A2", "full_name": "Second", "clinic_id": "C2", "phones_e164": []},
        ])  # fmt: skip
        _insert(connection, "counterparties", [{"name": "Supplier", "phones_e164": [SUPPLIER], "emails": []}])
    spend(url, date(2026, 5, 1), "yandex", "implants", None)
    rate(url, date(2026, 5, 1), 90)


def spend(url: str, day: date, source: str, campaign: str | None, channel: str | None) -> None:
    """A day's cost of a campaign; its channel, if named, is that of every touch of the campaign."""
    with psycopg.connect(url) as connection:
        _insert(connection, "ad_spend", [{
            "date_from": day, "date_to": day, "source": source, "campaign": campaign, "channel": channel,
            "amount": 100, "currency": "RUB", "includes_vat": False,
        }])  # fmt: skip


def take_channel(url: str, source: str) -> None:
    """The costs of a source name no channel of its campaigns any more."""
    with psycopg.connect(url) as connection:
        connection.execute("update staging.files__ad_spend set channel = null where source = %s", (source,))


def rate(url: str, day: date, value: int) -> None:
    """What a euro costs from that day on, whatever was said of that day before."""
    with psycopg.connect(url) as connection:
        connection.execute("delete from staging.files__currency_rates where date = %s", (day,))
        _insert(connection, "currency_rates", [{"date": day, "currency": "EUR", "rate": value}])


def _insert(connection: psycopg.Connection[Any], kind: str, rows: list[Row]) -> None:
    if not rows:
        return
    columns = list(rows[0])
    statement = sql.SQL("insert into {} ({}) values ({})").format(
        sql.Identifier("staging", f"files__{kind}"),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.SQL(", ").join(sql.Placeholder() * len(columns)),
    )
    with connection.cursor() as cursor:
        cursor.executemany(statement, [[row[column] for column in columns] for row in rows])
