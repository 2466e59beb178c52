"""Rows in Open Dental's JSON: PascalCase columns, text booleans, 0001-01-01 for nothing, office-local times."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from simulators.world.model import Appointment, Patient, Procedure, World
from simulators.world.vocabulary import TOPICS

Row = dict[str, Any]
NO_DATE, NO_TIME = "0001-01-01", "0001-01-01 00:00:00"
TYPE_NUMS = {topic.word: number for number, topic in enumerate(TOPICS, start=1)}
STATUSES = {
    "planned": "Scheduled",
    "arrived": "Scheduled",
    "completed": "Complete",
    "no_show": "Broken",
    "cancelled": "Broken",
    "waiting_list": "UnschedList",
}


def _time(instant: datetime | None, zone: ZoneInfo) -> str:
    return NO_TIME if instant is None else instant.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def _amount(value: Decimal) -> str:
    """Payments are text without needless zeros: "339", "339.5"."""
    return f"{value.normalize():f}"


def _stamp(world: World, changed: datetime, server: ZoneInfo) -> str:
    """`DateTStamp`. The clinics moved to this system on the city's first day: older rows were entered then."""
    moved_in = datetime.combine(world.date_from, time(0), server)
    return _time(max(changed, moved_in), server)


def tables(world: World, server: ZoneInfo) -> dict[str, list[Row]]:
    zones = {clinic.clinic_id: ZoneInfo(clinic.time_zone) for clinic in world.clinics}
    numbers = {clinic.clinic_id: clinic.clinic_num for clinic in world.clinics}
    abbr = {person.vendor_num: f"DOC{person.vendor_num}" for person in world.employees if person.group == "doctors"}
    now = _time(world.now, server)
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
    made |= _money_tables(world, numbers) | _plan_tables(world, server) | _lists(world, server, numbers)
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
        "AptDateTime": _time(a.starts_at, zone),
        "NextAptNum": 0,
        "UnschedStatus": 0,
        "unschedStatus": "",
        "IsNewPatient": "false",
        "ProcDescript": "",
        "ClinicNum": clinic_num,
        "IsHygiene": "true" if a.direction == "hygiene" else "false",
        "DateTStamp": _stamp(world, a.changed_at, server),
        "DateTimeArrived": _time(a.arrived_at, zone),
        "DateTimeSeated": _time(a.starts_at if done else None, zone),
        "DateTimeDismissed": _time(a.starts_at + timedelta(minutes=40) if done and a.starts_at else None, zone),
        "InsPlan1": 0,
        "InsPlan2": 0,
        "DateTimeAskedToArrive": NO_TIME,
        "colorOverride": "0,0,0",
        "AppointmentTypeNum": TYPE_NUMS[a.direction],
        "SecDateTEntry": _time(a.created_at, zone),
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
        "DateTStamp": _stamp(world, registered, server),
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
        "DateTStamp": _stamp(world, p.changed_at, server),
        "SecDateEntry": f"{p.entered_on.isoformat()} 00:00:00",
        "Discount": 0.0,
        "IsLocked": "false",
    }


def _money_tables(world: World, numbers: dict[str, int]) -> dict[str, list[Row]]:
    payments = [
        {
            "PayNum": p.pay_num,
            "PayType": 69,
            "payType": p.pay_type,
            "PayDate": p.day.isoformat(),
            "PayAmt": _amount(p.amount),
            "CheckNum": "",
            "BankBranch": "",
            "PayNote": "",
            "PatNum": p.pat_num,
            "ClinicNum": str(numbers[p.clinic_id]),  # text here, a number elsewhere: so the vendor shows it
            "DateEntry": max(p.day, world.date_from).isoformat(),
            "DepositNum": 0,
            "Receipt": "",
            "IsRecurringCC": "false",
            "PaymentSource": "None",
            "ProcessStatus": "OfficeProcessed",
            "RecurringChargeDate": NO_DATE,
            "IsCcCompleted": "false",
        }
        for p in world.payments
    ]
    splits = [
        {
            "SplitNum": s.split_num,
            "SplitAmt": float(s.amount),
            "PatNum": s.pat_num,
            "PayNum": s.pay_num,
            "ProvNum": s.prov_num,
            "PayPlanNum": 0,
            "DatePay": s.day.isoformat(),
            "ProcNum": s.proc_num,
            "DateEntry": max(s.day, world.date_from).isoformat(),
            "UnearnedType": 0,
            "unearnedType": "",
            "ClinicNum": numbers[s.clinic_id],
            "SecDateTEdit": max(s.day, world.date_from).isoformat(),
            "AdjNum": 0,
            "PayPlanChargeNum": 0,
            "PayPlanDebitType": "Unknown",
        }
        for s in world.pay_splits
    ]
    return {"payments": payments, "paysplits": splits}


