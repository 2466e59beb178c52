"""Rows of people who were forgotten are cleaned on their way in, and rows of others are not touched."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractors.core.forgotten import (
    ADDRESSES,
    CLICKS,
    IDENTIFIERS,
    PHONES,
    PRIVATE,
    PRIVATE_IN,
    Forgotten,
    Hit,
    bare_address,
    cleaned,
    cleaner,
    identifier_hash,
    read_forgotten,
)
from extractors.kinds import KINDS
from warehouse.migrate import file_table, migrate, vendor_tables

PHONE, STAND_IN = "+79000000001", "+999000000000001"
LIST = {
    ("phone", PHONE): STAND_IN,
    ("email", "one@example.org"): "forgotten-1@forgotten.invalid",
    ("patient", "open_dental:42"): "open_dental:forgotten-42",
    ("client", "c-101"): "forgotten-c",
    ("crm", "amocrm:7"): "forgotten-7",
    ("name", "patient one"): "forgotten",
    ("deal", "D1"): "forgotten",
    ("deal", "bitrix24:7"): "forgotten",
    ("deal", "amocrm:8"): "forgotten",
}
# Texts that name no person; a new column must be put here or among the private ones of extractors/core/forgotten.py.
INNOCENT = (
    "_file _run_id administrator_id adv_engine aggregator appointment_id appointment_num appointment_type_num call_id"
    " called_address called_address_e164 called_number called_number_e164 campaign_name category_id channel"
    " charge_item_id chat_channel_type chat_id clinic_id code communication_id contact_id contact_kind counter_id"
    " created_by created_via currency deal_id description direct_campaign_id direction doctor_id employee_id"
    " encounter_id field_name file finish_reason form_name form_type how_learned initiator invoice_id invoices item"
    " item_kind item_type keyword kind lead_id line_id lines loss_reason_id lost_reason manager manager_id medium"
    " message_id not_arrived_reason outcome payment_id payment_num payment_type people_group pipeline pipeline_id"
    " plan_id plan_num procedure_num provider_num ref_attach_num referral_name referral_source referral_type"
    " refusal_reason renews_sale_id report request_id resource resource_id sale_id scenario_name search_engine"
    " session_id sha256 sheet site site_id social_network source source_code source_id stage stage_id stage_kind"
    " stage_semantics stages status status_id tags time_zone topic traffic_source utm_campaign utm_content utm_medium"
    " utm_source utm_term visit_id visitor_session_id"
)


def the_list() -> Forgotten:
    hashes = {identifier_hash("salt", role, value): Hit(1, text) for (role, value), text in LIST.items()}  # type: ignore[arg-type]
    return Forgotten("salt", hashes, {1: ("+999999999999999", "stand-in@forgotten.invalid")})


def clean(table: str, **row: Any) -> dict[str, Any]:  # noqa: ANN401 - values of any column
    function = cleaner(the_list(), table, list(row))
    assert function is not None
    return dict(zip(row, function(tuple(row.values())), strict=True))


def test_a_contact_loses_names_and_texts_and_keeps_what_is_counted() -> None:
    row = clean(
        "files__contacts", contact_id="E1", clinic_id="C1", phone="8 900 000-00-01", phone_e164=PHONE, email=None,
        client_id="c-101", patient_ids=None, topic="implants", utm_source="yandex", click_id="yclid:77",
        landing_page="https://a.example/x?utm_source=yandex&yclid=77&phone=1#a", note="afraid", recording_url="https://r",
        _extra='{"a": 1}',
    )  # fmt: skip
    assert row == {
        "contact_id": "E1", "clinic_id": "C1", "phone": STAND_IN, "phone_e164": STAND_IN, "email": None,
        "client_id": "forgotten-c", "patient_ids": None, "topic": "implants", "utm_source": "yandex",
        "click_id": "yclid:forgotten", "landing_page": "https://a.example/x?utm_source=yandex&yclid=forgotten",
        "note": None, "recording_url": None, "_extra": None,
    }  # fmt: skip


def test_a_card_is_known_by_its_number_and_an_address_that_came_later_is_replaced_too() -> None:
    row = clean(
        "open_dental__patients", patient_num="42", full_name="Patient One", birth_date="1990-01-31",
        phones=["new"], phones_e164=["+79000000099"], emails=["new@example.org"],
    )  # fmt: skip
    assert row == {
        "patient_num": "forgotten-42", "full_name": None, "birth_date": None, "phones": ["+999999999999999"],
        "phones_e164": ["+999999999999999"], "emails": ["stand-in@forgotten.invalid"],
    }  # fmt: skip


def test_a_call_about_two_patients_keeps_the_others_phone() -> None:
    row = clean(
        "files__contacts", phone="+79000000004", phone_e164="+79000000004", patient_ids=["open_dental:42", "P4"],
        note="two children",
    )  # fmt: skip
    assert row == {
        "phone": "+79000000004", "phone_e164": "+79000000004", "patient_ids": ["open_dental:forgotten-42", "P4"],
        "note": None,
    }  # fmt: skip


def test_a_number_counts_only_where_it_is_the_patients() -> None:
    assert clean("open_dental__payments", payment_num="42", patient_num="41")["payment_num"] == "42"
    assert clean("fhir__payments", payment_id="1", patient_id="42")["patient_id"] == "42", "another clinic system"
    assert clean("amocrm__leads", contact_id="7", name="Patient One") == {"contact_id": "forgotten-7", "name": None}
    assert clean("calltouch__calls", call_id="7", contact_id="7", phone_e164=None)["contact_id"] == "7"


def test_a_deal_that_names_its_client_nowhere_is_known_by_its_number() -> None:
    """Only a lead of it has the phone; a vendor's number counts with its source."""
    row = clean("files__deals", deal_id="D1", name="Crown for the florist", first_request="above the chemist", amount=9)
    assert row == {"deal_id": "D1", "name": None, "first_request": None, "amount": 9}
    row = clean("bitrix24__deals", deal_id="7", title="Crown", contact_id=None, source_description="asks for Vanya")
    assert row == {"deal_id": "7", "title": None, "contact_id": None, "source_description": None}
    assert clean("amocrm__leads", lead_id="8", name="Crown") == {"lead_id": "8", "name": None}
    for other in ({"deal_id": "D2", "name": "Crown"}, {"deal_id": "7", "name": "a deal of the file"}):
        assert clean("files__deals", **other) == other
    known = the_list()
    assert known.concerns("files", {"Сделка": "D1", "Название": "Crown", "Сумма": "much"})
    assert not known.concerns("files", {"Сделка": "D2", "Код": "D1"})


