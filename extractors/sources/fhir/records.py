"""FHIR's resources as structs, and how each becomes a landed row. Only what the warehouse uses is taken apart."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from extractors.core.phones import e164
from extractors.core.settings import required
from extractors.core.spec import Context
from extractors.core.values import needed, offset_time, text
from extractors.sources.fhir.elements import (
    Concept,
    Extensions,
    Meta,
    Money,
    Quantity,
    Reference,
    birthday,
    clinic_of,
    moment,
    phrase,
    said,
    target,
    updated,
    word,
)


class Name(msgspec.Struct):
    use: str | None = None
    text: str | None = None
    family: str | None = None
    given: list[str] | None = None


class Contact(msgspec.Struct):
    system: str | None = None
    value: str | None = None
    use: str | None = None
    rank: int | None = None


class PatientLink(msgspec.Struct):
    other: Reference | None = None
    type: str | None = None


class Patient(msgspec.Struct):
    id: str
    meta: Meta | None = None
    active: bool | None = None
    name: list[Name] | None = None
    telecom: list[Contact] | None = None
    birthDate: str | None = None
    managingOrganization: Reference | None = None
    link: list[PatientLink] | None = None
    extension: Extensions = None


def patient_row(record: Patient, context: Context) -> tuple[Any, ...]:
    names = sorted(record.name or (), key=lambda name: name.use != "official")
    telecom = sorted(
        (one for one in record.telecom or () if one.use != "old"), key=lambda one: one.rank or 1_000_000
    )
    phones = [found for one in telecom if one.system in ("phone", "sms") and (found := text(one.value))]
    replaced = [target(link.other, "Patient") for link in record.link or () if link.type == "replaced-by"]
    learned, registered = (said(record.extension, context, name) for name in ("how_learned", "registered_at"))
    return (
        record.id,
        clinic_of(context, [record.managingOrganization], "managingOrganization"),
        _full_name(names[0]) if names else None,
        birthday(record.birthDate),
        phones,
        list(dict.fromkeys(normal for phone in phones if (normal := e164(phone, context.region)))),
        [found for one in telecom if one.system == "email" and (found := text(one.value))],
        learned and (text(learned.valueString or learned.valueCode) or word(learned.valueCodeableConcept)),
        moment((registered.valueDateTime or registered.valueDate) if registered else None, context, "registered_at"),
        next((found for found in replaced if found), None),
        record.active is not False,
        updated(record.meta),
    )


def _full_name(name: Name) -> str | None:
    parts = [part for given in (name.family, *(name.given or ())) if (part := text(given))]
    return " ".join(parts) or text(name.text)


class Participant(msgspec.Struct):
    actor: Reference | None = None


class Appointment(msgspec.Struct):
    id: str
    status: str
    meta: Meta | None = None
    cancelationReason: Concept | None = None
    serviceType: list[Concept] | None = None
    start: str | None = None
    created: str | None = None
    participant: list[Participant] | None = None


def appointment_row(record: Appointment, context: Context) -> tuple[Any, ...]:
    actors = [one.actor for one in record.participant or ()]
    services = [found for one in record.serviceType or () if (found := word(one))]
    return (
        record.id,
        _first(actors, "Patient"),
        clinic_of(context, actors, "participant"),
        record.status,
        services[0] if services else None,
        _first(actors, "Practitioner", "PractitionerRole"),
        moment(record.created, context, "created"),
        offset_time(record.start, "start"),
        phrase(record.cancelationReason),
        updated(record.meta),
    )


def _first(references: list[Reference | None], *kinds: str) -> str | None:
    return next((found for one in references if (found := target(one, *kinds))), None)


class Encounter(msgspec.Struct):
    id: str
    status: str
    meta: Meta | None = None
    appointment: list[Reference] | None = None


def encounter_row(record: Encounter, context: Context) -> tuple[Any, ...]:
    return (record.id, record.status, _first([*(record.appointment or ())], "Appointment"), updated(record.meta))


class ChargeItem(msgspec.Struct):
    id: str
    status: str
    subject: Reference | None = None
    meta: Meta | None = None
    code: Concept | None = None
    context: Reference | None = None
    occurrenceDateTime: str | None = None
    occurrencePeriod: dict[str, Any] | None = None
    enteredDate: str | None = None
    performingOrganization: Reference | None = None
    requestingOrganization: Reference | None = None
    quantity: Quantity | None = None
    priceOverride: Money | None = None


def charge_item_row(record: ChargeItem, context: Context) -> tuple[Any, ...]:
    """`priceOverride` is the line's whole price; without it the invoice says it."""
    price = record.priceOverride or Money()
    happened = record.occurrenceDateTime or (record.occurrencePeriod or {}).get("start") or record.enteredDate
    return (
        record.id,
        target(record.subject, "Patient"),
        clinic_of(context, [record.performingOrganization, record.requestingOrganization], "performingOrganization"),
        target(record.context, "Encounter"),
        record.status,
        phrase(record.code),
        moment(happened, context, "occurrence"),
        record.quantity.value if record.quantity else None,
        price.value,
        _currency(price, context),
        updated(record.meta),
    )


