"""Publication by difference, in one transaction, on a real server."""

from __future__ import annotations

import threading
import traceback
from typing import Any

import psycopg
import pytest

from extractors.core.errors import ConfigError, GuardError
from tests.warehouse.small_warehouse import REPORT_FILE, Warehouse, model_node

TABLE = "reports.administrator_conversion_inquiries"
BUILD = "build.administrator_conversion_inquiries"


def places(warehouse: Warehouse) -> dict[str, Any]:
    """Where each row lies: a row that was not touched keeps its transaction and its place."""
    return {row[0]: row[1:] for row in warehouse.run(f"select inquiry_key, xmin::text, ctid::text from {TABLE}")}


def test_first_publication_creates_closed_tables_with_keys_and_comments(warehouse: Warehouse) -> None:
    summary = warehouse.publish()

    assert summary.rows_inserted == 36
    assert summary.rows_deleted == 0
    assert warehouse.run("select count(*) from reports.administrator_conversion_people") == [(12,)]
    keys = warehouse.run(
        "select conrelid::regclass::text, pg_get_constraintdef(oid) from pg_constraint"
        " where contype in ('p', 'f') and connamespace in ('reports'::regnamespace, 'marts'::regnamespace)"
    )
    assert (TABLE, "PRIMARY KEY (inquiry_key)") in keys
    assert (
        "reports.administrator_conversion_people",
        f"FOREIGN KEY (inquiry_key) REFERENCES {TABLE}(inquiry_key) DEFERRABLE INITIALLY DEFERRED",
    ) in keys
    assert warehouse.run(f"select obj_description('{TABLE}'::regclass), col_description('{TABLE}'::regclass, 1)") == [
        ("administrator_conversion_inquiries. One row per inquiry_key.", "The key.")
    ]
    assert warehouse.run(
        f"select relrowsecurity, relforcerowsecurity from pg_class where oid = '{TABLE}'::regclass"
    ) == [(True, False)]
    assert warehouse.run("select to_regclass('reports.int_nobody_reads')") == [(None,)]
    assert warehouse.run("select run_id, rows_inserted, jsonb_array_length(tables) from ops.publications") == [
        ("run", 36, 3)
    ]


def test_the_clinic_column_is_indexed_and_other_indexes_can_be_asked_for(warehouse: Warehouse) -> None:
    publish = warehouse.node("administrator_conversion_inquiries")["config"]["meta"]["publish"]
    publish["indexes"] = [["clinic_id", "administrator_id"], "amount"]
    warehouse.publish()

    indexes = warehouse.run("select pg_get_indexdef(indexrelid) from pg_index where indrelid = %s::regclass", (TABLE,))
    columns = {row[0].partition("(")[2] for row in indexes}
    assert columns == {"inquiry_key)", "clinic_id, administrator_id)", "amount)"}
    columns = set(warehouse.run("select indexname from pg_indexes where tablename = 'fct_inquiries'"))
    assert ("fct_inquiries_by_clinic_id",) in columns


def test_only_rows_that_differ_are_written(published: Warehouse) -> None:
    before = places(published)
    published.run(
        f"update {BUILD} set amount = 99.5 where inquiry_key = 'q1';"
        f"delete from {BUILD} where inquiry_key = 'q2';"
        "delete from build.administrator_conversion_people where inquiry_key = 'q2';"
        f"insert into {BUILD} values ('q13', 'C1', null, null)"
    )

    summary = published.publish()

    changes = {table.name: (table.rows_inserted, table.rows_deleted) for table in summary.tables}
    assert changes == {
        "administrator_conversion_inquiries": (2, 2),
        "administrator_conversion_people": (0, 1),
        "fct_inquiries": (0, 0),
    }
    after = places(published)
    assert {key for key in before if after.get(key) == before[key]} == set(before) - {"q1", "q2"}
    assert published.run(f"select amount from {TABLE} where inquiry_key in ('q1', 'q13') order by inquiry_key") == [
        (99.5,),
        (None,),
    ]