def _plan_tables(world: World, server: ZoneInfo) -> dict[str, list[Row]]:
    plans = [
        {
            "TreatPlanNum": p.plan_num,
            "PatNum": p.pat_num,
            "DateTP": NO_DATE,
            "Heading": p.direction,
            "Note": "",
            "SigIsTopaz": "false",
            "ResponsParty": 0,
            "DocNum": 0,
            "TPStatus": "Active",
            "SecUserNumEntry": 1,
            "SecDateEntry": p.opened_on.isoformat(),
            "SecDateTEdit": _stamp(world, p.changed_at, server),
            "UserNumPresenter": 0,
            "TPType": "Insurance",
            "DateTSigned": NO_TIME,
            "isSigned": "false",
        }
        for p in world.plans
    ]
    attaches = [
        {
            "TreatPlanAttachNum": s.attach_num,
            "TreatPlanNum": s.plan_num,
            "ProcNum": s.proc_num,
            "Priority": 0,
            "priority": "",
        }
        for s in world.plan_stages
    ]
    return {"treatplans": plans, "treatplanattaches": attaches}


def _lists(world: World, server: ZoneInfo, numbers: dict[str, int]) -> dict[str, list[Row]]:
    words = sorted({patient.how_learned for patient in world.patients if patient.how_learned})
    referral = {word: number for number, word in enumerate(words, start=1)}
    stamp = _time(world.now, server)

    def listed(number: int, word: str) -> Row:
        return {
            "ReferralNum": number,
            "LName": word,
            "FName": "",
            "MName": "",
            "IsHidden": "false",
            "NotPerson": "true",
            "Title": "",
            "PatNum": 0,
            "IsDoctor": "false",
            "DateTStamp": stamp,
            "isPatient": "false",
        }

    attaches = [
        {
            "ReferralNum": referral[p.how_learned],
            "referralName": p.how_learned,
            "PatNum": p.pat_num,
            "ItemOrder": 0,
            "RefDate": p.registered_on.isoformat(),
            "ReferralType": "RefFrom",
            "RefToStatus": "None",
            "Note": "",
            "IsTransitionOfCare": "false",
            "ProcNum": 0,
            "DateProcComplete": NO_DATE,
            "ProvNum": 0,
            "DateTStamp": stamp,
        }
        for p in world.patients
        if p.how_learned
    ]
    merged = [p for p in world.patients if p.merged_into]
    doctors = [person for person in world.employees if person.group == "doctors"]
    return {
        "clinics": [
            {
                "ClinicNum": numbers[c.clinic_id],
                "Description": c.name,
                "Abbr": c.clinic_id,
                "City": "",
                "Phone": c.main_phone[-10:],
                "IsHidden": "false",
            }
            for c in world.clinics
        ],
        "providers": [
            {
                "ProvNum": d.vendor_num,
                "Abbr": f"DOC{d.vendor_num}",
                "LName": d.full_name.split()[0],
                "FName": d.full_name.split()[-1],
                "MI": "",
                "Suffix": "",
                "Specialty": 260,
                "IsSecondary": "false",
                "IsHidden": "false",
                "DateTStamp": _time(world.now - timedelta(days=400), server),
                "IsNotPerson": "false",
                "ProvStatus": "Active",
                "Birthdate": NO_DATE,
            }
            for d in doctors
        ],
        "appointmenttypes": [
            {
                "AppointmentTypeNum": number,
                "AppointmentTypeName": word,
                "AppointmentTypeColor": "0,0,0",
                "ItemOrder": number,
                "IsHidden": "false",
                "Pattern": "",
                "CodeStr": "",
            }
            for word, number in TYPE_NUMS.items()
        ],
        "referrals": [listed(number, word) for word, number in referral.items()],
        "refattaches": [{"RefAttachNum": number, **row} for number, row in enumerate(attaches, start=1)],
        "patfields": [
            {
                "PatFieldNum": number,
                "PatNum": p.pat_num,
                "FieldName": "MergedInto",
                "FieldValue": str(p.merged_into),
                "SecDateTEdit": stamp,
                "SecDateEntry": p.registered_on.isoformat(),
            }
            for number, p in enumerate(merged, start=1)
        ],
        "histappointments": [],
        "proctps": [],
    }
