"""What happens to a history from one build to the next: rows arrive, vanish, come back and are corrected.

Any column of any row may be corrected. Histories come in pairs: the phone, the patient, the contact or the deal that a
row is corrected to may be the other one's, so families join and part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from tests.warehouse.histories import ARRIVALS, CLINICS, SUPPLIERS_EMAIL, TAGS, History

Corrected = Callable[[History], Any]


def _one_of(*values: Any) -> Corrected:  # noqa: ANN401 - whatever a cell may hold
    return lambda life: life.any(values)


def _of_a_pair(kind: str) -> Corrected:
    """The id of a row of this history, or of the first one that its pair had."""
    return lambda life: life.any((life.known(kind), life.known(kind), f"{life.pair}:{LETTERS[kind]}1"))


def _phone(life: History) -> str | None:
    phone: str | None = life.any((None, life.phone(), life.phone(), f"+7900000{life.pair:03d}0", life.strange()))
    return phone


def _phones(life: History) -> list[str]:
    return [phone for phone in (_phone(life), _phone(life)) if phone]


def _email(life: History) -> str | None:
    others = SUPPLIERS_EMAIL if life.meets_staff else f"h{life.pair}-0@example.org"
    email: str | None = life.any((None, life.email(), others))
    return email


LETTERS = {"patients": "P", "contacts": "E", "appointments": "V", "sales": "L", "deals": "D"}
PATIENT, MOMENT, CLIENT = History.patient, History.moment, History.client
CLINIC = _one_of(*CLINICS)
CORRECTIONS: Mapping[str, Mapping[str, Corrected]] = {
    "patients": {
        "clinic_id": CLINIC, "phones_e164": _phones, "emails": lambda life: [life.email()], "registered_at": MOMENT,
        "how_learned": _one_of(None, "referral_patient", "referral_employee"), "full_name": _one_of(None, "Another"),
        "merged_into_patient_id": lambda life: life.any((None, life.first_patient())),
    },
    "contacts": {
        "clinic_id": CLINIC, "occurred_at": MOMENT, "kind": _one_of("call", "form"), "phone_e164": _phone,
        "direction": _one_of("inbound", "outbound"), "email": _email, "client_id": CLIENT,
        "patient_ids": lambda life: life.any((None, [PATIENT(life)], [PATIENT(life), f"{life.pair}:P1"])),
        "administrator_id": _one_of("A1", "A2", None), "people_group": _one_of(None, "wants_to_book", "other"),
        "topic": _one_of(None, "therapy", "implants"), "how_learned": _one_of(None, "referral_employee", "signboard"),
        "outcome": _one_of(None, "booked", "declined", "waiting_list"), "refusal_reason": _one_of(None, "time"),
        "is_answered": _one_of(True, False, None), "utm_campaign": _one_of(None, "promo", "implants"),
    },
    "sessions": {
        "client_id": CLIENT, "started_at": MOMENT, "phone_e164": _phone, "utm_campaign": _one_of(None, "promo"),
        "referrer": _one_of(None, "https://dzen.ru/"), "landing_page": _one_of("/", "/?yclid=1&utm_campaign=promo"),
    },
    "appointments": {
        "patient_id": PATIENT, "clinic_id": CLINIC, "direction": _one_of("therapy", None), "created_at": MOMENT,
        "contact_id": _of_a_pair("contacts"), "starts_at": lambda life: MOMENT(life) + timedelta(days=10),
        "status": _one_of("planned", "arrived", "completed", "no_show", "cancelled", "waiting_list"),
    },
    "payments": {
        "paid_at": MOMENT, "patient_id": PATIENT, "clinic_id": CLINIC, "appointment_id": _of_a_pair("appointments"),
        "amount": _one_of(1000, 1, -1000), "currency": _one_of("RUB", "EUR"),
    },
    "sales": {
        "sold_at": MOMENT, "patient_id": lambda life: life.any((None, PATIENT(life))), "clinic_id": CLINIC,
        "appointment_id": _of_a_pair("appointments"), "item_type": _one_of("therapy", None),
        "quantity": _one_of(None, 2), "amount": _one_of(10, -10), "cost": _one_of(None, 3),
        "currency": _one_of("RUB", "EUR"), "renews_sale_id": _of_a_pair("sales"),
    },
    "treatment_stages": {
        "patient_id": PATIENT, "clinic_id": CLINIC, "opened_at": MOMENT, "direction": _one_of(None, "therapy"),
        "stage_number": _one_of(1, 2, 3), "done_at": lambda life: life.any((None, MOMENT(life))),
    },
    "deals": {
        "closed_at": lambda life: life.any((None, MOMENT(life))), "stage_kind": _one_of("open", "won", "lost"),
        "created_at": MOMENT, "amount": _one_of(None, 1, 9000), "clinic_id": _one_of(None, *CLINICS),
        "phone_e164": _phone, "manager_id": _one_of(None, "A1"), "utm_source": _one_of(None, "vk"),
        "currency": _one_of(None, "EUR"),
    },
    "deal_leads": {
        "deal_id": _of_a_pair("deals"), "contact_id": _of_a_pair("contacts"), "phone_e164": _phone,
        "created_at": MOMENT, "tags": _one_of(None, ["hot"]), "utm_source": _one_of(None, "vk", "yandex"),
    },
    "deal_items": {"amount": _one_of(None, 1, 2), "quantity": _one_of(None, 3)},
    "schedule_slots": {"starts_at": MOMENT, "clinic_id": CLINIC},
}  # fmt: skip


def correct(life: History) -> None:
    """One cell of one row."""
    kind = life.any([kind for kind in CORRECTIONS if life.rows[kind]] or ["patients"])
    column = life.any(sorted(CORRECTIONS[kind]))
    life.change(kind, **{column: CORRECTIONS[kind][column](life)})


def vanish(life: History) -> None:
    """A row is gone, until it comes back."""
    kind = life.any([kind for kind, rows in life.rows.items() if rows] or ["patients"])
    if life.rows[kind]:
        key = life.any(sorted(life.rows[kind], key=str))
        life.gone[kind, key] = life.rows[kind].pop(key)


def come_back(life: History) -> None:
    if life.gone:
        kind, key = life.any(sorted(life.gone, key=str))
        life.rows[kind][key] = life.gone.pop((kind, key))


def tag(life: History) -> None:
    """A session by a campaign of its own, as when somebody mistypes one."""
    life.session()
    source, medium, _ = life.any(TAGS)
    life.amend("sessions", utm_source=source, utm_medium=medium, utm_campaign=f"typo {life.number}")


TURNS: tuple[Callable[[History], None], ...] = (
    *ARRIVALS, *(correct,) * len(ARRIVALS), vanish, vanish, vanish, come_back, tag,
)  # fmt: skip


def step(life: History) -> None:
    """One or two things happen."""
    for _ in range(life.rng.randint(1, 2)):
        life.rng.choice(TURNS)(life)
