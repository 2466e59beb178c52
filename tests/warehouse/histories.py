"""Random histories of landed rows: small families that grow, shrink, part and join from step to step.

Many histories share one warehouse. All meet in what is meant to join nobody: the phone of a hotel (of too many
patients), one that is at the border of too many, an employee's and a supplier's. Two and two may share more
(history_turns.py, which says what happens from one build to the next).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

BEGAN = datetime(2026, 5, 1, 8, tzinfo=UTC)
DAYS = 60
HOTEL, BORDER, NURSE, SUPPLIER = "+74950000001", "+74950000002", "+74950000003", "+74950000004"
SUPPLIERS_EMAIL, BILLBOARD = "sales@example.net", "+74950000005"
CLINICS = ("C1", "C2")
TAGS = (("yandex", "cpc", "implants"), ("vk", "cpc", "promo"), ("newsletter", "email", None), ("strange", "thing", "x"))

Row = dict[str, Any]
Rows = dict[tuple[str, ...], Row]

KEYS = {
    "patients": ("patient_id",), "contacts": ("contact_id",), "sessions": ("session_id",),
    "appointments": ("appointment_id",), "payments": ("payment_id",), "sales": ("sale_id",),
    "treatment_stages": ("stage_id",), "deals": ("deal_id",), "deal_leads": ("lead_id",),
    "deal_stages": ("deal_id", "stage", "entered_at"), "deal_items": ("deal_id", "item_kind", "item", "_ordinal"),
    "schedule_slots": ("slot_id",),
}  # fmt: skip


@dataclass(slots=True)
class History:
    """The rows of one history. State: they change with every step; `number` makes its ids and phones its own. `gone`:
    rows that vanished, by kind and key."""

    number: int
    rng: random.Random
    rows: dict[str, Rows] = field(default_factory=lambda: {kind: {} for kind in KEYS})
    gone: dict[tuple[str, tuple[str, ...]], Row] = field(default_factory=dict)
    made: int = 0

    def begin(self) -> None:
        """A few cards, then what some weeks bring."""
        for _ in range(self.rng.randint(1, 3)):
            self.card()
        for _ in range(self.rng.randint(3, 9)):
            self.rng.choice(ARRIVALS)(self)

    @property
    def pair(self) -> int:
        """The number of the history that may share patients, phones, contacts and deals with this one."""
        return self.number ^ 1

    @property
    def meets_staff(self) -> bool:
        return self.number % 10 < 2

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

    def stage_alone(self, number: int) -> str:
        """A stage, done, of a patient of whom nothing else is known; the patient."""
        patient = f"{self.number}:N2"
        self.treatment_stage()
        self.amend(
            "treatment_stages", patient_id=patient, plan_id=patient, clinic_id="C1", stage_number=number, done_at=BEGAN
        )
        return patient

    # What arrives.

    def card(self) -> None:
        self.put("patients", {
            "patient_id": self.new("P"), "clinic_id": self.any(CLINICS), "full_name": f"Patient {self.number}",
            "phones": [], "phones_e164": self.phones(), "emails": self.rng.choice(([], [], [self.email()])),
            "registered_at": self.moment(), "how_learned": self.any((None, "referral_patient")),
            "merged_into_patient_id": None,
        })  # fmt: skip

    def contact(self) -> None:
        tag = self.any((None, None, *TAGS)) or (None, None, None)
        phone = self.any((None, self.phone(), self.phone(), self.phone(), self.strange(), self.strange()))
        self.put("contacts", {
            "contact_id": self.new("E"), "clinic_id": self.any(CLINICS), "occurred_at": self.moment(),
            "kind": self.any(("call", "form", "message")), "direction": self.any(("inbound",) * 4 + ("outbound",)),
            "phone": phone, "phone_e164": phone, "email": self.any((None, None, self.email())),
            "client_id": self.any((None, self.client())),
            "patient_ids": self.any((None, None, None, [self.patient()])),
            "administrator_id": self.any(("A1", "A2", None)), "topic": self.any(("therapy", "implants", None)),
            "people_group": self.any((None, None, "wants_to_book", "already_booked")),
            "how_learned": self.any((None, "referral_patient", "signboard")),
            "outcome": self.any((None, "booked", "declined", "request_saved", "waiting_list")),
            "refusal_reason": self.any((None, "price")), "is_answered": self.any((True, True, False, None)),
            "utm_source": tag[0], "utm_medium": tag[1], "utm_campaign": tag[2],
            "called_address_e164": self.any((None, None, BILLBOARD)), "recording_url": self.any((None, "https://r/1")),
        })  # fmt: skip

    def session(self, phone: str | None = None) -> None:
        """On the site; `phone`: the one that was left there, else mostly none."""
        tag = self.any((None, *TAGS)) or (None, None, None)
        self.put("sessions", {
            "session_id": self.new("S"), "client_id": self.any((self.client(), self.client(), None)),
            "started_at": self.moment(), "site": "clinic.example", "referrer": self.any((None, "https://yandex.ru/")),
            "utm_source": tag[0], "utm_medium": tag[1], "utm_campaign": tag[2],
            "phone_e164": self.any((None, None, None, self.phone(), HOTEL)) if phone is None else phone,
            "landing_page": "/",
        })  # fmt: skip

    def appointment(self) -> None:
        created = self.moment()
        self.put("appointments", {
            "appointment_id": self.new("V"), "patient_id": self.patient(), "clinic_id": self.any(CLINICS),
            "direction": self.any(("therapy", "implants")), "created_at": self.any((created, created, None)),
            "created_by": "A1", "contact_id": self.any((None, None, self.known("contacts"))),
            "starts_at": created + timedelta(hours=self.rng.randint(1, 24 * 20)),
            "status": self.any(("planned", "arrived", "completed", "no_show", "cancelled", "waiting_list")),
        })  # fmt: skip

    def payment(self) -> None:
        self.put("payments", {
            "payment_id": self.new("M"), "paid_at": self.moment(), "patient_id": self.patient(),
            "clinic_id": self.any(CLINICS), "appointment_id": self.any((None, self.known("appointments"))),
            "amount": self.any((1000, 2500, 777, -500)), "currency": self.any(("RUB", "RUB", "EUR")),
        })  # fmt: skip

    def sale(self) -> None:
        self.put("sales", {
            "sale_id": self.new("L"), "sold_at": self.moment(), "patient_id": self.patient(),
            "clinic_id": self.any(CLINICS), "appointment_id": self.any((None, self.known("appointments"))),
            "item_kind": self.any(("service", "subscription")), "item_type": self.any(("therapy", "hygiene")),
            "item": self.any(("filling", "crown")), "quantity": 1,
            "amount": self.any((1000, 4000)), "cost": self.any((300, 900, None)),
            "currency": self.any(("RUB", "EUR")), "valid_to": self.any((None, self.moment().date())),
            "renews_sale_id": self.any((None, self.known("sales"))),
        })  # fmt: skip

    def treatment_stage(self) -> None:
        self.put("treatment_stages", {
            "stage_id": self.new("T"), "plan_id": f"{self.number}:plan", "patient_id": self.patient(),
            "clinic_id": self.any(CLINICS), "direction": None, "opened_at": self.moment(),
            "stage_number": self.rng.randint(1, 3), "stage": "crown", "done_at": self.any((None, self.moment())),
        })  # fmt: skip

    def deal(self) -> None:
        created, phone = self.moment(), self.any((None, self.phone(), HOTEL))
        kind = self.any(("open", "won", "lost"))
        deal_id = self.new("D")
        self.put("deals", {
            "deal_id": deal_id, "name": "Deal", "created_at": created, "created_via": "manual", "pipeline": "main",
            "closed_at": None if kind == "open" else created + timedelta(days=self.rng.randint(1, 9)), "stage": kind,
            "stage_kind": kind, "amount": 5000, "currency": self.any(("RUB", "EUR")), "manager_id": "A2",
            "clinic_id": self.any((*CLINICS, None)), "phone": phone, "phone_e164": phone,
            "utm_source": self.any((None, "vk")), "utm_campaign": self.any((None, "promo")),
        })  # fmt: skip
        self.put("deal_stages", {"deal_id": deal_id, "stage": kind, "entered_at": created})
        self.put("deal_stages", {"deal_id": deal_id, "stage": "first", "entered_at": created - timedelta(days=1)})

    def deal_item(self) -> None:
        self.put("deal_items", {
            "deal_id": self.known("deals") or f"{self.number}:D0", "item_kind": "service", "item": "filling",
            "quantity": 1, "amount": 100, "_ordinal": self.rng.randint(0, 2),
        })  # fmt: skip

    def slot(self) -> None:
        self.put("schedule_slots", {
            "slot_id": self.new("F"), "clinic_id": self.any(CLINICS), "direction": self.any(("therapy", None)),
            "starts_at": self.moment(),
        })  # fmt: skip

    def lead(self) -> None:
        self.put("deal_leads", {
            "lead_id": self.new("Q"), "deal_id": self.known("deals"), "created_at": self.moment(),
            "contact_id": self.any((None, self.known("contacts"))), "phone_e164": self.any((None, self.phone())),
            "utm_source": self.any((None, "yandex")), "utm_medium": "cpc", "tags": self.any((None, ["hot"])),
        })  # fmt: skip

    # Means.

    def any(self, of: Any) -> Any:  # noqa: ANN401 - whatever the caller chooses from
        return self.rng.choice(of)

    def new(self, letter: str) -> str:
        self.made += 1
        return f"{self.number}:{letter}{self.made}"

    def put(self, kind: str, row: Row) -> None:
        self.rows[kind][tuple(str(row[column]) for column in KEYS[kind])] = row

    def change(self, kind: str, /, **values: object) -> None:
        if self.rows[kind]:
            key = self.any(sorted(self.rows[kind]))
            row = self.rows[kind][key] | values
            # a card that is merged into itself or round about is refused long before
            if row.get("merged_into_patient_id") != row.get("patient_id", ""):
                self.rows[kind][key] = row

    def amend(self, kind: str, /, **values: object) -> str:
        """The row that came last, with other values; its id."""
        key = list(self.rows[kind])[-1]
        self.rows[kind][key] |= values
        return key[0]

    def known(self, kind: str) -> str | None:
        return self.any(sorted(self.rows[kind]))[0] if self.rows[kind] else None

    def patient(self) -> str:
        """Mostly one with a card here; one of the pair, one whose card nobody landed."""
        known = self.known("patients") or f"{self.number}:P0"
        found: str = self.any((*(known,) * 10, f"{self.pair}:P1", f"{self.number}:N1"))
        return found

    def first_patient(self) -> str:
        return min(self.rows["patients"], default=(f"{self.number}:P0",))[0]

    def phone(self) -> str:
        return f"+7900000{self.number:03d}{self.rng.randint(0, 3)}"

    def strange(self) -> str:
        """A phone that is no patient's own. Few meet the staff: all who do are one family."""
        phone: str = self.any((HOTEL, BORDER, NURSE, SUPPLIER) if self.meets_staff else (HOTEL, BORDER))
        return phone

    def phones(self) -> list[str]:
        own = [self.phone(), self.phone()]
        phones: list[str] = self.any(([], own[:1], own[:1], own, [HOTEL], [BORDER], [self.strange()]))
        return phones

    def email(self) -> str:
        return f"h{self.number}-{self.rng.randint(0, 1)}@example.org"

    def client(self) -> str:
        return f"client-{self.number}-{self.rng.randint(0, 2)}"

    def moment(self) -> datetime:
        return BEGAN + timedelta(minutes=self.rng.randint(0, DAYS * 24 * 60))


ARRIVALS: tuple[Callable[[History], None], ...] = (
    History.card, History.contact, History.contact, History.contact, History.session, History.session,
    History.appointment, History.payment, History.sale, History.treatment_stage, History.deal, History.lead,
    History.deal_item, History.slot,
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
