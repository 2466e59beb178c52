"""The clinic systems' part of the neutral rows: patients, appointments, sales, payments, stages of treatment, slots."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from simulators.world.model import World

Row = dict[str, Any]
Sourced = list[tuple[str, Row]]  # (the source that carries the row, the row)
CURRENCY = "RUB"
BROKEN_CODES = ("D9986", "D9987")
# What a system cannot say: (system, kind) → columns that are null in its rows [CRM_CALLS_CLINIC_APIS.md §7, §10].
SILENT: dict[tuple[str, str], tuple[str, ...]] = {
    ("fhir", "patients"): ("how_learned", "registered_at"),
    ("ident", "patients"): ("merged_into_patient_id",),
    ("ident", "appointments"): ("not_arrived_reason",),
    ("ident", "payments"): ("appointment_id",),
}
# What a system does not have at all; the clinic keeps it in import files.
BY_FILE = {("fhir", "treatment_stages"), ("open_dental", "schedule_slots"),
           ("ident", "schedule_slots")}  # fmt: skip


def midnight(world_zone: str, day: date) -> datetime:
    """A vendor's bare date: midnight there, as an instant in UTC."""
    return datetime.combine(day, time(0), ZoneInfo(world_zone)).astimezone(UTC)


def _zones(world: World) -> dict[str, str]:
    return {clinic.clinic_id: clinic.time_zone for clinic in world.clinics}


def _said(world: World, kind: str, clinic_id: str, row: Row) -> tuple[str, Row]:
    """The row as the clinic's system, or the clinic's file, says it."""
    system = world.systems[clinic_id].clinic
    silent = SILENT.get((system, kind), ())
    source = "files" if (system, kind) in BY_FILE else system
    return source, {name: None if name in silent else value for name, value in row.items()}


def _own_id(world: World, kind: str, clinic_id: str, number: int) -> str:
    """The id of a row of that kind: the system's, or the desk's where the clinic keeps a file."""
    system = world.systems[clinic_id].clinic
    return f"desk:{kind}:{number}" if (system, kind) in BY_FILE else f"{system}:{number}"


def patients(world: World) -> Sourced:
    zones = _zones(world)
    rows = []
    for p in world.patients:
        phones = [phone for phone in (p.mobile, p.landline) if phone]
        system = world.systems[p.clinic_id].clinic
        row = {
            "patient_id": f"{system}:{p.pat_num}",
            "clinic_id": p.clinic_id,
            "full_name": f"{p.last_name} {p.first_name}",
            "birth_date": p.birth_date,
            "phones": phones or None,
            "emails": [p.email] if p.email else None,
            "how_learned": p.how_learned,
            "registered_at": midnight(zones[p.clinic_id], p.registered_on),
            "merged_into_patient_id": f"{system}:{p.merged_into}" if p.merged_into else None,
            "phones_e164": phones or None,
        }
        rows.append(_said(world, "patients", p.clinic_id, row))
    return rows


def appointments(world: World) -> Sourced:
    rows = []
    for a in world.appointments:
        if a.is_note:
            continue
        system = world.systems[a.clinic_id].clinic
        row = {
            "appointment_id": f"{system}:{a.apt_num}",
            "patient_id": f"{system}:{a.pat_num}",
            "clinic_id": a.clinic_id,
            "direction": a.direction,
            "doctor_id": f"{system}:{a.prov_num}",
            "created_at": a.created_at,
            "starts_at": a.starts_at,
            "status": a.status,
            "not_arrived_reason": a.not_arrived_reason,
        }
        rows.append(_said(world, "appointments", a.clinic_id, row))
    return rows


def sales(world: World) -> Sourced:
    zones = _zones(world)
    rows = []
    for p in world.procedures:
        if p.status != "C" or p.code in BROKEN_CODES:
            continue
        system = world.systems[p.clinic_id].clinic
        row = {
            "sale_id": f"{system}:{p.proc_num}",
            "sold_at": midnight(zones[p.clinic_id], p.day),
            "patient_id": f"{system}:{p.pat_num}",
            "clinic_id": p.clinic_id,
            "appointment_id": f"{system}:{p.apt_num}" if p.apt_num else None,
            "item_kind": "service",
            "item": p.descript,
            "quantity": Decimal(p.quantity),
            "amount": p.fee,
            "currency": CURRENCY,
        }
        rows.append(_said(world, "sales", p.clinic_id, row))
    return rows


def payments(world: World) -> Sourced:
    zones = _zones(world)
    appointment_of = {p.proc_num: p.apt_num for p in world.procedures}
    paid: dict[int, set[int]] = defaultdict(set)
    for split in world.pay_splits:
        paid[split.pay_num].add(appointment_of[split.proc_num])
    rows = []
    for p in world.payments:
        appointments = paid[p.pay_num] - {0}
        only = appointments.pop() if len(appointments) == 1 else None
        system = world.systems[p.clinic_id].clinic
        row = {
            "payment_id": _own_id(world, "payments", p.clinic_id, p.pay_num),
            "paid_at": midnight(zones[p.clinic_id], p.day),
            "patient_id": f"{system}:{p.pat_num}",
            "clinic_id": p.clinic_id,
            "appointment_id": f"{system}:{only}" if only else None,
            "amount": p.amount,
            "currency": CURRENCY,
        }
        rows.append(_said(world, "payments", p.clinic_id, row))
    return rows


def treatment_stages(world: World) -> Sourced:
    zones = _zones(world)
    plans = {plan.plan_num: plan for plan in world.plans}
    procedures = {procedure.proc_num: procedure for procedure in world.procedures}
    rows = []
    for stage in world.plan_stages:
        plan, procedure = plans[stage.plan_num], procedures[stage.proc_num]
        zone = zones[plan.clinic_id]
        system = world.systems[plan.clinic_id].clinic
        row = {
            "stage_id": _own_id(world, "treatment_stages", plan.clinic_id, stage.attach_num),
            "plan_id": f"{system}:{stage.plan_num}",
            "patient_id": f"{system}:{plan.pat_num}",
            "clinic_id": procedure.clinic_id,
            "direction": plan.direction,
            "opened_at": midnight(zone, plan.opened_on),
            "stage_number": stage.number,
            "stage": procedure.descript,
            "done_at": midnight(zone, procedure.day) if procedure.status == "C" else None,
        }
        rows.append(_said(world, "treatment_stages", plan.clinic_id, row))
    return rows


def schedule_slots(world: World) -> Sourced:
    """FHIR has slots of its own, `fhir:12-20260801-10`; the others' schedule is a file."""
    rows = []
    for s in world.slots:
        by_file = (world.systems[s.clinic_id].clinic, "schedule_slots") in BY_FILE
        row = {
            "slot_id": s.slot_id if by_file else f"fhir:{s.slot_id.removeprefix('slot:').replace(':', '-')}",
            "clinic_id": s.clinic_id,
            "direction": s.direction,
            "doctor_id": s.doctor_id,
            "starts_at": s.starts_at,
            "ends_at": s.ends_at,
        }
        rows.append(_said(world, "schedule_slots", s.clinic_id, row))
    return rows
