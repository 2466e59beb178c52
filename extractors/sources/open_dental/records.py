"""Open Dental's records as structs, and how each becomes a landed row.

Booleans are the words "true" and "false", numbers come now as numbers, now as text, year 1 is null. Times of the
office's work are on its clinic's clock, without offset; change stamps are on the server's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from extractors.core.phones import e164
from extractors.core.settings import required
from extractors.core.spec import Context
from extractors.core.values import day, local_time, money, needed, text

UTC_ZONE = ZoneInfo("UTC")
Id = int | str
Value = int | float | str | None


def clinic_zone(number: object, context: Context) -> ZoneInfo:
    """The clock of a clinic: its own in the setting `clinics`, else the connection's."""
    clinics = context.settings.get("clinics")
    entry = clinics.get(str(number)) if isinstance(clinics, Mapping) else None
    name = entry.get("time_zone") if isinstance(entry, Mapping) else None
    return _zone(str(name)) if name else context.zone


def server_zone(context: Context) -> ZoneInfo:
    name = context.settings.get("server_time_zone")
    return _zone(str(name)) if name else context.zone


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def reference(value: object) -> str | None:
    """An id of something else; 0 is none."""
    found = text(value)
    return None if found in (None, "0") else found


class Patient(msgspec.Struct):
    PatNum: Id
    ClinicNum: Id
    LName: str | None = None
    FName: str | None = None
    PatStatus: str | None = None
    Birthdate: str | None = None
    HmPhone: str | None = None
    WkPhone: str | None = None
    WirelessPhone: str | None = None
    Email: str | None = None
    SecDateEntry: str | None = None
    DateTStamp: str | None = None


def patient_row(record: Patient, context: Context) -> tuple[Any, ...]:
    zone = clinic_zone(record.ClinicNum, context)
    phones = [found for given in (record.WirelessPhone, record.HmPhone, record.WkPhone) if (found := text(given))]
    email = text(record.Email)
    return (
        str(record.PatNum),
        context.clinic(record.ClinicNum, "ClinicNum"),
        " ".join(part for given in (record.LName, record.FName) if (part := text(given))) or None,
        text(record.PatStatus),
        day(record.Birthdate, "Birthdate"),
        phones,
        list(dict.fromkeys(normal for phone in phones if (normal := e164(phone, context.region)))),
        [email] if email else [],
        local_time(record.SecDateEntry, zone, "SecDateEntry"),
        local_time(record.DateTStamp, server_zone(context), "DateTStamp"),
    )


class RefAttach(msgspec.Struct):
    RefAttachNum: Id
    PatNum: Id
    ReferralType: str | None = None
    referralName: str | None = None
    ItemOrder: int | None = None


def ref_attach_row(record: RefAttach, context: Context) -> tuple[Any, ...]:
    return (
        str(record.RefAttachNum), str(record.PatNum), text(record.ReferralType), text(record.referralName),
        record.ItemOrder,
    )


class PatField(msgspec.Struct):
    PatNum: Id
    FieldName: str
    FieldValue: str | None = None


def pat_field_row(record: PatField, context: Context) -> tuple[Any, ...]:
    return (str(record.PatNum), record.FieldName, text(record.FieldValue))


class Appointment(msgspec.Struct):
    AptNum: Id
    PatNum: Id
    AptStatus: str
    ClinicNum: Id
    Note: str | None = None
    ProvNum: Value = None
    AptDateTime: str | None = None
    AppointmentTypeNum: Value = None
    SecDateTEntry: str | None = None
    DateTimeArrived: str | None = None
    DateTStamp: str | None = None


def appointment_row(record: Appointment, context: Context) -> tuple[Any, ...]:
    zone = clinic_zone(record.ClinicNum, context)
    return (
        str(record.AptNum),
        str(record.PatNum),
        context.clinic(record.ClinicNum, "ClinicNum"),
        record.AptStatus,
        reference(record.AppointmentTypeNum),
        reference(record.ProvNum),
        local_time(record.SecDateTEntry, zone, "SecDateTEntry"),
        local_time(record.AptDateTime, zone, "AptDateTime"),
        local_time(record.DateTimeArrived, zone, "DateTimeArrived"),
        text(record.Note),
        local_time(record.DateTStamp, server_zone(context), "DateTStamp"),
    )


class DeletedAppointment(msgspec.Struct):
    """What is kept of an appointment's history: that it was deleted, and when."""

    AptNum: Id
    HistApptAction: str
    HistDateTStamp: str


def deleted_appointment_row(record: DeletedAppointment, context: Context) -> tuple[Any, ...]:
    deleted_at = local_time(record.HistDateTStamp, server_zone(context), "HistDateTStamp")
    return (str(record.AptNum), needed(deleted_at, "HistDateTStamp"))


class Procedure(msgspec.Struct):
    ProcNum: Id
    PatNum: Id
    ProcStatus: str
    ClinicNum: Id
    AptNum: Value = None
    ProcDate: str | None = None
    ProcFee: Value = None
    UnitQty: Value = None
    procCode: str | None = None
    descript: str | None = None
    ProvNum: Value = None
    DateTStamp: str | None = None