def test_publishing_the_same_again_writes_nothing_and_locks_no_reader_out(published: Warehouse) -> None:
    before = places(published)
    with psycopg.connect(published.url) as reader:
        # An open read of every table and view: any ALTER or CREATE POLICY would wait for it, for ever.
        reader.execute("select * from reports.administrator_conversion_list, marts.fct_inquiries")
        summary = published.publish()

    assert (summary.rows_inserted, summary.rows_deleted, summary.access_changes) == (0, 0, 0)
    assert summary.applied_files == ()
    assert summary.notes == ()
    assert places(published) == before


def test_equal_numbers_written_differently_are_no_change(warehouse: Warehouse) -> None:
    warehouse.run(f"alter table {BUILD} alter column amount type numeric; update {BUILD} set amount = 1.0")
    warehouse.publish()
    warehouse.run(f"update {BUILD} set amount = 1.00")

    assert warehouse.publish().rows_inserted == 0


def test_columns_without_equality_are_compared_by_their_text(warehouse: Warehouse) -> None:
    warehouse.run(f"alter table {BUILD} add column extra json default '{{\"a\": 1}}', add column tags text[]")
    warehouse.publish()
    assert warehouse.publish().rows_inserted == 0

    warehouse.run(f"update {BUILD} set extra = '{{\"a\": 2}}' where inquiry_key = 'q3'")
    assert warehouse.publish().rows_inserted == 1


def test_columns_come_go_and_change_their_type(published: Warehouse) -> None:
    employee = published.add("anna")
    published.run("select access.allow('desk', 'administrator_conversion', '{C1}')")
    published.run(
        f"alter table {BUILD} drop column administrator_id, add column topic text not null default 'implants',"
        "alter column amount type bigint, alter column clinic_id type varchar(20)"
    )
    published.node("administrator_conversion_inquiries")["config"]["meta"]["publish"]["owner_columns"] = []
    published.write_report(REPORT_FILE.replace("rows.administrator_id", "rows.topic"))

    summary = published.publish()

    said = "\n".join(summary.notes)
    for note in ("administrator_id: dropped", "topic: added", "topic: not null", "amount: type is now bigint"):
        assert note in said
    assert published.run(f"select count(*), sum(amount), min(topic) from {TABLE}") == [(12, 78, "implants")]
    with published.connect(employee) as anna:
        assert anna.execute(f"select distinct clinic_id from {TABLE}").fetchall() == [("C1",)]
        assert anna.execute("select * from reports.administrator_conversion()").fetchall() == [("implants", 4)]
    assert published.publish().notes == ()


POLICIES = "select polrelid::regclass::text, polname, oid from pg_policy order by 1, 2"
GRANTS = (
    "select oid::regclass::text, array(select acl::text from unnest(relacl) as acl where acl::text like '%anna=%')"
    " from pg_class where relnamespace::regnamespace::text in ('marts', 'reports', 'history') and relkind = 'r'"
    " order by 1"
)


def test_a_change_of_shape_leaves_the_policies_and_grants_that_do_not_rest_on_it(published: Warehouse) -> None:
    employee = published.add("anna", employee_id="A1")
    published.run("select access.allow('desk', 'administrator_conversion', '{C1}', true, true)")
    published.run("select access.allow('desk', 'marts')")
    policies, grants = published.run(POLICIES), published.run(GRANTS)
    assert len(policies) == 6  # two tables, their histories, and the lists of publications and of loads

    # a column that comes, a wider type, a column that goes
    published.run(
        f"alter table {BUILD} add column topic text, alter column amount type numeric(30, 4);"
        "alter table build.fct_inquiries drop column day"
    )
    published.publish()

    assert published.run(POLICIES) == policies
    assert published.run(GRANTS) == grants
    with published.connect(employee) as anna:
        assert anna.execute(f"select count(*), sum(amount) from {TABLE}").fetchall() == [(2, 18)]
        assert anna.execute("select count(*) from marts.fct_inquiries").fetchall() == [(12,)]

    # the column that the policy itself rests on
    published.run(f"alter table {BUILD} alter column administrator_id type varchar(9)")
    published.publish()

    changed = {name for name, *_ in set(published.run(POLICIES)) ^ set(policies)}
    assert changed == {TABLE, "history.administrator_conversion_inquiries"}
    assert published.run(GRANTS) == grants


