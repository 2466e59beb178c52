"""What came raw with a landed row goes after some days; what the models read stays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from extractors.core.corrections import read_corrections
from warehouse.migrate import migrate

NOW = datetime(2026, 7, 1, 9, 0, tzinfo=UTC)
Connection = psycopg.Connection[Any]


@pytest.fixture
def warehouse(fresh_database: str) -> Iterator[Connection]:
    migrate(fresh_database)
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        for number, age in enumerate((10, 181)):
            at = NOW - timedelta(days=age)
            connection.execute(
                "insert into staging.files__contacts (contact_id, clinic_id, occurred_at, kind, direction, phone,"
                " phone_e164, note, _loaded_at, _extra) values (%s, 'C1', %s, 'call', 'inbound', '8 900 0000001',"
                " '+79000000001', 'kept', %s, '{\"a\": 1}')", (f"E{number}", at, at),
            )  # fmt: skip
            connection.execute(
                "insert into staging.files__patients (patient_id, clinic_id, phones, phones_e164, _loaded_at)"
                " values (%s, 'C1', '{8 900 0000001}', %s, %s)",
                (f"P{number}", ["+79000000001"] if number else [], at),
            )
            connection.execute(
                "insert into staging.rejected_rows (source, reason, row, rejected_at) values ('files', %s, '{}', %s)",
                (f"R{number}", at),
            )
        yield connection


def seen(connection: Connection) -> list[list[tuple[Any, ...]]]:
    return [
        connection.execute(query).fetchall()
        for query in (
            "select contact_id, phone, phone_e164, note, _extra is null from staging.files__contacts order by 1",
            "select patient_id, phones from staging.files__patients order by 1",
            "select reason from staging.rejected_rows order by 1",
        )
    ]


def test_raw_parts_older_than_the_setting_go_and_normal_forms_stay(warehouse: Connection) -> None:
    emptied = warehouse.execute("select * from ops.expire_raw(%s)", (NOW,)).fetchall()
    assert seen(warehouse) == [
        [("E0", "8 900 0000001", "+79000000001", "kept", False), ("E1", "+79000000001", "+79000000001", "kept", True)],
        [("P0", ["8 900 0000001"]), ("P1", ["+79000000001"])],
        [("R0",)],
    ]
    assert emptied == [(2, 1)]
    assert warehouse.execute("select * from ops.expire_raw(%s)", (NOW,)).fetchall() == [(0, 0)]


def test_a_correction_and_a_dismissal_that_are_met_again_do_not_grow_old(warehouse: Connection) -> None:
    """Their file lies in the inbox and is read every day: without them its row would be refused once more."""
    warehouse.execute("delete from staging.rejected_rows")
    for name, resolution in (("corrected", None), ("dismissed", "dismissed: a test call"), ("no more", None)):
        warehouse.execute(
            "insert into staging.rejected_rows"
            " (source, stream, reason, row, fixed, rejected_at, resolution, resolved_at)"
            " values ('files', 'contacts', %(name)s, %(row)s, %(fixed)s, %(at)s, %(resolution)s, %(at)s)",
            {"name": name, "row": Jsonb({"note": name}), "fixed": None if resolution else Jsonb({"note": "right"}),
             "at": NOW - timedelta(days=181), "resolution": resolution},
        )  # fmt: skip
    corrections = read_corrections(warehouse, "files", "contacts")
    assert corrections.of({"note": "corrected"}) == {"note": "right"}
    assert corrections.knows({"note": "dismissed"}) and not corrections.knows({"note": "another"})
    corrections.settle(warehouse, NOW)
    warehouse.execute("select ops.expire_raw(%s)", (NOW,))
    assert seen(warehouse)[2] == [("corrected",), ("dismissed",)]


def test_what_loads_noted_goes_after_the_days_of_its_setting(warehouse: Connection) -> None:
    for age in (10, 401):
        at = NOW - timedelta(days=age)
        warehouse.execute(
            "insert into ops.steps (run_id, step, started_at, status) values ('r', 's', %s, 'done')", (at,)
        )
        warehouse.execute(
            "insert into ops.model_runs (run_id, model, kind, status, seconds, finished_at)"
            " values ('r', 'm', 'model', 'success', 1, %s)", (at,),
        )  # fmt: skip
        warehouse.execute(
            "insert into ops.checks (run_id, gate, rule, table_name, severity, is_passed, checked_at)"
            " values ('r', 'marts', 'r', 't', 'stop', true, %s)", (at,),
        )  # fmt: skip
    warehouse.execute("update staging.settings set value = null where name = 'journal_days'")
    assert warehouse.execute("select ops.expire_journals(%s)", (NOW,)).fetchone() == (0,)
    warehouse.execute("update staging.settings set value = '400' where name = 'journal_days'")
    assert warehouse.execute("select ops.expire_journals(%s)", (NOW,)).fetchone() == (3,)
    left = "select started_at from ops.steps union all select finished_at from ops.model_runs"
    left += " union all select checked_at from ops.checks"
    assert {at for (at,) in warehouse.execute(left)} == {NOW - timedelta(days=10)}


def test_without_a_number_of_days_everything_is_kept(warehouse: Connection) -> None:
    before = seen(warehouse)
    warehouse.execute("update staging.settings set value = null where name = 'raw_days'")
    assert warehouse.execute("select * from ops.expire_raw(%s)", (NOW,)).fetchall() == [(0, 0)]
    assert seen(warehouse) == before


def test_a_number_of_days_below_nought_is_refused(warehouse: Connection) -> None:
    """It would let go what is there, and what is to come."""
    for setting, expires in (
        ("raw_days", "select ops.expire_raw(now())"),
        ("journal_days", "select ops.expire_journals(now())"),
        ("history_days", "select ops.expire_history(now())"),
    ):
        warehouse.execute("update staging.settings set value = '-1' where name = %s", (setting,))
        with pytest.raises(psycopg.errors.InvalidParameterValue, match=f"the setting {setting} is -1 but counts days"):
            warehouse.execute(expires.encode())


def test_a_phone_that_could_not_be_read_stays_as_it_was_written(warehouse: Connection) -> None:
    warehouse.execute("update staging.files__contacts set phone_e164 = null, phone = 'ask Anna'")
    warehouse.execute("select ops.expire_raw(%s)", (NOW,))
    assert [row[1] for row in seen(warehouse)[0]] == ["ask Anna", "ask Anna"]
