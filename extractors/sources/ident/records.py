"""IDENT's rows as structs, and how each becomes a landed row. Every value is text; times are on the clinic's clock."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from extractors.core.phones import e164
from extractors.core.settings import number, required
from extractors.core.spec import Context, RowError
from extractors.core.values import local_time, needed
from extractors.kinds import APPOINTMENT_STATUSES
from extractors.sources.files.aliases import normal
from extractors.sources.files.cells import CellError, to_decimal, to_integer, to_moment
from extractors.sources.ident.reports import report_of

T = TypeVar("T")
Text = str | None
# What reports may call a status. UNCONFIRMED: the setting `statuses` adds a clinic's own words.
STATUSES = {
    "запланирован": "planned", "подтвержден": "planned", "лист ожидания": "waiting_list", "пришел": "arrived",
    "на приеме": "arrived", "завершен": "completed", "не пришел": "no_show", "отменен": "cancelled",
}


class Origin(msgspec.Struct, kw_only=True):
    """Where a row stood; empty for rows of the database."""

    file: Text = None
    sheet: Text = None
    row_number: int | None = None
    sha256: Text = None
    branch: Text = None


def _origin(record: Origin) -> tuple[Any, ...]:
    return (record.file, record.sheet, record.row_number, record.sha256)


def _clinic(record: Origin, context: Context) -> str:
    """The clinic of the row's branch, or of `*`."""
    return context.clinic(record.branch or "*", "branch")


def _zone(record: Origin, context: Context) -> ZoneInfo:
    """The clock of the row's branch, where the setting `clinics` gives it one, else the connection's."""
    entry = (context.settings.get("clinics") or {}).get(record.branch or "*")
    name = entry.get("time_zone") if isinstance(entry, Mapping) else None
    return ZoneInfo(str(name)) if name else context.zone


def _key(given: Text, record: Origin) -> str:
    """The row's number, or where it stood, for reports without numbers."""
    return given or f"{(record.sha256 or '')[:12]}-{record.row_number}"


def _read(column: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except CellError as error:
        raise RowError(column, str(error)) from None


def _moment(record: Origin, kind: str, context: Context, column: str) -> datetime | None:
    value: Text = getattr(record, column)
    formats = report_of(kind, context).formats
    found = _read(column, lambda: to_moment(value, formats))
    return None if found is None else local_time(found.isoformat(), _zone(record, context), column)


def _day(value: Text, kind: str, context: Context, column: str) -> date | None:
    formats = report_of(kind, context).formats
    found = _read(column, lambda: to_moment(value, formats))
    return found.date() if found else None


def _word(setting: str, value: Text, context: Context) -> Text:
    """The value, or what the setting of that name translates it to."""
    words = context.settings.get(setting) or {}
    return str(words.get(value, value)) if value else None


class Patient(Origin, kw_only=True):
    patient_id: str
    full_name: Text = None
    birth_date: Text = None
    mobile_phone: Text = None
    phone: Text = None
    email: Text = None
    how_learned: Text = None
    registered_at: Text = None


def patient_row(record: Patient, context: Context) -> tuple[Any, ...]:
    phones = [phone for phone in (record.mobile_phone, record.phone) if phone]
    return (
        record.patient_id,
        _clinic(record, context),
        record.full_name,
        _day(record.birth_date, "patients", context, "birth_date"),
        phones,
        list(dict.fromkeys(found for phone in phones if (found := e164(phone, context.region)))),
        [record.email] if record.email else [],
        _word("how_learned", record.how_learned, context),
        _moment(record, "patients", context, "registered_at"),
        *_origin(record),
    )


class Appointment(Origin, kw_only=True):
    """`status` is a report's word; `stage` is what the database's stamps mean."""

    patient_id: str
    visit_id: Text = None
    starts_at: Text = None
    created_at: Text = None
    status: Text = None
    stage: Text = None
    doctor: Text = None
    direction: Text = None


def appointment_row(record: Appointment, context: Context) -> tuple[Any, ...]:
    starts_at = _moment(record, "appointments", context, "starts_at")
    return (
        record.visit_id or _nameless(record),
        record.patient_id,
        _clinic(record, context),
        _word("directions", record.direction, context),
        _word("doctors", record.doctor, context),
        _moment(record, "appointments", context, "created_at"),
        starts_at,
        _status(record, starts_at, context),
        *_origin(record),
    )


def _nameless(record: Appointment) -> str:
    """A key for reports without one: who comes when, and to whom."""
    said = "|".join((record.patient_id, record.starts_at or "", record.doctor or ""))
    return hashlib.sha256(said.encode()).hexdigest()[:20]


def _status(record: Appointment, starts_at: datetime | None, context: Context) -> str:
    """Stamps know no absence: a visit that nobody came to by `no_show_after_hours` (24) is a no-show, not a visit."""
    if record.stage is not None:
        grace = timedelta(hours=number(context.settings, "ident", "no_show_after_hours", 24))
        late = starts_at is not None and starts_at + grace < context.now.astimezone(UTC)
        return "no_show" if record.stage == "planned" and late else record.stage
    words = {normal(word): ours for word, ours in {**STATUSES, **(context.settings.get("statuses") or {})}.items()}
    found = words.get(normal(needed(record.status, "status")))
    if found not in APPOINTMENT_STATUSES:
        raise RowError("status", "the word is in no dictionary; add it to the setting `statuses`")
    return str(found)


class Sale(Origin, kw_only=True):
    sold_at: str
    item: str
    amount: str
    sale_id: Text = None
    patient_id: Text = None
    visit_id: Text = None
    item_type: Text = None
    quantity: Text = None


def sale_row(record: Sale, context: Context) -> tuple[Any, ...]:
    return (
        _key(record.sale_id, record),
        needed(_moment(record, "sales", context, "sold_at"), "sold_at"),
        record.patient_id,
        _clinic(record, context),
        record.visit_id,
        record.item_type,
        record.item,
        _read("quantity", lambda: to_decimal(record.quantity)),
        needed(_read("amount", lambda: to_decimal(record.amount, money=True)), "amount"),
        required(context.settings, "ident", "currency"),
        *_origin(record),
    )


class Payment(Origin, kw_only=True):
    patient_id: str
    paid_at: str
    amount: str
    payment_id: Text = None


def payment_row(record: Payment, context: Context) -> tuple[Any, ...]:
    return (
        _key(record.payment_id, record),
        needed(_moment(record, "payments", context, "paid_at"), "paid_at"),
        record.patient_id,
        _clinic(record, context),
        needed(_read("amount", lambda: to_decimal(record.amount, money=True)), "amount"),
        required(context.settings, "ident", "currency"),
        *_origin(record),
    )


class Stage(Origin, kw_only=True):
    plan_id: str
    patient_id: str
    stage_number: str
    line_id: Text = None
    direction: Text = None
    opened_at: Text = None
    stage: Text = None
    done_at: Text = None


def stage_row(record: Stage, context: Context) -> tuple[Any, ...]:
    return (
        _key(record.line_id, record),
        record.plan_id,
        record.patient_id,
        _clinic(record, context),
        _word("directions", record.direction, context),
        _moment(record, "treatment_stages", context, "opened_at"),
        needed(_read("stage_number", lambda: to_integer(record.stage_number)), "stage_number"),
        record.stage,
        _moment(record, "treatment_stages", context, "done_at"),
        *_origin(record),
    )
