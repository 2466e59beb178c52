"""The clinic system's part of the neutral rows: patients, appointments, sales, payments, stages of treatment."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from simulators.world.model import World

Row = dict[str, Any]
CURRENCY = "RUB"
BROKEN_CODES = ("D9986", "D9987")


def midnight(world_zone: str, day: date) -> datetime:
    """A vendor's bare date: midnight there, as an instant in UTC."""
    return datetime.combine(day, time(0), ZoneInfo(world_zone)).astimezone(UTC)


def _zones(world: World) -> dict[str, str]:
    return {clinic.clinic_id: clinic.time_zone for clinic in world.clinics}


def patients(world: World) -> list[Row]:
    zones = _zones(world)
    rows = []
    for p in world.patients:
        phones = [phone for phone in (p.mobile, p.landline) if phone]
        rows.append(
            {
                "patient_id": f"open_dental:{p.pat_num}",
                "clinic_id": p.clinic_id,
                "full_name": f"{p.last_name} {p.first_name}",
                "birth_date": p.birth_date,
                "phones": phones or None,
                "emails": [p.email] if p.email else None,
                "how_learned": p.how_learned,
                "registered_at": midnight(zones[p.clinic_id], p.registered_on),
                "merged_into_patient_id": f"open_dental:{p.merged_into}" if p.merged_into else None,
                "phones_e164": phones or None,
            }
        )
    return rows


def appointments(world: World) -> list[Row]:
    return [
        {
            "appointment_id": f"open_dental:{a.apt_num}",
            "patient_id": f"open_dental:{a.pat_num}",
            "clinic_id": a.clinic_id,
            "direction": a.direction,
            "doctor_id": f"open_dental:{a.prov_num}",
            "created_at": a.created_at,
            "starts_at": a.starts_at,
            "status": a.status,
            "not_arrived_reason": a.not_arrived_reason,
        }
        for a in world.appointments
        if not a.is_note
    ]


def sales(world: World) -> list[Row]:
    zones = _zones(world)
    return [
        {
            "sale_id": f"open_dental:{p.proc_num}",
            "sold_at": midnight(zones[p.clinic_id], p.day),
            "patient_id": f"open_dental:{p.pat_num}",
            "clinic_id": p.clinic_id,
            "appointment_id": f"open_dental:{p.apt_num}" if p.apt_num else None,
            "item_kind": "service",
            "item": p.descript,
            "quantity": Decimal(p.quantity),
            "amount": p.fee,
            "currency": CURRENCY,
        }
        for p in world.procedures
        if p.status == "C" and p.code not in BROKEN_CODES
    ]


def payments(world: World) -> list[Row]:
    zones = _zones(world)
    appointment_of = {p.proc_num: p.apt_num for p in world.procedures}
    paid: dict[int, set[int]] = defaultdict(set)
    for split in world.pay_splits:
        paid[split.pay_num].add(appointment_of[split.proc_num])
    rows = []
    for p in world.payments:
        appointments = paid[p.pay_num] - {0}
        only = appointments.pop() if len(appointments) == 1 else None
        rows.append(
            {
                "payment_id": f"open_dental:{p.pay_num}",
                "paid_at": midnight(zones[p.clinic_id], p.day),
                "patient_id": f"open_dental:{p.pat_num}",
                "clinic_id": p.clinic_id,
                "appointment_id": f"open_dental:{only}" if only else None,
                "amount": p.amount,
                "currency": CURRENCY,
            }
        )
    return rows


def treatment_stages(world: World) -> list[Row]:
    zones = _zones(world)
    plans = {plan.plan_num: plan for plan in world.plans}
    procedures = {procedure.proc_num: procedure for procedure in world.procedures}
    rows = []
    for stage in world.plan_stages:
        plan, procedure = plans[stage.plan_num], procedures[stage.proc_num]
        zone = zones[plan.clinic_id]
        rows.append(
            {
                "stage_id": f"open_dental:{stage.attach_num}",
                "plan_id": f"open_dental:{stage.plan_num}",
                "patient_id": f"open_dental:{plan.pat_num}",
                "clinic_id": procedure.clinic_id,
                "direction": plan.direction,
                "opened_at": midnight(zone, plan.opened_on),
                "stage_number": stage.number,
                "stage": procedure.descript,
                "done_at": midnight(zone, procedure.day) if procedure.status == "C" else None,
            }
        )
    return rows
