"""Reads a folder of import files (CONTRACT.md section 2) into lists of plain dictionaries with typed values.

Every row has every column of its kind; an empty cell is None, an empty list cell is []. Times are aware datetimes,
money is Decimal, phones are E.164, e-mails are lower case. Nothing is rejected here: an oracle's input is clean.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers

Row = dict[str, Any]

_UTM = "utm_source utm_medium utm_campaign utm_content utm_term"
COLUMNS: dict[str, list[str]] = {
    kind: columns.split()
    for kind, columns in {
        "clinics": "clinic_id name time_zone",
        "employees": "employee_id full_name clinic_id group phones database_role",
        "counterparties": "name phones emails",
        "patients": "patient_id clinic_id full_name birth_date phones emails how_learned registered_at "
        "merged_into_patient_id",
        "contacts": "contact_id clinic_id occurred_at kind direction phone email client_id patient_ids "
        "administrator_id people_group topic how_learned outcome refusal_reason is_answered talk_seconds "
        f"called_address {_UTM} click_id referrer landing_page recording_url tags note",
        "sessions": f"session_id client_id started_at site landing_page referrer {_UTM} click_id phone email",
        "tracking_addresses": "address channel source medium campaign clinic_id valid_from valid_to",
        "ad_spend": "date_from date_to channel source medium campaign clinic_id amount currency includes_vat "
        "impressions clicks note entered_by",
        "appointments": "appointment_id patient_id clinic_id direction doctor_id created_at created_by contact_id "
        "starts_at status not_arrived_reason",
        "sales": "sale_id sold_at patient_id clinic_id appointment_id item_kind item_type item quantity amount cost "
        "currency valid_from valid_to renews_sale_id",
        "payments": "payment_id paid_at patient_id clinic_id appointment_id amount currency",
        "treatment_stages": "stage_id plan_id patient_id clinic_id direction opened_at stage_number stage done_at",
        "schedule_slots": "slot_id clinic_id direction doctor_id starts_at ends_at",
        "deals": "deal_id name created_at closed_at created_via pipeline stage stage_kind amount currency manager_id "
        "clinic_id client_name phone email contact_kind utm_source utm_medium utm_campaign first_request tags "
        "lost_reason",
        "deal_stages": "deal_id stage entered_at",
        "deal_leads": "lead_id deal_id created_at contact_id phone email utm_source utm_medium utm_campaign tags",
        "deal_items": "deal_id item_kind item quantity amount",
        "currency_rates": "date currency rate",
    }.items()
}
# Kinds whose first column alone is not the key. [] means that equal rows are kept.
KEYS: dict[str, list[str]] = {
    "tracking_addresses": ["address", "clinic_id", "valid_from"],
    "ad_spend": [],
    "deal_stages": ["deal_id", "stage", "entered_at"],
    "deal_items": [],
    "currency_rates": ["date", "currency"],
}
TIMES = {"occurred_at", "started_at", "registered_at", "created_at", "starts_at", "ends_at", "sold_at", "paid_at",
         "opened_at", "done_at", "closed_at", "entered_at"}  # fmt: skip
DATES = {"birth_date", "valid_from", "valid_to", "date_from", "date_to", "date"}
NUMBERS = {"amount", "cost", "quantity", "rate"}
INTEGERS = {"talk_seconds", "impressions", "clicks", "stage_number"}
BOOLEANS = {"is_answered", "includes_vat"}
LISTS = {"phones", "emails", "patient_ids", "tags"}


@dataclass
class Data:
    """All import files of a folder: `tables[kind]` is a list of rows."""

    tables: dict[str, list[Row]] = field(default_factory=dict)

    def __getitem__(self, kind: str) -> list[Row]:
        return self.tables.get(kind, [])

    def zone(self, clinic_id: str | None) -> ZoneInfo:
        """Time zone of a clinic; the zone of the first clinic (by id) where the clinic is absent or unknown."""
        clinics = sorted(self["clinics"], key=lambda clinic: str(clinic["clinic_id"]))
        for clinic in clinics:
            if clinic["clinic_id"] == clinic_id:
                return ZoneInfo(clinic["time_zone"])
        return ZoneInfo(clinics[0]["time_zone"] if clinics else "UTC")

    def local_date(self, moment: datetime, clinic_id: str | None) -> date:
        """Calendar day of a moment in the clinic's own zone."""
        return moment.astimezone(self.zone(clinic_id)).date()