def test_a_renamed_table_is_opened_by_the_rights_that_opened_it_before(published: Warehouse) -> None:
    employee = published.add("anna")
    published.run("select access.allow('desk', 'marts', '{C1}')")
    published.run("alter table build.fct_inquiries rename to fct_requests")
    del published.nodes["model.chairside.fct_inquiries"]
    published.nodes["model.chairside.fct_requests"] = model_node(
        "fct_requests", key=["inquiry_key"], schema="marts", report="marts", owner_columns=[]
    )

    summary = published.publish()

    assert summary.dropped_tables == ("marts.fct_inquiries",)
    with published.connect(employee) as anna:
        assert anna.execute("select count(*) from marts.fct_requests").fetchall() == [(4,)]
        assert anna.execute("select count(*) from as_of.fct_requests").fetchall() == [(4,)]
    assert published.run("select to_regclass('history.fct_inquiries')") == [(None,)]


def test_a_changed_key_is_followed(published: Warehouse) -> None:
    published.node("administrator_conversion_inquiries")["config"]["meta"]["publish"]["key"] = [
        "clinic_id",
        "inquiry_key",
    ]
    said = published.publish().notes

    assert any("key is now clinic_id, inquiry_key" in note for note in said)
    assert published.publish().notes == ()


def test_a_model_no_longer_published_is_gone_with_its_table(published: Warehouse) -> None:
    del published.nodes["model.chairside.fct_inquiries"]

    summary = published.publish()

    assert summary.dropped_tables == ("marts.fct_inquiries",)
    assert str(summary).endswith("; dropped with their history, no model publishes them: marts.fct_inquiries")
    assert published.run("select to_regclass('marts.fct_inquiries')") == [(None,)]
    assert published.run("select * from access.relations where report = 'marts'") == []


def test_a_foreign_key_that_the_rows_break_is_left_out_and_said(published: Warehouse) -> None:
    published.run(f"delete from {BUILD} where inquiry_key = 'q5'")

    summary = published.publish()

    assert any("left out" in note for note in summary.notes)
    published.run(f"insert into {BUILD} values ('q5', 'C1', null, null)")
    published.publish()
    assert published.run(
        "select count(*) from pg_constraint where contype = 'f' and connamespace = 'reports'::regnamespace"
    ) == [(1,)]


def test_what_a_foreign_key_names_rows_by_is_indexed(warehouse: Warehouse) -> None:
    """Else each row that goes from the table it names is looked for among all rows of the other."""
    people = warehouse.node("administrator_conversion_people")
    people["config"]["meta"]["publish"]["key"] = ["phone"]
    warehouse.publish()

    assert warehouse.run("select indexname from pg_indexes where indexname like %s", ("%by_inquiry_key",)) == [
        ("administrator_conversion_people_by_inquiry_key",)
    ]


def test_a_relationships_test_becomes_a_foreign_key(warehouse: Warehouse) -> None:
    warehouse.node("administrator_conversion_people")["constraints"] = []
    warehouse.nodes["test.chairside.relationships_1"] = {
        "resource_type": "test",
        "name": "relationships_1",
        "config": {},
        "attached_node": "model.chairside.administrator_conversion_people",
        "column_name": "inquiry_key",
        "test_metadata": {
            "name": "relationships",
            "kwargs": {"to": "ref('administrator_conversion_inquiries')", "field": "inquiry_key"},
        },
    }
    warehouse.publish()

    assert warehouse.run(
        "select conname from pg_constraint where contype = 'f' and connamespace = 'reports'::regnamespace"
    ) == [("inquiry_key_in_administrator_conversion_inquiries",)]