def procedure_row(record: Procedure, context: Context) -> tuple[Any, ...]:
    zone = clinic_zone(record.ClinicNum, context)
    return (
        str(record.ProcNum),
        str(record.PatNum),
        context.clinic(record.ClinicNum, "ClinicNum"),
        record.ProcStatus,
        reference(record.AptNum),
        midnight(record.ProcDate, zone, "ProcDate"),
        money(record.ProcFee, "ProcFee"),
        currency(context),
        money(record.UnitQty, "UnitQty"),
        text(record.procCode),
        text(record.descript),
        reference(record.ProvNum),
        local_time(record.DateTStamp, server_zone(context), "DateTStamp"),
    )


def currency(context: Context) -> str:
    """The office's currency: it is in no row. ConfigError when the connection does not say it."""
    return required(context.settings, "open_dental", "currency")


def midnight(value: str | None, zone: ZoneInfo, column: str) -> datetime | None:
    """A bare date as the midnight that begins it at the clinic."""
    found = day(value, column)
    return None if found is None else local_time(found.isoformat(), zone, column)


class Payment(msgspec.Struct):
    PayNum: Id
    PatNum: Id
    PayAmt: Value
    PayDate: str
    ClinicNum: Id
    DateEntry: str | None = None
    PayType: Value = None
    payType: str | None = None


def payment_row(record: Payment, context: Context) -> tuple[Any, ...]:
    """`paid_at` is the clinic's midnight of the day; the vendor knows no hour."""
    zone = clinic_zone(record.ClinicNum, context)
    amount: Decimal = needed(money(record.PayAmt, "PayAmt"), "PayAmt")
    return (
        str(record.PayNum),
        str(record.PatNum),
        context.clinic(record.ClinicNum, "ClinicNum"),
        needed(midnight(record.PayDate, zone, "PayDate"), "PayDate"),
        needed(day(record.DateEntry, "DateEntry") or day(record.PayDate, "PayDate"), "DateEntry"),
        amount,
        currency(context),
        text(record.payType),
    )


class PaySplit(msgspec.Struct):
    SplitNum: Id
    PayNum: Id
    PatNum: Value = None
    ProcNum: Value = None
    SplitAmt: Value = None
    DatePay: str | None = None
    DateEntry: str | None = None


def pay_split_row(record: PaySplit, context: Context) -> tuple[Any, ...]:
    return (
        str(record.SplitNum),
        str(record.PayNum),
        reference(record.ProcNum),
        money(record.SplitAmt, "SplitAmt"),
        day(record.DateEntry, "DateEntry") or day(record.DatePay, "DatePay"),
    )


class TreatPlanAttach(msgspec.Struct):
    TreatPlanAttachNum: Id
    ProcNum: Id


class TreatPlan(msgspec.Struct):
    TreatPlanNum: Id
    PatNum: Id
    Heading: str | None = None
    SecDateEntry: str | None = None
    TPStatus: str | None = None
    attaches: list[TreatPlanAttach] = []


def treat_plan_row(record: TreatPlan, context: Context) -> tuple[Any, ...]:
    """A plan with its procedures in the vendor's order, which is the order of its stages. The plan's time has no clinic
    of its own: it stays on the wall clock until its procedures say whose it is."""
    opened = local_time(record.SecDateEntry, UTC_ZONE, "SecDateEntry")
    attaches = sorted(record.attaches, key=lambda attach: int(attach.TreatPlanAttachNum))
    return (
        str(record.TreatPlanNum),
        str(record.PatNum),
        text(record.Heading),
        None if opened is None else opened.replace(tzinfo=None),
        text(record.TPStatus),
        [
            {"attach": str(attach.TreatPlanAttachNum), "procedure": str(attach.ProcNum), "stage": number}
            for number, attach in enumerate(attaches, start=1)
        ],
    )


class AppointmentType(msgspec.Struct):
    AppointmentTypeNum: Id
    AppointmentTypeName: str | None = None


def appointment_type_row(record: AppointmentType, context: Context) -> tuple[Any, ...]:
    return (str(record.AppointmentTypeNum), text(record.AppointmentTypeName))


class Provider(msgspec.Struct):
    ProvNum: Id
    Abbr: str | None = None
    FName: str | None = None
    LName: str | None = None
    IsHidden: str | bool | None = None


def provider_row(record: Provider, context: Context) -> tuple[Any, ...]:
    return (
        str(record.ProvNum), text(record.Abbr), text(record.FName), text(record.LName),
        str(record.IsHidden).lower() == "true",
    )


class Clinic(msgspec.Struct):
    ClinicNum: Id
    Description: str | None = None
    Abbr: str | None = None


def clinic_row(record: Clinic, context: Context) -> tuple[Any, ...]:
    number = str(record.ClinicNum)
    return (
        number, text(record.Description), text(record.Abbr), context.clinics.get(number),
        str(clinic_zone(number, context)),
    )
