"""Money, treatment plans and the practice's lists as rows of the API."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from simulators.open_dental.clock import NO_DATE, NO_TIME, change_stamp, local_time
from simulators.world.model import World
from simulators.world.vocabulary import TOPICS

Row = dict[str, Any]
TYPE_NUMS = {topic.word: number for number, topic in enumerate(TOPICS, start=1)}


def _amount(value: Decimal) -> str:
    """Payments are text without needless zeros: "339", "339.5"."""
    return f"{value.normalize():f}"


def money_tables(world: World, numbers: dict[str, int]) -> dict[str, list[Row]]:
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


def plan_tables(world: World, server: ZoneInfo) -> dict[str, list[Row]]:
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
            "SecDateTEdit": change_stamp(world, p.changed_at, server),
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


def lists(world: World, server: ZoneInfo, numbers: dict[str, int]) -> dict[str, list[Row]]:
    words = sorted({patient.how_learned for patient in world.patients if patient.how_learned})
    referral = {word: number for number, word in enumerate(words, start=1)}
    stamp = local_time(world.now, server)

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
                "DateTStamp": local_time(world.now - timedelta(days=400), server),
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
