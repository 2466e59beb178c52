"""The city is the same every time, makes sense, and holds the cases that make clinics hard."""

from __future__ import annotations

import csv
import re
import time
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from extractors.kinds import KINDS
from simulators.world import World, build_world
from simulators.world.__main__ import main
from simulators.world.export import write_files

FICTIONAL = re.compile(r"^\+?7(900000|495000)\d{4}$")
VENDORS = (
    "aggregators", "amocrm", "bitrix24", "calltouch", "currency_rates", "fhir", "google_ads", "ident", "meta_ads",
    "open_dental", "uis", "vk_ads", "yandex_direct", "yandex_metrica",
)  # fmt: skip
Row = dict[str, Any]


def rows_of(world: World, kind: str) -> list[Row]:
    return world.neutral_rows()[kind]


def test_a_seed_tells_the_same_story_twice_and_another_seed_another_one() -> None:
    first = build_world(7, date_from=date(2026, 3, 1), days=20)
    assert first == build_world(7, date_from=date(2026, 3, 1), days=20)
    assert first.neutral_rows() == build_world(7, date_from=date(2026, 3, 1), days=20).neutral_rows()
    assert first.contacts != build_world(8, date_from=date(2026, 3, 1), days=20).contacts


def test_the_demo_city_is_quick_to_tell_and_has_about_fifteen_hundred_contacts() -> None:
    started = time.perf_counter()
    world = build_world(1, date_from=date(2026, 8, 1), days=90)
    world.neutral_rows()
    assert time.perf_counter() - started < 2
    assert 1_200 < len(world.contacts) < 1_800
    assert len(world.clinics) == 3


@pytest.mark.parametrize(
    "wrong", [{"days": 0}, {"clinics": 0}, {"clinics": 10}, {"scale": 0.0}, {"scale": 9.0, "days": 90}]
)
def test_a_city_outside_its_bounds_is_refused(wrong: Row) -> None:
    arguments: Row = {"date_from": date(2026, 1, 1), "days": 5}
    with pytest.raises(ValueError, match="build_world"):
        build_world(1, **(arguments | wrong))


@pytest.mark.parametrize(("seed", "days", "clinics"), [(1, 1, 1), (2, 40, 1), (3, 30, 5)])
def test_every_reference_of_the_story_points_at_something(seed: int, days: int, clinics: int) -> None:
    world = build_world(seed, date_from=date(2025, 12, 20), days=days, clinics=clinics)
    patients = {patient.pat_num for patient in world.patients}
    appointments = {appointment.apt_num for appointment in world.appointments}
    procedures = {procedure.proc_num for procedure in world.procedures}
    deals = {deal.deal_num for deal in world.deals}
    doctors = {person.vendor_num for person in world.employees if person.group == "doctors"}
    contacts = {contact.contact_id: contact for contact in world.contacts}
    for appointment in world.appointments:
        assert appointment.pat_num in patients
        assert appointment.prov_num in doctors
        if appointment.booked_by_contact is not None:
            assert contacts[appointment.booked_by_contact].occurred_at <= appointment.created_at
    assert {p.apt_num for p in world.procedures} <= appointments | {0}
    assert {p.pat_num for p in world.procedures} | {p.pat_num for p in world.payments} <= patients
    assert {split.proc_num for split in world.pay_splits} <= procedures
    assert {stage.proc_num for stage in world.plan_stages} <= procedures
    assert {stage.deal_num for stage in world.deal_stages} <= deals
    assert {patient.merged_into for patient in world.patients} <= patients | {None}
    sessions = {session.session_id: session for session in world.sessions}
    for contact in world.contacts:
        assert set(contact.named_patients) <= patients
        assert all(sessions[number].started_at <= contact.occurred_at for number in contact.session_ids)


def test_nothing_has_happened_after_the_vendors_are_asked(city: World) -> None:
    assert max(contact.occurred_at for contact in city.contacts) < city.now
    assert max(deal.moved_at for deal in city.deals) < city.now
    assert max(payment.day for payment in city.payments) <= city.date_to + timedelta(days=1)
    for appointment in city.appointments:
        assert appointment.changed_at <= city.now
        if appointment.status in ("completed", "arrived", "no_show"):
            assert appointment.starts_at is not None and appointment.starts_at < city.now


