"""What publications replaced can be read again, by whoever may read it today, and expires."""

from __future__ import annotations

import random
import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.warehouse.small_warehouse import REPORT_FILE, Warehouse
from warehouse.lint import run_lints
from warehouse.migrate import migrate

FIRST = date(2026, 6, 1)
BUILD = "build.administrator_conversion_inquiries"
PEOPLE = "build.administrator_conversion_people"
TABLES = "reports.administrator_conversion_inquiries, history.administrator_conversion_inquiries"
REPORT = "select * from reports.administrator_conversion{}({}) order by 1"
LIST = "select * from reports.administrator_conversion_list{} order by 1"


def publish_on(warehouse: Warehouse, day: date, hour: int = 3) -> None:
    warehouse.publish(now=datetime(day.year, day.month, day.day, hour, tzinfo=UTC))


def read(warehouse: Warehouse, role: str, day: date | None = None) -> list[list[tuple[Any, ...]]]:
    """The report and the list behind it, as an employee, now or as of a day."""
    with warehouse.connect(role) as employee:
        report = REPORT.format("_as_of" if day else "", f"'{day}'" if day else "")
        rows = LIST.format(f"_as_of('{day}')" if day else "")
        return [employee.execute(query.encode()).fetchall() for query in (report, rows)]


def test_a_report_reads_as_it_was_published_on_a_past_day(warehouse: Warehouse) -> None:
    anna = warehouse.add("anna")
    warehouse.run("select access.allow('desk', 'administrator_conversion', '{C1}', personal_data => true)")
    publish_on(warehouse, FIRST)
    before = read(warehouse, anna)
    warehouse.run(f"delete from {BUILD} where inquiry_key = 'q3'; delete from {PEOPLE} where inquiry_key = 'q3'")
    publish_on(warehouse, FIRST + timedelta(days=3))
    after = read(warehouse, anna)

    assert before[0] == [("A1", 2), ("A2", 2)]
    assert after[0] == [("A1", 2), ("A2", 1)]
    for days, expected in ((0, before), (2, before), (3, after), (30, after)):
        assert read(warehouse, anna, FIRST + timedelta(days=days)) == expected
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="no publication of 2026-05-31 or before"):
        read(warehouse, anna, FIRST - timedelta(days=1))


def test_a_load_that_began_before_another_published_is_not_of_the_day_on_which_it_began(warehouse: Warehouse) -> None:
    """It waits for its turn, or the clock was set back: what it publishes came after what is there."""
    amounts = "select distinct amount from reports.amounts_as_of('2026-06-0{}')"
    warehouse.write_report(
        REPORT_FILE + "create view reports.amounts with (security_invoker = true) as"
        " select amount from reports.administrator_conversion_inquiries;"
    )
    for amount, day in ((1, 0), (2, 2), (3, 1)):
        warehouse.run(f"update {BUILD} set amount = {amount}")
        publish_on(warehouse, FIRST + timedelta(days=day))

    assert [warehouse.run(amounts.format(day)) for day in (1, 2, 3, 4)] == [[(1,)], [(1,)], [(3,)], [(3,)]]
    assert warehouse.run("select published_at <= max(published_at) over (order by publication_id) from ops.publications"
                         " order by publication_id") == [(True,)] * 3  # fmt: skip
    # a clock that went ahead once binds nobody
    warehouse.run("update ops.publications set published_at = '2999-01-01' where publication_id = 3")
    publish_on(warehouse, FIRST + timedelta(days=5))
    assert warehouse.run("select published_on from history.publications order by publication_id desc limit 1") == [
        (FIRST + timedelta(days=5),)
    ]


