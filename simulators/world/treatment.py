"""What the city's clinics do and are paid for. As in `model.py`: frozen values, instants in UTC, roubles."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Appointment:
    """`booked_by_contact` is the story's truth; no vendor carries it. `is_note` rows are notes, not visits."""

    apt_num: int
    pat_num: int
    clinic_id: str
    direction: str
    prov_num: int
    created_at: datetime
    starts_at: datetime | None
    status: str
    arrived_at: datetime | None
    changed_at: datetime
    not_arrived_reason: str | None = None
    booked_by_contact: str | None = None
    is_note: bool = False


@dataclass(frozen=True, slots=True)
class Procedure:
    """A line of the treatment log; `status` in the vendor's letters (`TP`, `C`, `D`)."""

    proc_num: int
    pat_num: int
    clinic_id: str
    apt_num: int
    day: date
    code: str
    descript: str
    quantity: int
    fee: Decimal
    status: str
    prov_num: int
    entered_on: date
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Payment:
    pay_num: int
    pat_num: int
    clinic_id: str
    day: date
    amount: Decimal
    pay_type: str


@dataclass(frozen=True, slots=True)
class PaySplit:
    split_num: int
    pay_num: int
    pat_num: int
    proc_num: int
    amount: Decimal
    prov_num: int
    clinic_id: str
    day: date


@dataclass(frozen=True, slots=True)
class Plan:
    plan_num: int
    pat_num: int
    clinic_id: str
    direction: str
    opened_on: date
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class PlanStage:
    attach_num: int
    plan_num: int
    proc_num: int
    number: int


@dataclass(frozen=True, slots=True)
class Slot:
    slot_id: str
    clinic_id: str
    direction: str
    doctor_id: str
    starts_at: datetime
    ends_at: datetime