def as_logged(error: BaseException) -> str:
    """With all that is behind it, as Airflow writes it into a task's log."""
    return "".join(traceback.format_exception(error))


@pytest.mark.parametrize("is_first", [True, False])
def test_a_double_key_stops_publication_and_readers_keep_what_they_had(warehouse: Warehouse, is_first: bool) -> None:
    if not is_first:
        warehouse.publish()
    warehouse.run(
        f"insert into {BUILD} select * from {BUILD} where inquiry_key = 'q4'; delete from build.fct_inquiries"
    )

    with pytest.raises(GuardError, match="same key") as refused:
        warehouse.publish()

    assert "q4" not in as_logged(refused.value)
    if not is_first:
        assert warehouse.run("select count(*) from marts.fct_inquiries") == [(12,)]
        assert warehouse.run("select count(*) from ops.publications") == [(1,)]


@pytest.mark.parametrize("is_first", [True, False])
def test_a_key_without_a_value_stops_publication_and_readers_keep_what_they_had(
    warehouse: Warehouse, is_first: bool
) -> None:
    if not is_first:
        warehouse.publish()
    warehouse.run(
        f"alter table {BUILD} alter inquiry_key drop not null;"
        f" update {BUILD} set inquiry_key = null where inquiry_key = 'q4'"
    )

    with pytest.raises(GuardError, match=r"column inquiry_key must not be null but is; nothing was published") as no:
        warehouse.publish()

    assert "Failing row" not in as_logged(no.value)
    if not is_first:
        assert warehouse.run("select count(*) from marts.fct_inquiries") == [(12,)]
    assert warehouse.run("select count(*) from ops.publications") == [(0 if is_first else 1,)]


def test_a_missing_build_table_or_a_forgotten_clinic_column_is_a_clear_error(published: Warehouse) -> None:
    published.run("drop table build.fct_inquiries")
    with pytest.raises(GuardError, match=r"build\.fct_inquiries does not exist"):
        published.publish()
    del published.node("fct_inquiries")["config"]["meta"]["publish"]["clinic_column"]
    with pytest.raises(ConfigError, match="lacks clinic_column"):
        published.publish()
    published.nodes["model.chairside.fct_inquiries"] = model_node("fct_inquiries", key=["inquiry_key"], report="reprot")
    with pytest.raises(ConfigError, match=r"unknown report: model fct_inquiries: reprot.*top_deals"):
        published.publish()


def test_report_files_are_applied_only_when_their_text_changed(published: Warehouse) -> None:
    assert published.publish().applied_files == ()

    # Other arguments and other columns: neither can be replaced in place, and no old signature may stay behind.
    changed = REPORT_FILE.replace("clinic text default null", "clinic text default null, topic text default null")
    published.write_report(changed.replace("select inquiries.inquiry_key,", "select"))
    assert published.publish().applied_files == ("administrator_conversion.sql",)

    assert published.run(
        "select pg_get_function_identity_arguments(oid) from pg_proc where pronamespace = 'reports'::regnamespace"
        " and proname = 'administrator_conversion'"
    ) == [("clinic text, topic text",)]
    assert published.run(
        "select object_kind, relation_name from access.relations"
        " where object_kind <> 'table' and schema_name = 'reports' and relation_name !~ '_as_of$' order by 1"
    ) == [
        ("function", "administrator_conversion"),
        ("view", "administrator_conversion_list"),
    ]


def test_an_old_signature_that_an_earlier_file_rests_on_is_replaced_with_it(published: Warehouse) -> None:
    published.write_report(
        """-- report: administrator_conversion
        create or replace view reports.a_first with (security_invoker = true) as
        select * from reports.administrator_conversion()""",
        name="a_first.sql",
    )
    published.publish()
    published.write_report(REPORT_FILE.replace("clinic text default null", "clinic text default null, n int default 0"))

    assert published.publish().applied_files == ("administrator_conversion.sql", "a_first.sql")
    assert published.run("select sum(inquiries) from reports.a_first") == [(12,)]
    assert published.publish().applied_files == ()