def test_parameters_keep_their_names_and_defaults_and_the_setting_ends_with_the_call(warehouse: Warehouse) -> None:
    publish_on(warehouse, FIRST)
    warehouse.run(f"update {BUILD} set clinic_id = 'C1'")
    publish_on(warehouse, FIRST + timedelta(days=1))
    with psycopg.connect(warehouse.url) as owner:
        counted = "select sum(inquiries) from reports.administrator_conversion_as_of('2026-06-01', clinic => 'C2')"
        assert owner.execute(counted.encode()).fetchall() == [(4,)]
        assert owner.execute("select current_setting('chairside.as_of', true)").fetchall() in ([("",)], [(None,)])
        assert owner.execute("select count(*) from as_of.administrator_conversion(clinic => 'C2')").fetchall() == [(0,)]
        # For tools that aggregate themselves: any relation of as_of, at a publication that history.publications names.
        owner.execute(
            "select set_config('chairside.as_of', max(publication_id)::text, true) from history.publications"
            " where published_on <= '2026-06-01'"
        )
        assert owner.execute("select count(*) from as_of.administrator_conversion(clinic => 'C2')").fetchall() == [(2,)]


def test_only_replaced_rows_are_kept(warehouse: Warehouse) -> None:
    publish_on(warehouse, FIRST)
    kept = "select inquiry_key, amount, published_in, replaced_in from history.administrator_conversion_inquiries"
    assert warehouse.run(kept) == []
    warehouse.run(f"update {BUILD} set amount = 99 where inquiry_key = 'q1'; insert into {BUILD} values ('q13', 'C1')")
    publish_on(warehouse, FIRST + timedelta(days=1))

    (row,) = warehouse.run(kept)
    assert row[:2] == ("q1", 1)
    assert row[2] < row[3]
    assert warehouse.run("select count(*) from history.fct_inquiries") == [(0,)]