def _currency(money: Money, context: Context) -> str:
    """The amount's own currency, else the server's: it must be said, for an amount without one is no money."""
    return text(money.currency) or required(context.settings, "fhir", "currency")


class PriceComponent(msgspec.Struct):
    type: str
    amount: Money | None = None


class LineItem(msgspec.Struct):
    chargeItemReference: Reference | None = None
    priceComponent: list[PriceComponent] | None = None


class Invoice(msgspec.Struct):
    id: str
    status: str
    meta: Meta | None = None
    subject: Reference | None = None
    date: str | None = None
    issuer: Reference | None = None
    lineItem: list[LineItem] | None = None


def invoice_row(record: Invoice, context: Context) -> tuple[Any, ...]:
    lines = []
    for line in record.lineItem or ():
        amounts = [(part.type, part.amount) for part in line.priceComponent or () if part.amount]
        price = sum((_signed(type_, money) for type_, money in amounts), Decimal(0)) if amounts else None
        currency = _currency(amounts[0][1], context) if amounts else None
        lines.append(
            {
                "charge_item": target(line.chargeItemReference, "ChargeItem"),
                "amount": None if price is None else str(price), "currency": currency,
            }
        )
    return (
        record.id,
        target(record.subject, "Patient"),
        clinic_of(context, [record.issuer], "issuer"),
        record.status,
        moment(record.date, context, "date"),
        lines,
        updated(record.meta),
    )


def _signed(type_: str, money: Money) -> Decimal:
    """What a part adds to a line. Servers write deductions with either sign; `informational` adds nothing."""
    value = money.value or Decimal(0)
    if type_ in ("deduction", "discount"):
        return -abs(value)
    return value if type_ in ("base", "surcharge", "tax") else Decimal(0)


class Detail(msgspec.Struct):
    request: Reference | None = None


class Payment(msgspec.Struct):
    id: str
    status: str
    paymentDate: str
    paymentAmount: Money
    meta: Meta | None = None
    requestor: Reference | None = None
    detail: list[Detail] | None = None
    extension: Extensions = None


def payment_row(record: Payment, context: Context) -> tuple[Any, ...]:
    """The resource has no patient of its own: the invoices it pays have one, or the vendor's extension."""
    invoices = [found for one in record.detail or () if (found := target(one.request, "Invoice"))]
    patient = said(record.extension, context, "payment_patient")
    return (
        record.id,
        record.status,
        needed(moment(record.paymentDate, context, "paymentDate"), "paymentDate"),
        needed(record.paymentAmount.value, "paymentAmount"),
        _currency(record.paymentAmount, context),
        target(patient.valueReference, "Patient") if patient else None,
        clinic_of(context, [record.requestor], "requestor"),
        invoices,
        updated(record.meta),
    )


class Schedule(msgspec.Struct):
    id: str
    actor: list[Reference] | None = None
    serviceType: list[Concept] | None = None
    meta: Meta | None = None


def schedule_row(record: Schedule, context: Context) -> tuple[Any, ...]:
    actors: list[Reference | None] = [*(record.actor or ())]
    services = [found for one in record.serviceType or () if (found := word(one))]
    return (
        record.id,
        clinic_of(context, actors, "actor"),
        _first(actors, "Practitioner", "PractitionerRole"),
        services[0] if services else None,
        updated(record.meta),
    )


class Slot(msgspec.Struct):
    id: str
    status: str
    start: str
    schedule: Reference | None = None
    end: str | None = None
    serviceType: list[Concept] | None = None
    meta: Meta | None = None


def slot_row(record: Slot, context: Context) -> tuple[Any, ...]:
    services = [found for one in record.serviceType or () if (found := word(one))]
    return (
        record.id,
        target(record.schedule, "Schedule"),
        record.status,
        services[0] if services else None,
        needed(offset_time(record.start, "start"), "start"),
        offset_time(record.end, "end"),
        updated(record.meta),
    )


class Deletion(msgspec.Struct):
    resource: str
    resource_id: str
    deleted_at: str


def deletion_row(record: Deletion, context: Context) -> tuple[Any, ...]:
    return (record.resource, record.resource_id, needed(offset_time(record.deleted_at, "deleted_at"), "deleted_at"))


class Listed(msgspec.Struct):
    resourceType: str
    id: str
    meta: Meta | None = None


def listed_row(record: Listed, context: Context) -> tuple[Any, ...]:
    return (record.resourceType, record.id, needed(updated(record.meta), "meta.lastUpdated"))
