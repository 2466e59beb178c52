"""Loading: what a cell becomes, and what a second load does."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from openpyxl import Workbook

from extractors.core.errors import ConfigError
from extractors.kinds import KINDS
from extractors.registry import all_streams
from extractors.sources.files import load_inbox
from tests.files.desk import CLINICS, NOW, Desk
from warehouse.migrate import migrate

SPEND = "date_from,date_to,channel,source,medium,campaign,clinic_id,amount,currency"


def test_a_second_load_of_the_same_files_touches_no_row(open_desk: Desk) -> None:
    contacts = "contact_id,clinic_id,occurred_at,kind,direction,x\nE1,C1,2026-06-01,call,inbound,1\n"
    open_desk.put("contacts.csv", contacts)
    open_desk.put("tracking_addresses.csv", "address,source,clinic_id\n+74950000002,radio,\n")
    open_desk.put("ad_spend.csv", f"{SPEND}\n" + "2026-06-01,2026-06-30,,radio,,,,100,RUB\n" * 2)
    open_desk.load()

    def state() -> list[object]:
        return [
            open_desk.rows(f"select xmin::text, t::text from staging.{kind.table} as t order by 2") for kind in KINDS
        ]

    before = state()
    summary = open_desk.load()
    assert state() == before
    assert (summary.rows_read, summary.rows_written, summary.rows_rejected) == (6, 0, 0)


def test_a_corrected_file_replaces_the_same_keys_and_leaves_other_rows_alone(open_desk: Desk) -> None:
    header = "patient_id,clinic_id,full_name\n"
    open_desk.put("patients.csv", f"{header}P1,C1,Old\nP2,C1,Same\nP3,C1,Stays\n")
    open_desk.load()
    open_desk.put("patients.csv", f"{header}P1,C2,New\nP2,C1,Same\nP4,C1,Fresh\n")
    summary = open_desk.load()
    assert open_desk.rows(
        "select patient_id, clinic_id, full_name, _run_id from staging.files__patients order by 1"
    ) == [
        ("P1", "C2", "New", "run-2"), ("P2", "C1", "Same", "run-1"), ("P3", "C1", "Stays", "run-1"),
        ("P4", "C1", "Fresh", "run-2"),
    ]  # fmt: skip
    [patients] = [file for file in summary.files if file.kind == "patients"]
    assert (patients.written, patients.unchanged) == (2, 1)


def test_a_corrected_file_takes_its_refused_rows_back(open_desk: Desk) -> None:
    open_desk.put("patients.csv", "patient_id,clinic_id\nP1,C9\n")
    open_desk.load()
    assert len(open_desk.rejected()) == 1
    open_desk.put("patients.csv", "patient_id,clinic_id\nP1,C1\n")
    open_desk.load()
    assert open_desk.rejected() == []


def test_equal_lines_of_spend_in_one_file_are_both_kept(open_desk: Desk) -> None:
    line = "2026-06-01,2026-06-30,offline,radio,,,C1,100,RUB\n"
    open_desk.put("ad_spend.csv", f"{SPEND}\n{line}{line}")
    open_desk.load()
    assert open_desk.rows("select _ordinal, amount from staging.files__ad_spend order by 1") == [
        (0, Decimal(100)), (1, Decimal(100)),
    ]  # fmt: skip


def test_a_corrected_line_of_spend_goes_whatever_was_corrected(open_desk: Desk) -> None:
    june = "2026-06-01,2026-06-30"
    open_desk.put("ad_spend.csv", f"{SPEND}\n{june},,radoi,,,,100,RUB\n{june},,tv,,,,5,RUB\n")
    open_desk.load()
    open_desk.put("ad_spend.csv", f"{SPEND}\n{june},,radio,,,,100,RUB\n{june},,tv,,,,7,RUB\n")
    summary = open_desk.load()
    assert open_desk.rows("select source, amount from staging.files__ad_spend order by 1") == [
        ("radio", Decimal(100)), ("tv", Decimal(7)),
    ]  # fmt: skip
    assert [file.removed for file in summary.files if file.kind == "ad_spend"] == [1]


def test_the_next_months_spend_under_the_same_file_name_leaves_this_months(open_desk: Desk) -> None:
    open_desk.put("ad_spend.csv", f"{SPEND}\n2026-06-01,2026-06-30,,radio,,,,100,RUB\n")
    open_desk.load()
    open_desk.put("ad_spend.csv", f"{SPEND}\n2026-07-01,2026-07-31,,radio,,,,100,RUB\n")
    open_desk.load()
    assert open_desk.rows("select sum(amount) from staging.files__ad_spend") == [(Decimal(200),)]


def test_items_of_a_deal_are_replaced_together_and_other_deals_keep_theirs(open_desk: Desk) -> None:
    open_desk.put("deal_items.csv", "deal_id,item\nD1,crown\nD1,crown\nD2,braces\n")
    open_desk.load()
    open_desk.put("deal_items.csv", "deal_id,item\nD1,crown\n")
    open_desk.load()
    assert open_desk.rows("select deal_id, item from staging.files__deal_items order by 1") == [
        ("D1", "crown"), ("D2", "braces"),
    ]  # fmt: skip


def test_of_two_files_with_the_same_key_the_later_name_wins_and_it_is_said(open_desk: Desk) -> None:
    open_desk.put("patients.csv", "patient_id,clinic_id,full_name\nP1,C1,First\n")
    open_desk.put("patients_2026-06.csv", "patient_id,clinic_id,full_name\nP1,C1,Second\n")
    open_desk.load()
    summary = open_desk.load()
    assert open_desk.rows("select full_name, _file, _run_id from staging.files__patients") == [
        ("Second", "patients_2026-06.csv", "run-1")
    ]
    assert [file.superseded for file in summary.files if file.kind == "patients"] == [1, 0]


def test_local_times_take_the_zone_of_the_rows_clinic_and_clock_changes_are_told_apart(desk: Desk) -> None:
    desk.put("clinics.csv", "clinic_id,time_zone\nB,Europe/Berlin\nM,Europe/Moscow\n")
    desk.put(
        "contacts.csv",
        "contact_id,clinic_id,occurred_at,kind,direction\n"
        "1 moscow,M,2026-06-01 09:00,call,inbound\n"
        "2 russian,M,01.06.2026 09:00:30,call,inbound\n"
        "3 offset,M,2026-06-01T09:00:00Z,call,inbound\n"
        "4 day,M,01.06.2026,call,inbound\n"
        "5 twice,B,2026-10-25 02:30,call,inbound\n"
        "6 never,B,2026-03-29 02:30,call,inbound\n",
    )
    desk.put("deals.csv", "deal_id,created_at,stage_kind\nD1,2026-06-01 12:00,open\n")
    assert desk.load().rows_rejected == 0
    moments = [row[0] for row in desk.rows("select occurred_at from staging.files__contacts order by contact_id")]
    assert moments == [
        datetime(2026, 6, 1, 6, 0, tzinfo=UTC),
        datetime(2026, 6, 1, 6, 0, 30, tzinfo=UTC),
        datetime(2026, 6, 1, 9, 0, tzinfo=UTC),
        datetime(2026, 5, 31, 21, 0, tzinfo=UTC),
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),  # the first of the two half past two
        datetime(2026, 3, 29, 1, 30, tzinfo=UTC),  # shown as 03:30 by a Berlin clock
    ]
    assert desk.rows("select created_at from staging.files__deals") == [(datetime(2026, 6, 1, 10, 0, tzinfo=UTC),)]


def test_stages_of_a_deal_take_the_zone_of_the_deals_clinic(open_desk: Desk) -> None:
    open_desk.put("deals.csv", "deal_id,stage_kind,clinic_id\nD1,open,C2\n")
    open_desk.put("deal_stages.csv", "deal_id,stage,entered_at\nD1,new,2026-06-01 12:00\nD7,new,2026-06-01 12:00\n")
    open_desk.load()
    assert open_desk.rows("select entered_at from staging.files__deal_stages order by deal_id") == [
        (datetime(2026, 6, 1, 7, 0, tzinfo=UTC),), (datetime(2026, 6, 1, 9, 0, tzinfo=UTC),),
    ]  # fmt: skip


def test_a_workbook_with_typed_cells_loads_as_text_would(open_desk: Desk) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["patient_id", "clinic_id", "full_name", "birth_date", "phones", "registered_at", "Рост"])
    sheet.append([101, "C1", "Пробная А.", date(1990, 2, 3), 79000000001, datetime(2026, 6, 1, 9, 30), 1.75])  # noqa: DTZ001
    sheet.append([None] * 7)
    sheet.append([102.0, "C1", None, "03.02.1990", "8 (900) 000-00-02; 8 495 000 00 02", None, None, "aside"])
    sheet.append(["P 3", "C1", None, 44927.5, None, None, None])
    sheet.append(["P4", "C1", "#N/A", None, None, None, None])
    sheet.append([1234567890123450000, "C1", None, None, None, None, None])
    book.save(open_desk.inbox / "Patients 2026-06.xlsx")
    summary = open_desk.load()
    assert open_desk.rows(
        "select patient_id, birth_date, phones_e164, registered_at, _extra, _row"
        " from staging.files__patients order by 1"
    ) == [
        ("101", date(1990, 2, 3), ["+79000000001"], datetime(2026, 6, 1, 6, 30, tzinfo=UTC), {"Рост": 1.75}, 2),
        ("102", date(1990, 2, 3), ["+79000000002", "+74950000002"], None, {"column_8": "aside"}, 4),
    ]
    assert [row[1:3] for row in open_desk.rejected()] == [(5, "birth_date"), (6, "full_name"), (7, "patient_id")]
    assert [file.extra_columns for file in summary.files if file.kind == "patients"] == [("Рост",)]


def test_lists_quoted_line_breaks_and_extra_columns_survive(open_desk: Desk) -> None:
    open_desk.put(
        "contacts.csv",
        "contact_id,clinic_id,occurred_at,kind,direction,patient_ids,tags,note,is_answered,Цвет\n"
        'E1,C1,2026-06-01,call,inbound,P1; P2;,hot;vip,"two\nlines",да,синий\n'
        "E2,C1,2026-06-01,call,inbound,,,,0,\n",
    )
    open_desk.load()
    assert open_desk.rows(
        "select patient_ids, tags, note, is_answered, _extra, _row from staging.files__contacts order by contact_id"
    ) == [
        (["P1", "P2"], ["hot", "vip"], "two\nlines", True, {"Цвет": "синий"}, 2),
        (None, None, None, False, None, 3),
    ]


def test_money_is_kept_exactly(open_desk: Desk) -> None:
    open_desk.put(
        "payments.csv",
        "payment_id;paid_at;patient_id;clinic_id;amount;currency\n"
        "M1;2026-06-01;P1;C1;1 234,56;руб.\n"
        "M2;2026-06-01;P1;C1;-0.1;RUB\n"
        "M3;2026-06-01;P1;C1;12345678901234567890,01 ₽;₽\n",
    )
    open_desk.load()
    assert open_desk.rows("select amount, currency from staging.files__payments order by payment_id") == [
        (Decimal("1234.56"), "RUB"), (Decimal("-0.1"), "RUB"), (Decimal("12345678901234567890.01"), "RUB"),
    ]  # fmt: skip


def test_a_folder_that_is_not_there_or_holds_nothing_is_a_setting_to_change(desk: Desk) -> None:
    with pytest.raises(ConfigError, match="no import file"):
        desk.load()
    desk.inbox.rmdir()
    with pytest.raises(ConfigError, match="no folder"):
        desk.load()


def test_migration_can_run_again_adds_new_columns_and_opens_nothing_to_the_public(open_desk: Desk) -> None:
    open_desk.put("patients.csv", "patient_id,clinic_id\nP1,C1\n")
    open_desk.load()
    open_desk.run("alter table staging.files__patients drop column how_learned")
    migrate(open_desk.url)
    assert open_desk.rows("select patient_id, how_learned from staging.files__patients") == [("P1", None)]
    assert open_desk.rows(
        "select relname from pg_class join pg_namespace as n on n.oid = relnamespace, aclexplode(relacl) as acl"
        " where nspname in ('staging', 'ops', 'marts', 'reports', 'access', 'build') and grantee = 0"
    ) == []  # fmt: skip
    assert open_desk.rows("select 1 from pg_namespace where nspname = 'public' and nspacl::text ~ '[{,]=U'") == []


def test_every_vendor_stream_has_its_landed_table_with_a_key_in_which_nulls_are_equal(desk: Desk) -> None:
    declared = {
        (stream.table, name) for stream in all_streams() for name in (*stream.column_names, "_run_id", "_extra")
    }
    columns = "select table_name, column_name from information_schema.columns where table_schema = 'staging'"
    assert declared <= set(desk.rows(columns))
    keyed = desk.rows(
        "select indrelid::regclass::text from pg_index where indisunique and indnullsnotdistinct"
        " and indrelid::regclass::text like 'staging.%__%'"
    )
    assert {f"staging.{stream.table}" for stream in all_streams()} <= {name for (name,) in keyed}


def test_a_warehouse_without_tables_says_what_to_do(fresh_database: str, tmp_path: Path) -> None:
    (tmp_path / "clinics.csv").write_text(CLINICS)
    with pytest.raises(ConfigError, match="migrate"):
        load_inbox(fresh_database, tmp_path, run_id="run", now=NOW)


def test_every_landed_table_and_column_says_what_it_is(open_desk: Desk) -> None:
    assert open_desk.rows(
        "select relname, attname from pg_class join pg_attribute on attrelid = pg_class.oid"
        " where relnamespace in ('staging'::regnamespace, 'ops'::regnamespace) and relkind = 'r' and attnum > 0"
        " and not attisdropped and (col_description(pg_class.oid, attnum) is null"
        " or obj_description(pg_class.oid, 'pg_class') is null)"
    ) == []  # fmt: skip


def test_the_june_case_loads_whole(desk: Desk, june: Path) -> None:
    for path in june.glob("*.csv"):
        desk.put(path.name, path.read_bytes())
    summary = desk.load()
    assert summary.ok
    assert (summary.rows_read, summary.rows_written) == (64, 64)
    assert desk.rows("select sum(amount) from staging.files__ad_spend") == [(Decimal(60000),)]