def test_splits_of_a_payment_add_up_to_it(city: World) -> None:
    totals: Counter[int] = Counter()
    for split in city.pay_splits:
        totals[split.pay_num] += split.amount  # type: ignore[assignment]
    for payment in city.payments:
        assert totals.get(payment.pay_num, payment.amount) == payment.amount


def test_every_phone_is_fictional_and_every_address_is_an_example(city: World) -> None:
    for kind, rows in city.neutral_rows().items():
        for row in rows:
            for column, value in row.items():
                cells = value if isinstance(value, list) else [value]
                for cell in (cell for cell in cells if isinstance(cell, str)):
                    if column.startswith("phone") or column == "called_address_e164":
                        assert FICTIONAL.match(cell), (kind, column)
                    if "@" in cell and not column.startswith(("landing", "referrer")):
                        assert cell.endswith("example.org"), (kind, column)


def test_families_share_a_phone_and_some_people_have_two(city: World) -> None:
    owners = Counter(patient.mobile for patient in city.patients if patient.mobile and not patient.merged_into)
    assert max(owners.values()) >= 2
    assert sum(bool(patient.mobile and patient.landline) for patient in city.patients) > 5
    main_line = city.clinics[0].main_phone
    assert owners[main_line] > 8  # typed into cards by hurried administrators
    staff = {person.phone for person in city.employees if person.phone}
    assert staff & set(owners)


def test_the_hard_cases_occur(city: World) -> None:
    truth = city.neutral_rows()
    contacts, appointments = truth["contacts"], truth["appointments"]
    assert any(row["merged_into_patient_id"] for row in truth["patients"])
    assert any(row["patient_ids"] and len(row["patient_ids"]) > 1 for row in contacts)
    assert max(Counter(a.booked_by_contact for a in city.appointments if a.booked_by_contact).values()) > 1
    assert any(row["phone"] is row["email"] is row["client_id"] is row["patient_ids"] is None for row in contacts)
    assert {row["status"] for row in appointments} == {
        "planned", "waiting_list", "arrived", "completed", "no_show", "cancelled",
    }  # fmt: skip
    assert {row["people_group"] for row in contacts} == {"wants_to_book", "already_booked", "employee", "other", None}
    assert {row["outcome"] for row in contacts} >= {"booked", "waiting_list", "request_saved", "declined", "spam", None}
    assert {row["kind"] for row in contacts} == {
        "call", "form", "callback_order", "message", "email", "aggregator", "front_desk",
    }  # fmt: skip
    assert any(row["is_answered"] is False for row in contacts)
    assert any(row["is_answered"] and row["talk_seconds"] is None for row in contacts)
    assert any(row["direction"] == "outbound" and row["outcome"] == "booked" for row in contacts)
    assert any(row["amount"] < 0 for row in truth["payments"])
    assert any(row["appointment_id"] is None for row in truth["payments"])
    assert {row["stage_kind"] for row in truth["deals"]} == {"open", "won", "lost"}
    assert any(":" in row["stage"] or row["stage"].startswith("UC_") for row in truth["deal_stages"])
    assert any(row["clinic_id"] is None for row in truth["ad_spend"])
    assert any(deal.is_template for deal in city.deals)
    assert {procedure.status for procedure in city.procedures} == {"C", "TP", "D"}
    assert any(appointment.is_note for appointment in city.appointments)
    stages: dict[str, list[Any]] = {}
    for row in sorted(truth["treatment_stages"], key=lambda row: row["stage_number"]):
        stages.setdefault(row["plan_id"], []).append(row["done_at"])
    assert {done[-1] is not None for done in stages.values()} == {True, False}


def test_neutral_rows_are_in_the_columns_and_words_of_their_kind(city: World) -> None:
    truth = city.neutral_rows()
    assert list(truth) == [kind.name for kind in KINDS]
    for kind in KINDS:
        for row in truth[kind.name]:
            assert list(row) == [column.name for column in kind.columns]
            for column in kind.columns:
                value = row[column.name]
                assert value is not None or not column.required, (kind.name, column.name)
                assert value is None or not column.one_of or value in column.one_of, (kind.name, column.name)
                assert value not in ("", []), (kind.name, column.name)
        if "_ordinal" not in kind.key:
            keys = [tuple(row[name] for name in kind.key) for row in truth[kind.name]]
            assert len(keys) == len(set(keys)), kind.name