def normalise_phone(text: str | None) -> str | None:
    """E.164, read as a Russian number where no country is written. None where it is no phone number."""
    if not text:
        return None
    try:
        number = phonenumbers.parse(text, "RU")
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def normalise_email(text: str | None) -> str | None:
    return (text or "").strip().lower() or None


def normalise_address(text: str | None) -> str | None:
    """A tracking address is a phone or an e-mail address."""
    return normalise_email(text) if text and "@" in text else normalise_phone(text)


def _number(text: str) -> Decimal:
    return Decimal(re.sub(r"\s", "", text).replace(",", "."))


def _date(text: str) -> date:
    russian = re.fullmatch(r"(\d{2})\.(\d{2})\.(\d{4})", text)
    return date(*(int(part) for part in reversed(russian.groups()))) if russian else date.fromisoformat(text[:10])


def _value(column: str, text: str, zone: ZoneInfo) -> Any:  # noqa: ANN401 - a cell of any type
    text = text.strip()
    if column in LISTS:
        parts = [part.strip() for part in text.split(";") if part.strip()]
        if column == "phones":
            return [phone for phone in map(normalise_phone, parts) if phone]
        if column == "emails":
            return [part.lower() for part in parts]
        return parts
    if not text:
        return None
    if column in TIMES:
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=zone)
    if column in DATES:
        return _date(text)
    if column in NUMBERS:
        return _number(text)
    if column in INTEGERS:
        return int(_number(text))
    if column in BOOLEANS:
        return text.lower() in {"true", "t", "1", "yes", "y", "да", "истина"}
    if column == "phone":
        return normalise_phone(text)
    if column == "email":
        return normalise_email(text)
    if column == "currency":
        return text.upper()
    if column in {"address", "called_address"}:
        return normalise_address(text)
    return text


def from_texts(tables: dict[str, list[dict[str, str]]]) -> Data:
    """The same from rows of texts, as a CSV reader gives them. A later row with the same key replaces the earlier."""
    data = Data()
    for kind in COLUMNS:  # clinics come first: local times need their zones
        rows: dict[tuple[Any, ...], Row] = {}
        for number, texts in enumerate(tables.get(kind, [])):
            zone = data.zone((texts.get("clinic_id") or "").strip() or None)
            row = {column: _value(column, texts.get(column) or "", zone) for column in COLUMNS[kind]}
            key_columns = KEYS.get(kind, COLUMNS[kind][:1])
            key = tuple(row[column] for column in key_columns) if key_columns else (number,)
            rows[key] = row
        data.tables[kind] = list(rows.values())
    created_by_their_contacts(data)
    return data


def created_by_their_contacts(data: Data) -> None:
    """An appointment whose creation nobody wrote down was created by the contact that it is linked to."""
    moments = {contact["contact_id"]: contact["occurred_at"] for contact in data["contacts"]}
    for appointment in data["appointments"]:
        if appointment["created_at"] is None:
            appointment["created_at"] = moments.get(appointment["contact_id"])


def read_folder(folder: Path) -> Data:
    """Reads `<kind>.csv` and `<kind>_<anything>.csv`; UTF-8 or cp1251, comma or semicolon."""
    tables: dict[str, list[dict[str, str]]] = {}
    for path in sorted(folder.glob("*.csv")):
        kinds = [kind for kind in COLUMNS if path.stem == kind or path.stem.startswith(kind + "_")]
        if not kinds:
            continue
        content = path.read_bytes()
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("cp1251")
        header = text.split("\n", 1)[0]
        delimiter = ";" if header.count(";") > header.count(",") else ","
        tables.setdefault(max(kinds, key=len), []).extend(csv.DictReader(io.StringIO(text), delimiter=delimiter))
    return from_texts(tables)