def test_a_reader_sees_of_the_past_what_his_right_of_today_shows(warehouse: Warehouse) -> None:
    anna, boris, curious = (warehouse.add(name, None, "A1") for name in ("anna", "boris", "curious"))
    warehouse.run("select access.allow(%s, 'administrator_conversion', '{C1}')", (anna,))
    warehouse.run("select access.allow(%s, 'administrator_conversion', own_rows_only => true)", (boris,))
    warehouse.run("select access.allow(%s, 'direction_load')", (curious,))
    publish_on(warehouse, FIRST)
    past = [read(warehouse, role) for role in (anna, boris)]
    warehouse.run(f"update {BUILD} set clinic_id = 'C9', administrator_id = 'A9'; update {PEOPLE} set phone = 'x'")
    publish_on(warehouse, FIRST + timedelta(days=1))

    for role, was in zip((anna, boris), past, strict=True):
        assert read(warehouse, role) == [[], []]
        assert read(warehouse, role, FIRST) == was
        assert {row[2] for row in was[1]} == {None}, "no personal data without a right to it"
        with warehouse.connect(role) as employee:
            rows = employee.execute(
                "select clinic_id, administrator_id from history.administrator_conversion_inquiries"
            ).fetchall()
            assert {row[0] for row in rows} == {"C1"} if role == anna else {row[1] for row in rows} == {"A1"}
            assert employee.execute("select * from history.administrator_conversion_people").fetchall() == []
            for closed in ("history.fct_inquiries", "as_of.fct_inquiries"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    employee.execute(f"select * from {closed}".encode())
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        read(warehouse, curious, FIRST)

    warehouse.run("select access.deny(%s, 'administrator_conversion')", (anna,))
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        read(warehouse, anna, FIRST)
    assert run_lints(warehouse.url) == []


def test_a_day_before_a_table_came_is_refused_and_not_shown_with_too_little(warehouse: Warehouse) -> None:
    """An upgrade brings a table that a report reads; what the report read before it is not there any more."""
    people = warehouse.nodes.pop("model.chairside.administrator_conversion_people")
    whole = REPORT_FILE
    warehouse.write_report(REPORT_FILE[: REPORT_FILE.index("create or replace view")])
    publish_on(warehouse, FIRST)
    warehouse.nodes["model.chairside.administrator_conversion_people"] = people
    warehouse.write_report(whole)
    for days in (1, 2):
        publish_on(warehouse, FIRST + timedelta(days=days))

    assert len(warehouse.run("select * from reports.administrator_conversion_as_of('2026-06-01')")) == 2
    listed = "select * from reports.administrator_conversion_list_as_of('2026-06-0{}')"
    with pytest.raises(
        psycopg.errors.InvalidParameterValue, match=r"reads reports\.administrator_conversion_people"
    ) as no:
        warehouse.run(listed.format(1))
    assert no.value.diag.message_hint == "Ask from 2026-06-02 on, the day from which the product has it."
    for day in (2, 3):
        assert len(warehouse.run(listed.format(day))) == 12


def test_columns_come_go_and_change_their_type_and_the_past_stays_readable(warehouse: Warehouse) -> None:
    publish_on(warehouse, FIRST)
    warehouse.run(
        f"update {BUILD} set amount = amount + 1000 where inquiry_key in ('q1', 'q2');"
        f"alter table {BUILD} alter column amount type text, add column topic text default 'implants';"
        f"alter table {BUILD} drop column administrator_id"
    )
    warehouse.node("administrator_conversion_inquiries")["config"]["meta"]["publish"]["owner_columns"] = []
    warehouse.write_report(REPORT_FILE.replace("rows.administrator_id", "rows.amount"))
    publish_on(warehouse, FIRST + timedelta(days=1))

    def amounts(day: int) -> set[str]:
        query = f"select administrator_id from reports.administrator_conversion_as_of(date '2026-06-0{day}')"
        return {row[0] for row in warehouse.run(query)}

    assert amounts(1) == {f"{n}.00" for n in range(1, 13)}
    assert amounts(2) == {"1001.00", "1002.00", *(f"{n}.00" for n in range(3, 13))}
    assert warehouse.run(
        "select count(*), count(topic) from history.administrator_conversion_inquiries where replaced_in > 0"
    ) == [(12, 0)]
    columns = warehouse.run(
        "select attname from pg_attribute where attrelid = 'history.administrator_conversion_inquiries'::regclass"
        " and attnum > 0 and not attisdropped"
    )
    assert ("administrator_id",) not in columns, "a column that the report lost may be one that nobody may see any more"


def test_a_figure_of_a_column_that_came_later_is_refused_not_made_of_nulls(warehouse: Warehouse) -> None:
    """A list shows the column empty; what is counted by it would say that all was of no topic."""
    publish_on(warehouse, FIRST)
    warehouse.run(f"alter table {BUILD} add column topic text default 'implants'")
    by_topic = REPORT_FILE.replace("rows.administrator_id", "rows.topic")
    weekly = by_topic.replace("reports.administrator_conversion", "reports.administrator_conversion_weekly").replace(
        "_weekly_inquiries", "_inquiries"
    ).partition("create or replace view")[0]
    through = weekly.replace("_weekly", "_through").replace(
        "reports.administrator_conversion_inquiries as rows", "reports.administrator_conversion_topics as rows"
    )
    topics = (
        "create or replace view reports.administrator_conversion_topics with (security_invoker = true) as"
        " select rows.inquiry_key, rows.clinic_id, rows.topic from reports.administrator_conversion_inquiries as rows;"
    )
    warehouse.write_report(weekly, "weekly.sql")
    warehouse.write_report(f"-- report: administrator_conversion\n{topics}", "a_list.sql")
    warehouse.write_report(through, "through.sql")
    publish_on(warehouse, FIRST + timedelta(days=1))
    warehouse.run(f"update {BUILD} set topic = 'crowns' where inquiry_key = 'q1'")
    publish_on(warehouse, FIRST + timedelta(days=2))

    for report in ("weekly", "through"):
        asked = f"select * from reports.administrator_conversion_{report}_as_of('2026-06-0{{}}')"
        with pytest.raises(psycopg.errors.InvalidParameterValue, match=r"reads .*_inquiries\.topic, which was") as no:
            warehouse.run(asked.format(1))
        assert no.value.diag.message_hint == "Ask from 2026-06-02 on, the day from which the product has it."
        assert warehouse.run(asked.format(2)) == [("implants", 12)]
        assert sorted(warehouse.run(asked.format(3))) == [("crowns", 1), ("implants", 11)]
    assert len(warehouse.run("select * from reports.administrator_conversion_as_of('2026-06-01')")) == 2
    listed = warehouse.run("select distinct topic from reports.administrator_conversion_topics_as_of('2026-06-01')")
    assert listed == [(None,)]


def test_a_value_that_the_new_type_cannot_hold_is_null_in_history(warehouse: Warehouse) -> None:
    publish_on(warehouse, FIRST)
    warehouse.run(f"update {BUILD} set administrator_id = '7'")
    warehouse.run(f"alter table {BUILD} alter column administrator_id type bigint using administrator_id::bigint")
    publish_on(warehouse, FIRST + timedelta(days=1))

    rows = "select distinct administrator_id from as_of.administrator_conversion_inquiries"
    assert warehouse.run(rows) == [(7,)]
    with psycopg.connect(warehouse.url) as owner:
        owner.execute("set local chairside.as_of = '1'")
        assert owner.execute(rows.encode()).fetchall() == [(None,)]


def test_a_warehouse_from_before_history_keeps_it_from_its_next_publication_on(warehouse: Warehouse) -> None:
    publish_on(warehouse, FIRST)
    # As an earlier version left it.
    warehouse.run("""
        select access.deny('desk', 'marts');
        drop schema history cascade; drop schema as_of cascade;
        delete from ops.applied_sql where file_name like 'as_of/%';
        delete from access.relations where schema_name in ('history', 'as_of') or relation_name like '%as_of';
        alter table ops.publications drop column rules cascade;
        alter table marts.fct_inquiries drop column published_in;
        alter table reports.administrator_conversion_people drop column published_in;
        alter table reports.administrator_conversion_inquiries drop column published_in;
    """)
    before = warehouse.run(REPORT.format("", ""))
    migrate(warehouse.url)
    warehouse.run(f"delete from {BUILD} where inquiry_key in ('q1', 'q2', 'q4')")
    publish_on(warehouse, FIRST + timedelta(days=5))

    assert warehouse.run(REPORT.format("_as_of", "'2026-06-04'")) == before
    assert warehouse.run(REPORT.format("_as_of", "'2026-06-06'")) == warehouse.run(REPORT.format("", ""))
    assert run_lints(warehouse.url) == []


def test_history_expires_after_the_days_that_the_settings_say(warehouse: Warehouse) -> None:
    for day in range(5):
        warehouse.run(f"update {BUILD} set amount = {day}")
        publish_on(warehouse, FIRST + timedelta(days=day))
    states = {day: warehouse.run(LIST.format(f"_as_of('2026-06-0{day}')")) for day in range(1, 6)}
    now = datetime(2026, 6, 5, 4, tzinfo=UTC)

    assert warehouse.run("select * from ops.expire_history(%s)", (now,)) == [(0, 0, FIRST)]
    warehouse.run("update staging.settings set value = '2' where name = 'history_days'")
    # The publication of the 3rd is the state at the moment two days ago: it stays.
    assert warehouse.run("select * from ops.expire_history(%s)", (now,)) == [(1, 24, date(2026, 6, 3))]
    assert warehouse.run("select * from ops.expire_history(%s)", (now,)) == [(0, 0, date(2026, 6, 3))]
    for day in (3, 4, 5):
        assert warehouse.run(LIST.format(f"_as_of('2026-06-0{day}')")) == states[day]
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        warehouse.run(LIST.format("_as_of('2026-06-02')"))
    # A tool's saved setting outlives what it names: of that publication only rows are left that later ones had too.
    with psycopg.connect(warehouse.url, autocommit=True) as owner:
        owner.execute("set chairside.as_of = '3'")
        assert len(owner.execute("select from as_of.administrator_conversion_inquiries").fetchall()) == 12
        owner.execute("set chairside.as_of = '2'")
        with pytest.raises(psycopg.errors.InvalidParameterValue, match="publication 2 is not kept any more") as no:
            owner.execute("select count(*) from as_of.administrator_conversion_inquiries")
        assert no.value.diag.message_hint == "History begins on 2026-06-03, with publication 3."
    warehouse.run("update staging.settings set value = null where name = 'history_days'")
    assert warehouse.run("select rows_deleted from ops.expire_history(%s)", (now + timedelta(days=9999),)) == [(0,)]


def test_publications_of_changed_rows_wait_for_no_reader_and_readers_for_none(warehouse: Warehouse) -> None:
    publish_on(warehouse, FIRST)
    with psycopg.connect(warehouse.url) as reader:
        # Open reads of all tables, live and past: any ALTER or CREATE POLICY would wait for them, for ever.
        query = f"select count(*) from {TABLES}, marts.fct_inquiries, history.fct_inquiries, as_of.fct_inquiries"
        reader.execute(query.encode())
        reader.execute(LIST.format("_as_of('2026-06-01')").encode())
        warehouse.run(f"update {BUILD} set amount = 99; update build.fct_inquiries set day = '2026-06-02'")
        publish_on(warehouse, FIRST + timedelta(days=1))
        assert warehouse.run("select deleted.rows_deleted from ops.expire_history('2030-01-01') as deleted") == [(24,)]
        assert reader.execute("select count(*) from marts.fct_inquiries where day = '2026-06-02'").fetchone() == (12,)


def test_the_past_stands_still_while_publications_run(warehouse: Warehouse) -> None:
    anna = warehouse.add("anna")
    warehouse.run("select access.allow('desk', 'administrator_conversion', personal_data => true)")
    publish_on(warehouse, FIRST)
    told = read(warehouse, anna, FIRST)
    stop, failures, reads = threading.Event(), list[str](), 0

    def look() -> None:
        nonlocal reads
        while not stop.is_set():
            try:
                if read(warehouse, anna, FIRST) != told:
                    failures.append("the past has changed")
            except psycopg.Error as error:
                failures.append(str(error))
            reads += 1

    reader = threading.Thread(target=look)
    reader.start()
    for number in range(1, 16):
        warehouse.run(f"update {BUILD} set amount = {number}; update {PEOPLE} set phone = '{number}'")
        publish_on(warehouse, FIRST + timedelta(days=number))
    stop.set()
    reader.join()

    assert failures == []
    assert reads > 5


HEALTH = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=4, deadline=None, suppress_health_check=HEALTH)
@given(seed=st.integers(0, 10**6), publications=st.integers(2, 6))
def test_any_day_reads_as_the_report_read_then(warehouse: Warehouse, seed: int, publications: int) -> None:
    any_day_reads_as_then(warehouse, seed, publications)


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=HEALTH)
@given(seed=st.integers(0, 10**6), publications=st.integers(2, 12))
def test_any_day_of_many_reads_as_the_report_read_then(warehouse: Warehouse, seed: int, publications: int) -> None:
    any_day_reads_as_then(warehouse, seed, publications)