def test_vat_is_twenty_percent_in_2025_and_twenty_two_after() -> None:
    from simulators.world.setting import vat_rate

    assert (vat_rate(date(2025, 12, 31)), vat_rate(date(2026, 1, 1))) == (Decimal("0.20"), Decimal("0.22"))


def test_export_writes_what_no_vendor_serves(city: World, tmp_path: Path) -> None:
    written = write_files(city, tmp_path, VENDORS)
    assert set(written) == {
        "clinics", "employees", "counterparties", "tracking_addresses", "ad_spend", "contacts", "schedule_slots",
    }  # fmt: skip
    with (tmp_path / "contacts.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == written["contacts"]
    assert all(row["contact_id"].startswith("desk:") for row in rows)
    assert "phone_e164" not in rows[0]
    assert any(";" in row["patient_ids"] for row in rows) or any(row["patient_ids"] for row in rows)
    with (tmp_path / "ad_spend.csv").open(encoding="utf-8", newline="") as file:
        assert {row["source"] for row in csv.DictReader(file)} == {"banner", "radio", "event"}


def test_the_export_command_writes_every_kind_when_asked(tmp_path: Path) -> None:
    assert main(["export", "--seed", "3", "--days", "40", "--files", str(tmp_path), "--all"]) == 0
    names = {path.stem for path in tmp_path.iterdir()}
    assert names == {kind.name for kind in KINDS} - {"deal_leads"}


def test_every_row_comes_from_the_system_of_its_clinic_and_its_id_says_so() -> None:
    world = build_world(1, date_from=date(2026, 8, 1), days=60)
    assert world.systems["C1"] != world.systems["C2"] != world.systems["C3"]
    told = {source: world.rows_of(source) for source in (*VENDORS, "files")}
    for source in VENDORS:
        rows = told[source]
        assert any(rows.values()), source
        clinics = {clinic.clinic_id for clinic in world.seen_by(source).clinics}
        for kind in ("patients", "contacts", "sessions", "appointments", "sales", "payments", "deals"):
            for row in rows[kind]:
                assert next(iter(row.values())).startswith(f"{source}:")
                assert "clinic_id" not in row or row["clinic_id"] in clinics
    for kind, truth in world.neutral_rows().items():
        assert sum(len(rows[kind]) for rows in told.values()) == len(truth), kind


def test_a_vendor_sees_its_own_clinics_and_nothing_else() -> None:
    world = build_world(1, date_from=date(2026, 8, 1), days=60)
    uis, fhir, meta = (world.seen_by(source) for source in ("uis", "fhir", "meta_ads"))
    assert {contact.clinic_id for contact in uis.contacts} == {"C2", "C3"}
    behind = {number for contact in uis.contacts for number in contact.session_ids}
    assert behind == {session.session_id for session in uis.sessions}
    assert not (uis.patients or uis.deals or uis.campaigns)
    assert {patient.clinic_id for patient in fhir.patients} == {"C2"}
    assert {a.pat_num for a in fhir.appointments} <= {patient.pat_num for patient in fhir.patients}
    assert {p.merged_into for p in fhir.patients} <= {None, *(patient.pat_num for patient in fhir.patients)}
    assert {campaign.currency for campaign in meta.campaigns} == {"USD"}
    assert not (meta.contacts or meta.patients)


def test_every_day_of_foreign_spend_has_a_rate_of_that_day_or_before() -> None:
    world = build_world(1, date_from=date(2026, 8, 2), days=20)  # a Sunday: the bank sets no rate for it
    first = min(rate.day for rate in world.currency_rates if rate.currency == "USD")
    assert first < min(row["date_from"] for row in world.neutral_rows()["ad_spend"] if row["currency"] == "USD")
    assert all(rate.day.weekday() not in (6, 0) for rate in world.currency_rates)
