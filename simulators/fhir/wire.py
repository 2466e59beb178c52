"""The clinic's records as FHIR R4 resources."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from simulators.world.model import Patient, World
from simulators.world.neutral_clinic import BROKEN_CODES, CURRENCY
from simulators.world.treatment import Appointment, Procedure

Resource = dict[str, Any]
EXTENSIONS = {
    "payment_patient": "https://example.org/fhir/payment-patient",
    "how_learned": "https://example.org/fhir/how-learned",
    "registered_at": "https://example.org/fhir/registered",
}
STATUSES = {
    "planned": "booked", "waiting_list": "waitlist", "arrived": "arrived", "completed": "fulfilled",
    "no_show": "noshow", "cancelled": "cancelled",
}
CHARGED = {"C": "billed", "TP": "planned", "D": "entered-in-error"}


def instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)


def _ref(kind: str, number: object) -> dict[str, str]:
    return {"reference": f"{kind}/{number}"}


def _money(value: Decimal) -> Resource:
    return {"value": float(value), "currency": CURRENCY}


def resources(world: World, *, extensions: bool) -> dict[str, dict[str, Resource]]:
    """Kind → id → resource."""
    numbers = {clinic.clinic_id: clinic.clinic_num for clinic in world.clinics}
    zones = {clinic.clinic_id: ZoneInfo(clinic.time_zone) for clinic in world.clinics}
    served = [one for one in world.procedures if one.code not in BROKEN_CODES]
    visited = {one.apt_num for one in served} | {
        one.apt_num for one in world.appointments if one.status in ("arrived", "completed")
    }
    made: dict[str, list[tuple[Resource, datetime]]] = {
        "Patient": [
            (patient(one, numbers, extensions=extensions), _noon(one.registered_on)) for one in world.patients
        ],
        "Appointment": [(appointment(one, numbers, zones), one.changed_at) for one in world.appointments],
        "Encounter": [
            (encounter(one), one.changed_at) for one in world.appointments if one.apt_num in visited
        ],
        "ChargeItem": [(charge_item(one, numbers), one.changed_at) for one in served],
        "Invoice": invoices(served, numbers),
        "PaymentReconciliation": payments(world, numbers),
        "Schedule": [
            (
                {
                    "resourceType": "Schedule", "id": f"s{one.vendor_num}", "active": True,
                    "serviceType": [{"coding": [{"code": one.direction}]}],
                    "actor": [_ref("Practitioner", one.vendor_num), _ref("Location", numbers[str(one.clinic_id)])],
                },
                _noon(world.date_from),
            )
            for one in world.employees
            if one.group == "doctors"
        ],
        "Slot": [
            (
                {
                    "resourceType": "Slot", "id": one.slot_id.removeprefix("slot:").replace(":", "-"),
                    "schedule": _ref("Schedule", f"s{one.doctor_id.partition(':')[2]}"), "status": "free",
                    "start": one.starts_at.astimezone(zones[one.clinic_id]).isoformat(), "end": instant(one.ends_at),
                },
                one.starts_at - timedelta(days=14),
            )
            for one in world.slots
        ],
    }
    latest = world.now - timedelta(seconds=1)
    return {
        kind: {
            resource["id"]: resource | {"meta": {"versionId": "1", "lastUpdated": instant(min(updated, latest))}}
            for resource, updated in rows
        }
        for kind, rows in made.items()
    }


def patient(p: Patient, numbers: dict[str, int], *, extensions: bool) -> Resource:
    telecom = [
        {"system": "phone", "value": phone, "use": use, "rank": rank}
        for rank, (phone, use) in enumerate(((p.mobile, "mobile"), (p.landline, "home")), start=1)
        if phone
    ]
    if p.email:
        telecom.append({"system": "email", "value": p.email})
    made: Resource = {
        "resourceType": "Patient",
        "id": str(p.pat_num),
        "active": p.merged_into is None,
        "name": [
            {"use": "nickname", "text": p.first_name},
            {"use": "official", "family": p.last_name, "given": [p.first_name]},
        ],
        "telecom": telecom,
        "gender": "unknown",
        "managingOrganization": _ref("Organization", numbers[p.clinic_id]),
    }
    if p.birth_date:
        made["birthDate"] = p.birth_date.isoformat()
    if p.merged_into:
        made["link"] = [{"other": _ref("Patient", p.merged_into), "type": "replaced-by"}]
    if extensions:
        made["extension"] = [{"url": EXTENSIONS["registered_at"], "valueDate": p.registered_on.isoformat()}]
        if p.how_learned:
            made["extension"].append({"url": EXTENSIONS["how_learned"], "valueString": p.how_learned})
    return made


def appointment(a: Appointment, numbers: dict[str, int], zones: dict[str, ZoneInfo]) -> Resource:
    """A note in the schedule is a booking made in error."""
    actors = [_ref("Practitioner", a.prov_num), _ref("Location", numbers[a.clinic_id])]
    made: Resource = {
        "resourceType": "Appointment",
        "id": str(a.apt_num),
        "status": "entered-in-error" if a.is_note else STATUSES[a.status],
        "serviceType": [{"coding": [{"code": a.direction, "display": a.direction}]}],
        "created": a.created_at.astimezone(zones[a.clinic_id]).isoformat(),
        "participant": [
            {"actor": actor, "status": "accepted"}
            for actor in ([] if a.is_note else [_ref("Patient", a.pat_num)]) + actors
        ],
    }
    if a.starts_at:
        made |= {"start": a.starts_at.astimezone(zones[a.clinic_id]).isoformat(), "minutesDuration": 30,
                 "end": instant(a.starts_at + timedelta(minutes=30))}
    if a.not_arrived_reason:
        made["cancelationReason"] = {"text": a.not_arrived_reason}
    return made


def encounter(a: Appointment) -> Resource:
    status = {"completed": "finished", "arrived": "arrived"}.get(a.status, "planned")
    return {
        "resourceType": "Encounter", "id": f"e{a.apt_num}", "status": status, "class": {"code": "AMB"},
        "subject": _ref("Patient", a.pat_num), "appointment": [_ref("Appointment", a.apt_num)],
    }


def charge_item(p: Procedure, numbers: dict[str, int]) -> Resource:
    """Half of the lines carry their own price, the others leave it to the invoice."""
    made: Resource = {
        "resourceType": "ChargeItem",
        "id": str(p.proc_num),
        "status": CHARGED[p.status],
        "code": {"coding": [{"code": p.code}], "text": p.descript},
        "subject": _ref("Patient", p.pat_num),
        "occurrenceDateTime": p.day.isoformat(),
        "performingOrganization": _ref("Organization", numbers[p.clinic_id]),
        "quantity": {"value": p.quantity},
    }
    if p.apt_num:
        made["context"] = _ref("Encounter", f"e{p.apt_num}")
    if p.proc_num % 2:
        made["priceOverride"] = _money(p.fee)
    return made


def invoice_id(p: Procedure) -> str:
    """One bill for a visit; what belongs to no visit has its own."""
    return f"i{p.apt_num}" if p.apt_num else f"p{p.proc_num}"


def invoices(procedures: list[Procedure], numbers: dict[str, int]) -> list[tuple[Resource, datetime]]:
    bills: dict[str, list[Procedure]] = defaultdict(list)
    for one in procedures:
        bills[invoice_id(one)].append(one)
    made = []
    for number, lines in bills.items():
        first = lines[0]
        bill = {
            "resourceType": "Invoice",
            "id": number,
            "status": "issued" if any(line.status == "C" for line in lines) else "draft",
            "subject": _ref("Patient", first.pat_num),
            "date": first.day.isoformat(),
            "issuer": _ref("Organization", numbers[first.clinic_id]),
            "lineItem": [
                {"chargeItemReference": _ref("ChargeItem", line.proc_num), "priceComponent": _price(line)}
                for line in lines
            ],
            "totalGross": _money(sum((line.fee for line in lines if line.status == "C"), Decimal(0))),
        }
        made.append((bill, max(line.changed_at for line in lines)))
    return made


def _price(p: Procedure) -> list[Resource]:
    """Some prices are a higher one with a discount, written with either sign."""
    if p.proc_num % 5:
        return [{"type": "base", "amount": _money(p.fee)}]
    off = Decimal(50) if p.proc_num % 10 else Decimal(-50)
    return [
        {"type": "base", "amount": _money(p.fee + 50)},
        {"type": "discount", "amount": _money(off)},
        {"type": "informational", "amount": _money(Decimal(1))},
    ]


def payments(world: World, numbers: dict[str, int]) -> list[tuple[Resource, datetime]]:
    """Below zero is money given back. Whose it is stands in an extension: a prepayment has no bill."""
    procedures = {one.proc_num: one for one in world.procedures if one.code not in BROKEN_CODES}
    paid: dict[int, list[str]] = defaultdict(list)
    for split in world.pay_splits:
        if split.proc_num in procedures:
            paid[split.pay_num].append(invoice_id(procedures[split.proc_num]))
    made = []
    for one in world.payments:
        resource: Resource = {
            "resourceType": "PaymentReconciliation",
            "id": str(one.pay_num),
            "status": "active",
            "created": one.day.isoformat(),
            "requestor": _ref("Organization", numbers[one.clinic_id]),
            "paymentDate": one.day.isoformat(),
            "paymentAmount": _money(one.amount),
            "extension": [{"url": EXTENSIONS["payment_patient"], "valueReference": _ref("Patient", one.pat_num)}],
        }
        bills = list(dict.fromkeys(paid[one.pay_num]))
        if bills:
            resource["detail"] = [
                {"type": {"coding": [{"code": "payment"}]}, "request": _ref("Invoice", bill)} for bill in bills
            ]
        made.append((resource, _noon(one.day)))
    return made