def test_a_phone_in_somebody_elses_note_is_replaced() -> None:
    row = clean("files__contacts", phone_e164="+79000000002", note="call 8 (900) 000-00-01 or One@example.org")
    assert row["note"] == f"call {STAND_IN} or forgotten-1@forgotten.invalid"


def test_a_rejected_row_is_known_by_any_of_its_cells() -> None:
    known = the_list()
    for cell in ("8 (900) 000-00-01", "one@example.org", "Patient  ONE", "c-101", "x one@example.org x"):
        assert known.concerns("files", {"a": [cell]}), cell
    assert known.concerns("open_dental", {"PatNum": 42})
    assert not known.concerns("fhir", {"PatNum": 42, "b": None, "c": True, "d": "+79000000002"})


@given(st.text(max_size=60), st.text(max_size=30), st.none() | st.text(max_size=30))
def test_rows_of_others_stay_and_cleaning_again_changes_nothing(note: str, name: str, url: str | None) -> None:
    other = {"phone_e164": "+79000000002", "note": note, "client_name": name, "landing_page": url}
    assert clean("files__deals", **other) == other
    own = clean("files__deals", **{**other, "phone_e164": PHONE})
    assert clean("files__deals", **own) == own
    assert own["note"] is own["client_name"] is None


@given(st.text(max_size=80))
def test_an_address_can_always_be_bared(url: str) -> None:
    assert bare_address(bare_address(url)) == bare_address(url)


def test_every_text_column_of_a_table_about_people_has_its_place() -> None:
    unknown = set()
    for table in (*map(file_table, KINDS), *vendor_tables()):
        names = [name for name, _ in table.columns]
        if cleaner(the_list(), table.name, names) is None:
            continue
        private = {*PRIVATE, *PRIVATE_IN.get(table.name, ()), *ADDRESSES, *CLICKS}
        known = {*IDENTIFIERS, *PHONES, *private, *INNOCENT.split()}
        texts = {name for name, type_ in table.columns if type_.startswith(("text", "jsonb"))}
        unknown |= {f"{table.name}.{name}" for name in texts - known}
    assert unknown == set()


@pytest.fixture
def warehouse(fresh_database: str) -> str:
    migrate(fresh_database)
    return fresh_database


def test_where_nobody_was_forgotten_rows_are_not_looked_at(warehouse: str) -> None:
    batches: list[list[tuple[Any, ...]]] = [[(PHONE,)]]
    with psycopg.connect(warehouse) as connection:
        assert read_forgotten(connection) is None
        assert cleaned(connection, "files__contacts", ["phone_e164"], batches) is batches


def test_the_server_hashes_as_the_loader_does_and_a_deal_by_hand_brings_nobody_back(warehouse: str) -> None:
    with psycopg.connect(warehouse) as connection:
        connection.execute(
            "insert into ops.forgotten_people (forgotten_at, reason, categories, phone, email)"
            " values (now(), 'asked', '{}', '+999', 'x')"
        )
        connection.execute(
            "insert into ops.forgotten_identifiers"
            " values (ops.opaque_key('forgotten', 'phone:' || %s), 'phone', 1, %s)", (PHONE, STAND_IN),
        )  # fmt: skip
        forgotten = read_forgotten(connection)
        assert forgotten is not None
        assert forgotten.find("phone", PHONE) == Hit(1, STAND_IN)
        connection.execute("select deals.add('Deal of One', phone => '+7 900 0000001', client_name => 'Patient One')")
        rows = connection.execute("select name, phone, phone_e164, client_name from staging.files__deals").fetchall()
        assert rows == [("forgotten", STAND_IN, STAND_IN, None)]