def any_day_reads_as_then(warehouse: Warehouse, seed: int, publications: int) -> None:
    """Random versions, some days with two publications, for an owner and for an employee of one clinic."""
    chance = random.Random(seed)  # noqa: S311 - invented rows
    role = warehouse.role("anna")
    if not warehouse.run("select 1 from access.employees"):
        warehouse.add("anna")
        warehouse.run("select access.allow('desk', 'administrator_conversion', '{C1}', personal_data => true)")
    (start,) = warehouse.run("select coalesce(max(published_on), '2026-05-31') from history.publications")[0]
    told: dict[date, Any] = {}
    for number in range(publications):
        for key in range(1, 13):
            match chance.randrange(4):
                case 0:
                    warehouse.run(f"delete from {BUILD} where inquiry_key = 'q{key}'")
                case 1:
                    warehouse.run(
                        f"delete from {BUILD} where inquiry_key = 'q{key}';"
                        f"insert into {BUILD} values ('q{key}', 'C{chance.randrange(3)}', 'A{chance.randrange(3)}', 1)"
                    )
                case 2:
                    warehouse.run(f"update {PEOPLE} set phone = '{chance.randrange(9)}' where inquiry_key = 'q{key}'")
        day = start + timedelta(days=1 + number // 2)
        publish_on(warehouse, day, hour=number % 2)
        told[day] = read(warehouse, role), warehouse.run(LIST.format(""))
    for day, (employees, owners) in told.items():
        assert read(warehouse, role, day) == employees
        assert warehouse.run(LIST.format(f"_as_of('{day}')")) == owners
