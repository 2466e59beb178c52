"""The plainest possible reader of Open Dental, written from docs/sources/simulators.md and nothing else."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import requests

Row = dict[str, Any]


def dental_get(endpoint: Row, resource: str, **query: str) -> requests.Response:
    headers = {"Authorization": f"ODFHIR {endpoint['token']}"}
    return requests.get(f"{endpoint['base_url']}/{resource}", query, headers=headers, timeout=10)


def dental_all(endpoint: Row, resource: str, **query: str) -> list[Row]:
    rows: list[Row] = []
    while True:
        page = dental_get(endpoint, resource, Offset=str(len(rows)), **query).json()
        rows += page
        if len(page) < 100:
            return rows


def open_dental(endpoint: Row) -> dict[str, list[Row]]:
    clinics = endpoint["settings"]["clinics"]
    directions = {
        row["AppointmentTypeNum"]: row["AppointmentTypeName"] for row in dental_all(endpoint, "appointmenttypes")
    }

    def clinic(row: Row) -> str:
        return str(clinics[str(row["ClinicNum"])]["clinic_id"])

    def moment(text: str, row: Row) -> datetime | None:
        if text.startswith("0001-01-01"):
            return None
        zone = ZoneInfo(clinics[str(row["ClinicNum"])]["time_zone"])
        return datetime.combine(date.fromisoformat(text[:10]), time.fromisoformat(text[11:] or "00:00:00"), zone)

    learned = {
        row["PatNum"]: row["referralName"]
        for row in dental_all(endpoint, "refattaches")
        if row["ReferralType"] == "RefFrom"
    }
    merged = {row["PatNum"]: row["FieldValue"] for row in dental_all(endpoint, "patfields", FieldName="MergedInto")}
    patients = []
    for row in dental_all(endpoint, "patients/Simple"):
        phones = [row[name] for name in ("WirelessPhone", "HmPhone", "WkPhone") if row[name]] or None
        born = row["Birthdate"]
        patients.append(
            {
                "patient_id": f"open_dental:{row['PatNum']}",
                "clinic_id": clinic(row),
                "full_name": f"{row['LName']} {row['FName']}",
                "birth_date": None if born == "0001-01-01" else date.fromisoformat(born),
                "phones": phones,
                "phones_e164": phones,
                "emails": [row["Email"]] if row["Email"] else None,
                "how_learned": learned.get(row["PatNum"]),
                "registered_at": moment(row["SecDateEntry"], row),
                "merged_into_patient_id": f"open_dental:{merged[row['PatNum']]}" if row["PatNum"] in merged else None,
            }
        )
    procedures = dental_all(endpoint, "procedurelogs")
    cancelled = {row["AptNum"] for row in procedures if row["procCode"] == "D9987"}
    appointments = []
    for row in dental_all(endpoint, "appointments"):
        if row["AptStatus"] in ("PtNote", "PtNoteCompleted", "Planned"):
            continue
        status = {
            "Complete": "completed",
            "UnschedList": "waiting_list",
            "ASAP": "waiting_list",
            "Broken": "cancelled" if row["AptNum"] in cancelled else "no_show",
            "Scheduled": "arrived" if moment(row["DateTimeArrived"], row) else "planned",
        }[row["AptStatus"]]
        appointments.append(
            {
                "appointment_id": f"open_dental:{row['AptNum']}",
                "patient_id": f"open_dental:{row['PatNum']}",
                "clinic_id": clinic(row),
                "direction": directions[row["AppointmentTypeNum"]],
                "doctor_id": f"open_dental:{row['ProvNum']}",
                "created_at": moment(row["SecDateTEntry"], row),
                "starts_at": moment(row["AptDateTime"], row),
                "status": status,
                "not_arrived_reason": (row["Note"] or None) if row["AptStatus"] == "Broken" else None,
            }
        )
    sales = [
        {
            "sale_id": f"open_dental:{row['ProcNum']}",
            "sold_at": moment(row["ProcDate"], row),
            "patient_id": f"open_dental:{row['PatNum']}",
            "clinic_id": clinic(row),
            "appointment_id": f"open_dental:{row['AptNum']}" if row["AptNum"] else None,
            "item_kind": "service",
            "item": row["descript"],
            "quantity": Decimal(row["UnitQty"]),
            "amount": Decimal(row["ProcFee"]),
            "currency": endpoint["settings"]["currency"],
        }
        for row in procedures
        if row["ProcStatus"] == "C" and row["procCode"] not in ("D9986", "D9987")
    ]
    return {
        "patients": patients,
        "appointments": appointments,
        "sales": sales,
        "payments": _payments(endpoint, procedures, clinic, moment),
        "treatment_stages": _stages(endpoint, procedures, clinic, moment),
    }


def _payments(endpoint: Row, procedures: list[Row], clinic: Any, moment: Any) -> list[Row]:  # noqa: ANN401 - two closures
    appointment = {row["ProcNum"]: row["AptNum"] for row in procedures}
    paid: dict[int, set[int]] = {}
    for split in dental_all(endpoint, "paysplits"):
        paid.setdefault(split["PayNum"], set()).add(appointment[split["ProcNum"]])
    rows = []
    for row in dental_all(endpoint, "payments"):
        found = paid.get(row["PayNum"], set()) - {0}
        rows.append(
            {
                "payment_id": f"open_dental:{row['PayNum']}",
                "paid_at": moment(row["PayDate"], row),
                "patient_id": f"open_dental:{row['PatNum']}",
                "clinic_id": clinic(row),
                "appointment_id": f"open_dental:{found.pop()}" if len(found) == 1 else None,
                "amount": Decimal(row["PayAmt"]),
                "currency": endpoint["settings"]["currency"],
            }
        )
    return rows


def _stages(endpoint: Row, procedures: list[Row], clinic: Any, moment: Any) -> list[Row]:  # noqa: ANN401 - two closures
    by_number = {row["ProcNum"]: row for row in procedures}
    rows = []
    for plan in dental_all(endpoint, "treatplans"):
        attached = dental_all(endpoint, "treatplanattaches", TreatPlanNum=str(plan["TreatPlanNum"]))
        for number, attach in enumerate(sorted(attached, key=lambda row: row["TreatPlanAttachNum"]), start=1):
            procedure = by_number[attach["ProcNum"]]
            done = procedure["ProcStatus"] == "C"
            rows.append(
                {
                    "stage_id": f"open_dental:{attach['TreatPlanAttachNum']}",
                    "plan_id": f"open_dental:{plan['TreatPlanNum']}",
                    "patient_id": f"open_dental:{plan['PatNum']}",
                    "clinic_id": clinic(procedure),
                    "direction": plan["Heading"],
                    "opened_at": moment(plan["SecDateEntry"], procedure),
                    "stage_number": number,
                    "stage": procedure["descript"],
                    "done_at": moment(procedure["ProcDate"], procedure) if done else None,
                }
            )
    return rows
