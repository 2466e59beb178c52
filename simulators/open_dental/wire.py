"""Rows in Open Dental's JSON: PascalCase columns, text booleans, 0001-01-01 for nothing, office-local times."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from simulators.open_dental.clock import NO_DATE, NO_TIME, change_stamp, local_time
from simulators.open_dental.tables import TYPE_NUMS, lists, money_tables, plan_tables
from simulators.world.model import Patient, World
from simulators.world.treatment import Appointment, Procedure

Row = dict[str, Any]
STATUSES = {
    "planned": "Scheduled",
    "arrived": "Scheduled",
    "completed": "Complete",
    "no_show": "Broken",
    "cancelled": "Broken",
    "waiting_list": "UnschedList",
}


def tables(world: World, server: ZoneInfo) -> dict[str, list[Row]]:
    zones = {clinic.clinic_id: ZoneInfo(clinic.time_zone) for clinic in world.clinics}
    numbers = {clinic.clinic_id: clinic.clinic_num for clinic in world.clinics}
    abbr = {person.vendor_num: f"DOC{person.vendor_num}" for person in world.employees if person.group == "doctors"}
    now = local_time(world.now, server)
    waiting = [appointment for appointment in world.appointments if appointment.status == "waiting_list"]
    asap = {appointment.apt_num for appointment in waiting[::4]}
    made: dict[str, list[Row]] = {
        "appointments": [
            _appointment(world, a, zones[a.clinic_id], server, numbers[a.clinic_id], abbr, asap=a.apt_num in asap)
            for a in world.appointments
        ],
        "patients/Simple": [
            _patient(world, p, numbers[p.clinic_id], server, zones[p.clinic_id]) for p in world.patients
        ],
        "procedurelogs": [_procedure(world, p, numbers[p.clinic_id], server, abbr) for p in world.procedures],
    }
    made |= money_tables(world, numbers) | plan_tables(world, server) | lists(world, server, numbers)
    for name in ("appointments", "patients/Simple", "procedurelogs", "payments", "providers"):
        for row in made[name]:
            row["serverDateTime"] = now
    return made


def _appointment(
    world: World, a: Appointment, zone: ZoneInfo, server: ZoneInfo, clinic_num: int, abbr: dict[int, str], *, asap: bool
) -> Row:
    status = "PtNote" if a.is_note else ("ASAP" if asap else STATUSES[a.status])
    done = a.status == "completed" and a.starts_at is not None and not a.is_note
    return {
        "AptNum": a.apt_num,
        "PatNum": a.pat_num,
        "AptStatus": status,
        "Pattern": "//XXXX//",
        "Confirmed": 19,
        "confirmed": "Not Called",
        "TimeLocked": "false",
        "Op": a.prov_num,
        "Note": a.not_arrived_reason or "",
        "ProvNum": a.prov_num,
        "provAbbr": abbr[a.prov_num],
        "ProvHyg": 0,
        "AptDateTime": local_time(a.starts_at, zone),
        "NextAptNum": 0,
        "UnschedStatus": 0,
        "unschedStatus": "",
        "IsNewPatient": "false",
        "ProcDescript": "",
        "ClinicNum": clinic_num,
        "IsHygiene": "true" if a.direction == "hygiene" else "false",
        "DateTStamp": change_stamp(world, a.changed_at, server),
        "DateTimeArrived": local_time(a.arrived_at, zone),
        "DateTimeSeated": local_time(a.starts_at if done else None, zone),
        "DateTimeDismissed": local_time(a.starts_at + timedelta(minutes=40) if done and a.starts_at else None, zone),
        "InsPlan1": 0,
        "InsPlan2": 0,
        "DateTimeAskedToArrive": NO_TIME,
        "colorOverride": "0,0,0",
        "AppointmentTypeNum": TYPE_NUMS[a.direction],
        "SecDateTEntry": local_time(a.created_at, zone),
        "Priority": "ASAP" if asap else "Normal",
        "PatternSecondary": "",
        "ItemOrderPlanned": 0,
    }


def _patient(world: World, p: Patient, clinic_num: int, server: ZoneInfo, zone: ZoneInfo) -> Row:
    registered = datetime.combine(p.registered_on, datetime.min.time(), zone) + timedelta(hours=12)
    return {
        "PatNum": p.pat_num,
        "LName": p.last_name,
        "FName": p.first_name,
        "MiddleI": "",
        "Preferred": "",
        "PatStatus": "Archived" if p.merged_into else "Patient",
        "Gender": "Unknown",
        "Position": "Single",
        "Birthdate": p.birth_date.isoformat() if p.birth_date else NO_DATE,
        "HmPhone": p.landline or "",
        "WkPhone": "",
        "WirelessPhone": p.mobile or "",
        "Guarantor": p.merged_into or p.pat_num,
        "Email": p.email or "",
        "ChartNumber": "",
        "DateFirstVisit": NO_DATE,
        "ClinicNum": clinic_num,
        "clinicAbbr": f"C{clinic_num}",
        "SecDateEntry": p.registered_on.isoformat(),
        "DateTStamp": change_stamp(world, registered, server),
    }


def _procedure(world: World, p: Procedure, clinic_num: int, server: ZoneInfo, abbr: dict[int, str]) -> Row:
    return {
        "ProcNum": p.proc_num,
        "PatNum": p.pat_num,
        "AptNum": p.apt_num,
        "ProcDate": p.day.isoformat(),
        "ProcFee": f"{p.fee:.2f}",
        "Surf": "",
        "ToothNum": "",
        "ToothRange": "",
        "Priority": 0,
        "priority": "",
        "ProcStatus": p.status,
        "ProvNum": p.prov_num,
        "provAbbr": abbr[p.prov_num],
        "Dx": 0,
        "dxName": "",
        "PlannedAptNum": 0,
        "ClinicNum": clinic_num,
        "CodeNum": int(p.code.removeprefix("D")),
        "procCode": p.code,
        "descript": p.descript,
        "UnitQty": p.quantity,
        "BaseUnits": 0,
        "DateTP": p.entered_on.isoformat(),
        "DateEntryC": p.entered_on.isoformat() if p.status == "C" else NO_DATE,
        "DateTStamp": change_stamp(world, p.changed_at, server),
        "SecDateEntry": f"{p.entered_on.isoformat()} 00:00:00",
        "Discount": 0.0,
        "IsLocked": "false",
    }