def test_a_report_with_other_columns_is_made_again_and_helpers_stay_with_what_calls_them(
    warehouse: Warehouse,
) -> None:
    """Its columns cannot be replaced in place: all is dropped but helpers, which views of `build` call too."""
    helper = "create or replace function reports.half(n bigint) returns bigint language sql as $$ select n / 2 $$;"
    warehouse.run(helper)  # as an upgrade does, before anything is built
    warehouse.run("create view build.int_halves as select reports.half(4) as half")
    warehouse.write_report(f"-- report: *\n{helper}", "half.sql")
    view = (
        "create or replace view reports.administrator_conversion_halves with (security_invoker = true) as"
        " select reports.half(count(*)) as half from reports.administrator_conversion_inquiries;"
    )
    warehouse.write_report(REPORT_FILE + view)
    warehouse.publish()
    warehouse.write_report(REPORT_FILE.replace("inquiries bigint)", "inquiries numeric)") + view)
    assert warehouse.publish().applied_files == ("administrator_conversion.sql",)
    assert warehouse.run("select half from reports.administrator_conversion_halves") == [(6,)]
    assert warehouse.run("select half from build.int_halves") == [(2,)]


def test_a_report_file_that_is_gone_takes_its_objects_along(published: Warehouse) -> None:
    (published.folder / "reports" / "administrator_conversion.sql").unlink()
    published.publish()

    assert published.run("select count(*) from pg_proc where proname = 'administrator_conversion'") == [(0,)]
    assert published.run("select to_regclass('reports.administrator_conversion_list')") == [(None,)]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("stable\n", "stable\nsecurity definer\n", "must be security invoker"),
        ("with (security_invoker = true)", "", "must have .security_invoker = true"),
        ("select rows.administrator_id", "select rows.nothing", r"administrator_conversion\.sql.*nothing"),
        ("-- report: administrator_conversion", "-- reports", "first line"),
    ],
)
def test_a_report_file_that_is_wrong_or_lends_rights_stops_publication(
    warehouse: Warehouse, old: str, new: str, message: str
) -> None:
    warehouse.write_report(REPORT_FILE.replace(old, new))
    with pytest.raises((GuardError, ConfigError), match=message):
        warehouse.publish()


def test_readers_never_fail_and_never_see_a_half_during_fifty_publications(published: Warehouse) -> None:
    employee = published.add("anna")
    published.run("select access.allow('desk', 'administrator_conversion'); select access.allow('desk', 'marts')")
    published.run(f"update {BUILD} set amount = 0; update build.fct_inquiries set day = '2026-01-01'")
    published.publish()
    stop = threading.Event()
    failures: list[str] = []
    reads = 0

    def read() -> None:
        nonlocal reads
        with published.connect(employee) as anna:
            while not stop.is_set():
                try:
                    row = anna.execute(
                        f"select count(*), count(distinct amount), min(amount)::int,"
                        f" (select count(*) from marts.fct_inquiries),"
                        f" (select min(day) - '2026-01-01'::date from marts.fct_inquiries) from {TABLE}"
                    ).fetchone()
                    if row is None or row[:2] != (12, 1) or row[2] != row[4] or row[3] != 12:
                        failures.append(f"half: {row}")
                except psycopg.Error as error:
                    failures.append(str(error))
                reads += 1

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(1, 51):
        published.run(
            f"update {BUILD} set amount = {number}; update build.fct_inquiries set day = '2026-01-01'::date + {number}"
        )
        published.publish()
    stop.set()
    reader.join()

    assert failures == []
    assert reads > 50


def test_two_publications_and_a_change_of_rights_queue(published: Warehouse) -> None:
    threads = [threading.Thread(target=published.publish) for _ in range(2)]
    threads.append(threading.Thread(target=published.run, args=("select access.allow('desk', 'marts')",)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert published.run("select count(*) from ops.publications") == [(3,)]
