"""Rights as employees meet them: each logs in with an own role and sees its reports and rows only."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import pytest
from psycopg import errors

from tests.warehouse.small_warehouse import Warehouse

REPORT = "administrator_conversion"
INQUIRIES = "reports.administrator_conversion_inquiries"
PEOPLE = "reports.administrator_conversion_people"
LIST = "reports.administrator_conversion_list"

Connection = psycopg.Connection[tuple[Any, ...]]


def clinics(connection: Connection, table: str = INQUIRIES) -> list[str]:
    return [row[0] for row in connection.execute(f"select distinct clinic_id from {table} order by 1".encode())]


def test_nothing_is_the_default_for_tables_views_functions_and_marts(published: Warehouse) -> None:
    with published.connect(published.add("anna")) as anna:
        for query in (
            f"select * from {INQUIRIES}",
            f"select * from {LIST}",
            "select * from reports.administrator_conversion()",
            "select * from marts.fct_inquiries",
            "select * from staging.rejected_rows",
            "select * from build.fct_inquiries",
            "select * from access.rights",
            "select * from access.login_key",
            "select access.login_password(current_user)",
            "select access.allow(current_user, 'marts')",
            "select * from ops.publications",
        ):
            with pytest.raises(errors.InsufficientPrivilege, match="permission denied for schema"):
                anna.execute(query.encode())


def test_a_right_opens_one_report_and_nothing_beside(published: Warehouse) -> None:
    anna_role = published.add("anna")
    published.run("select access.allow('desk', 'administrator_conversion')")

    with published.connect(anna_role) as anna:
        assert clinics(anna) == ["C1", "C2", "C3"]
        assert anna.execute("select sum(inquiries) from reports.administrator_conversion()").fetchall() == [(12,)]
        with pytest.raises(errors.InsufficientPrivilege):
            anna.execute("select * from marts.fct_inquiries")
    published.run(
        "create function reports.forgotten() returns int language sql as 'select 1'; create table reports.forgotten ()"
    )
    with published.connect(anna_role) as anna:
        for query in (b"select reports.forgotten()", b"select * from reports.forgotten"):
            with pytest.raises(errors.InsufficientPrivilege, match="permission denied"):
                anna.execute(query)


def test_clinics_of_the_right_decide_the_rows_of_tables_views_and_functions(published: Warehouse) -> None:
    one, two = published.add("one", group="one"), published.add("two", group="two")
    published.run("select access.allow('one', %s, '{C1}'), access.allow('two', %s, '{C3,C1}')", (REPORT, REPORT))

    with published.connect(one) as connection:
        assert clinics(connection) == clinics(connection, LIST) == ["C1"]
        assert connection.execute("select sum(inquiries) from reports.administrator_conversion()").fetchone() == (4,)
        assert connection.execute("select count(*) from reports.administrator_conversion('C2')").fetchone() == (0,)
    with published.connect(two) as connection:
        assert clinics(connection) == ["C1", "C3"]
    policies = dict(
        published.run(
            "select polname::text, pg_get_expr(polqual, polrelid) from pg_policy where polrelid = %s::regclass",
            (INQUIRIES,),
        )
    )
    assert policies == {
        one: "(clinic_id = 'C1'::text)",
        two: "(clinic_id = ANY ('{C1,C3}'::text[]))",
    }


def test_an_employees_own_allow_or_deny_beats_the_groups(published: Warehouse) -> None:
    anna, boris, vera = published.add("anna"), published.add("boris"), published.add("vera")
    published.run("select access.allow('desk', %s, '{C1}')", (REPORT,))
    published.run("select access.deny(%s, %s), access.allow(%s, %s)", (anna, REPORT, boris, REPORT))

    with published.connect(anna) as connection, pytest.raises(errors.InsufficientPrivilege):
        clinics(connection)
    with published.connect(boris) as connection:
        assert clinics(connection) == ["C1", "C2", "C3"]
    with published.connect(vera) as connection:
        assert clinics(connection) == ["C1"]
    assert published.run(
        "select database_role, report, clinics, own_rows_only, personal_data, why"
        " from access.effective_rights order by database_role"
    ) == [
        (boris, REPORT, None, False, False, "allowed for the employee, which beats group desk: allowed"),
        (vera, REPORT, ["C1"], False, False, "allowed for group desk"),
    ]
    assert published.run("select why from access.explained_rights where not is_allowed") == [
        ("denied for the employee, which beats group desk: allowed",)
    ]

    published.run("select access.clear(%s, %s), access.deny('desk', %s)", (anna, REPORT, REPORT))
    for role in (anna, vera):
        with published.connect(role) as connection, pytest.raises(errors.InsufficientPrivilege):
            clinics(connection)
    with published.connect(boris) as connection:
        assert clinics(connection) == ["C1", "C2", "C3"]


def test_own_rows_only_shows_rows_whose_owner_is_the_employee(published: Warehouse) -> None:
    anna, boris = published.add("anna", employee_id="A1"), published.add("boris")
    published.run("select access.allow('desk', %s, '{C1,C2}', own_rows_only => true)", (REPORT,))
    published.run("select access.allow('desk', 'marts', own_rows_only => true)")

    with published.connect(anna) as connection:
        query = f"select distinct administrator_id, clinic_id from {INQUIRIES} order by 2"
        assert connection.execute(query.encode()).fetchall() == [("A1", "C1"), ("A1", "C2")]
        # The function's all-together figure is over the same rows; a table without owners gives none.
        assert connection.execute("select * from reports.administrator_conversion()").fetchall() == [("A1", 4)]
        assert connection.execute("select count(*) from marts.fct_inquiries").fetchone() == (0,)
    with published.connect(boris) as connection:
        assert clinics(connection) == []


def test_personal_rows_exist_only_for_a_right_with_personal_data(published: Warehouse) -> None:
    anna = published.add("anna")
    published.run("select access.allow('desk', %s, '{C1}')", (REPORT,))

    with published.connect(anna) as connection:
        assert connection.execute(f"select count(*), count(phone) from {LIST}").fetchone() == (4, 0)
        assert connection.execute(f"select count(*) from {PEOPLE}").fetchone() == (0,)
        published.run("select access.allow('desk', %s, '{C1}', personal_data => true)", (REPORT,))
        assert connection.execute(f"select count(*), count(phone) from {LIST}").fetchone() == (4, 4)
        assert clinics(connection, PEOPLE) == ["C1"]


def test_a_change_is_in_force_at_once_for_open_connections_and_prepared_statements(published: Warehouse) -> None:
    anna_role = published.add("anna")
    published.run("select access.allow('desk', %s)", (REPORT,))
    with published.connect(anna_role) as anna:
        anna.execute(f"prepare mine as select count(*) from {INQUIRIES}".encode())
        assert anna.execute("execute mine").fetchone() == (12,)
        published.run("select access.allow('desk', %s, '{C2}')", (REPORT,))
        assert anna.execute("execute mine").fetchone() == (4,)
        published.run("select access.deny(%s, %s)", (anna_role, REPORT))
        with pytest.raises(errors.InsufficientPrivilege):
            anna.execute("execute mine")
        published.run("select access.clear(%s, %s)", (anna_role, REPORT))
        assert anna.execute("execute mine").fetchone() == (4,)


def test_rights_given_before_anything_is_published_hold_after_it(warehouse: Warehouse) -> None:
    anna = warehouse.add("anna")
    warehouse.run("select access.allow('desk', %s, '{C2}')", (REPORT,))
    warehouse.publish()

    with warehouse.connect(anna) as connection:
        assert clinics(connection) == ["C2"]


def test_a_new_mart_that_nobody_was_granted_is_seen_by_nobody(published: Warehouse) -> None:
    anna = published.add("anna")
    published.run("select access.allow('desk', %s)", (REPORT,))
    published.run("create table build.fct_new as select * from build.fct_inquiries")
    node = {**published.node("fct_inquiries"), "name": "fct_new", "alias": "fct_new"}
    published.nodes["model.chairside.fct_new"] = node
    published.publish()

    with published.connect(anna) as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute("select * from marts.fct_new")
    published.run("select access.allow('desk', 'marts', '{C1}')")
    with published.connect(anna) as connection:
        assert clinics(connection, "marts.fct_new") == ["C1"]


def test_refresh_repairs_grants_and_policies_changed_by_hand(published: Warehouse) -> None:
    anna = published.add("anna")
    published.run("select access.allow('desk', %s, '{C1}')", (REPORT,))
    published.run(
        f"alter policy {anna} on {INQUIRIES} using (true);"
        f"create policy wide on {INQUIRIES} to {anna} using (true);"
        f"create policy {anna} on {PEOPLE} to {anna}, pg_monitor using (true);"
        f"create policy for_all on {INQUIRIES} to public using (true);"
        f"grant select on marts.fct_inquiries to {anna}; grant delete on {INQUIRIES} to {anna};"
        f"revoke select on {LIST} from {anna}"
    )
    # The policy for PUBLIC belongs to no employee: the lint names it, and only a person drops it.
    published.run(f"drop policy for_all on {INQUIRIES}")
    assert published.run("select access.refresh() > 0") == [(True,)]
    assert published.run("select access.refresh()") == [(0,)]

    with published.connect(anna) as connection:
        assert clinics(connection) == clinics(connection, LIST) == ["C1"]
        assert clinics(connection, PEOPLE) == []
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("select * from marts.fct_inquiries")


def test_a_long_read_does_not_keep_other_readers_out_while_a_right_changes(published: Warehouse) -> None:
    anna, boris = published.add("anna"), published.add("boris", group="chiefs")
    published.run("select access.allow('desk', %s), access.allow('chiefs', %s)", (REPORT, REPORT))
    with (
        published.connect(boris) as long_read,
        published.connect(anna) as other,
        psycopg.connect(published.url) as owner,
    ):
        long_read.execute("begin")
        long_read.execute(f"select * from {INQUIRIES}".encode())
        owner.execute("set statement_timeout = '700ms'")
        with pytest.raises(errors.QueryCanceled):
            owner.execute("select access.allow('chiefs', %s, '{C1}')", (REPORT,))
        owner.rollback()
        other.execute("set statement_timeout = '1s'")
        assert clinics(other) == ["C1", "C2", "C3"]
        long_read.execute("commit")
        owner.execute("select access.allow('chiefs', %s, '{C1}')", (REPORT,))
        owner.commit()
        assert clinics(long_read) == ["C1"]


def test_an_open_transaction_cannot_put_off_the_removal_of_its_own_role(published: Warehouse) -> None:
    anna_role = published.add("anna")
    published.run("select access.allow('desk', %s)", (REPORT,))
    anna = published.connect(anna_role)
    anna.execute("set idle_in_transaction_session_timeout = 0")
    anna.execute("begin")
    anna.execute(f"select * from {INQUIRIES}".encode())

    with psycopg.connect(published.url) as owner:
        owner.execute("set statement_timeout = '15s'")
        owner.execute("select access.remove_employee(%s)", (anna_role,))

    with anna, pytest.raises(psycopg.OperationalError):
        anna.execute(f"select * from {INQUIRIES}".encode())


def test_readers_meet_no_error_and_no_foreign_row_while_rights_change_and_marts_are_published(
    published: Warehouse,
) -> None:
    anna_role = published.add("anna")
    published.run("select access.allow('desk', %s, '{C1}')", (REPORT,))
    stop = threading.Event()
    wrong: list[str] = []
    reads = 0

    def read() -> None:
        nonlocal reads
        with published.connect(anna_role) as anna:
            while not stop.is_set():
                try:
                    if not {"C1"} <= set(clinics(anna, LIST)) <= {"C1", "C2"}:
                        wrong.append("foreign or missing rows")
                    anna.execute("select * from reports.administrator_conversion()")
                except psycopg.Error as error:
                    wrong.append(str(error))
                reads += 1

    def change() -> None:
        for number in range(20):
            given = "{C1,C2}" if number % 2 else "{C1}"
            published.run("select access.allow('desk', %s, %s)", (REPORT, given))
            published.run(
                "select access.allow(%s, %s, '{C1}'), access.clear(%s, 'marts')", (anna_role, REPORT, anna_role)
            )
            published.run("select access.clear(%s, %s)", (anna_role, REPORT))

    def rebuild() -> None:
        for number in range(20):
            published.run(f"update build.administrator_conversion_inquiries set amount = {number}")
            published.publish()

    readers = [threading.Thread(target=read) for _ in range(2)]
    writers = [threading.Thread(target=change), threading.Thread(target=rebuild)]
    for thread in (*readers, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in readers:
        thread.join()

    assert wrong == []
    assert reads > 20


def test_an_employee_logs_in_with_the_derived_password_and_is_gone_after_removal(published: Warehouse) -> None:
    anna = published.add("anna", employee_id="A1")
    published.run("select access.allow(%s, 'marts')", (anna,))
    connection = published.connect(anna)
    assert connection.execute("select count(*) from marts.fct_inquiries").fetchone() == (12,)
    assert connection.execute("show default_transaction_read_only").fetchone() == ("on",)
    passwords = published.run(
        "select access.login_password(%s), rolpassword like 'SCRAM%%' from pg_authid where rolname = %s", (anna, anna)
    )
    assert len(passwords[0][0]) == 64
    assert passwords[0][1]

    published.run("select access.remove_employee(%s)", (anna,))

    with pytest.raises(psycopg.OperationalError):
        connection.execute("select count(*) from marts.fct_inquiries")
    assert published.run("select count(*) from pg_roles where rolname = %s", (anna,)) == [(0,)]
    assert published.run("select count(*) from pg_policy where polname = %s", (anna,)) == [(0,)]
    assert published.run("select count(*) from access.rights where subject = %s", (anna,)) == [(0,)]
    with pytest.raises(errors.InvalidParameterValue, match="no employee"):
        published.run("select access.remove_employee(%s)", (anna,))


def test_adding_an_employee_again_moves_him_to_another_group(published: Warehouse) -> None:
    published.run("select access.allow('chiefs', %s)", (REPORT,))
    anna = published.add("anna")
    with published.connect(anna) as connection:
        with pytest.raises(errors.InsufficientPrivilege):
            clinics(connection)
        published.add("anna", group="chiefs", employee_id="A1")
        assert clinics(connection) == ["C1", "C2", "C3"]


def test_the_journal_says_who_changed_what_and_cannot_be_rewritten(published: Warehouse) -> None:
    anna = published.add("anna")
    published.run("select access.allow('desk', %s, '{C1}')", (REPORT,))
    published.run("select access.allow('desk', %s, '{C1,C2}', personal_data => true)", (REPORT,))
    published.run("select access.deny(%s, %s), access.clear(%s, %s)", (anna, REPORT, anna, REPORT))

    lines = published.run(
        "select action, subject, report, before ->> 'clinics', after ->> 'clinics', after ->> 'is_allowed',"
        " changed_by = session_user from access.journal order by journal_id"
    )
    assert lines == [
        ("add_group", "desk", None, None, None, None, True),
        ("add_employee", anna, None, None, None, None, True),
        ("allow", "desk", REPORT, None, '["C1"]', "true", True),
        ("allow", "desk", REPORT, '["C1"]', '["C1", "C2"]', "true", True),
        ("deny", anna, REPORT, None, None, "false", True),
        ("clear", anna, REPORT, None, None, None, True),
    ]
    for change in (
        "update access.journal set changed_by = 'x'",
        "delete from access.journal",
        "truncate access.journal",
    ):
        with pytest.raises(errors.InsufficientPrivilege, match="append only"):
            published.run(change)


WRONG_CALLS = [
    ("access.allow('desk', 'top_deal')", "no report is named 'top_deal'.*"),
    ("access.allow('desk', 'reports.top_deals')", "no report is named"),
    ("access.allow('desk', 'top_deals', '{}')", "at least one"),
    ("access.allow('desk', 'top_deals', '{C1,null}')", "no null"),
    ("access.allow('', 'top_deals')", "needs a name"),
    ("access.clear('nobody_here', 'top_deals')", "no group or employee"),
    ("access.login_password('nobody_here')", "no employee"),
    ("access.add_employee('pg_anna', 'x', 'desk')", "cannot be the name"),
    ("access.add_employee('a\"b', 'x', 'desk')", "cannot be the name"),
    ("access.add_employee('postgres', 'x', 'desk')", "more than a login"),
    ("access.allow('postgres', 'top_deals')", "more than a login"),
    ("access.add_employee('public', 'x', 'desk')", "cannot be the name"),
]


def test_a_wrong_call_is_a_clear_error_and_changes_nothing(warehouse: Warehouse) -> None:
    for call, message in WRONG_CALLS:
        with pytest.raises(errors.InvalidParameterValue, match=message):
            warehouse.run(f"select {call}")
    assert warehouse.run("select count(*) from access.journal") == [(0,)]


def test_an_unknown_report_names_the_known_ones(warehouse: Warehouse) -> None:
    with pytest.raises(errors.InvalidParameterValue) as raised:
        warehouse.run("select access.allow('desk', 'nothing')")
    assert "administrator_conversion" in (raised.value.diag.message_hint or "")
    assert "marts" in (raised.value.diag.message_hint or "")


def test_a_group_that_is_new_and_a_clinic_that_is_none_stand_and_are_told_of(warehouse: Warehouse) -> None:
    anna = warehouse.add("anna", "desk")
    warehouse.run("insert into staging.files__clinics (clinic_id, time_zone) values ('C1', 'Europe/Moscow')")
    told: list[str] = []
    with psycopg.connect(warehouse.url) as connection:
        connection.add_notice_handler(lambda notice: told.append(notice.message_primary or ""))
        connection.execute("select access.allow('desk', 'administrator_conversion', clinics => '{C1}')")
        connection.execute("select access.deny(%s, 'administrator_conversion')", (anna,))
        assert told == []
        connection.execute("select access.deny('dessk', 'administrator_conversion')")
        connection.execute("select access.allow('desk', 'administrator_conversion', clinics => '{C1,C9}')")
    assert told == [
        "group 'dessk' is new", "nobody was called 'dessk' before: this closes nothing that is open",
        "no clinic is loaded yet that is called 'C9'",
    ]  # fmt: skip


def test_a_login_made_by_hand_can_have_rights_but_keeps_its_password(published: Warehouse) -> None:
    role = published.role("by_hand")
    published.run(f"create role {role} login password 'own'")
    try:
        published.run("select access.allow(%s, %s, '{C1}')", (role, REPORT))
        with pytest.raises(errors.DuplicateObject, match="exists already"):
            published.run("select access.add_employee(%s, 'x', 'desk')", (role,))
        with psycopg.connect(published.url) as connection:
            connection.execute(f"set role {role}".encode())
            assert clinics(connection) == ["C1"]
        published.run("select access.remove_employee(%s)", (role,))
        assert published.run("select count(*) from pg_roles where rolname = %s", (role,)) == [(1,)]
    finally:
        published.run(f"drop role {role}")


def test_names_with_quotes_and_clinics_with_quotes_stay_literals(published: Warehouse) -> None:
    anna = published.add("a.b-c@d", employee_id="A1' or true --")
    published.run(
        "select access.allow('desk', %s, array['C1'') or (true', '{C2}', 'a\\b'], own_rows_only => true)", (REPORT,)
    )
    with published.connect(anna) as connection:
        assert clinics(connection) == []


READ_WRITE = "set default_transaction_read_only = off; "
ESCAPES = [
    "set role {boris}",
    "select set_config('role', '{boris}', false)",
    "set session authorization {boris}",
    f"set role none; set row_security = off; select * from {INQUIRIES}",
    f"{READ_WRITE}delete from {INQUIRIES}",
    f"{READ_WRITE}create temp table stolen (id int)",
    f"{READ_WRITE}create function pg_temp.leak(text) returns bool language sql as 'select true'",
    f"{READ_WRITE}create table public.stolen (id int)",
    f"{READ_WRITE}create table reports.stolen (id int)",
    f"{READ_WRITE}create schema mine",
    f"{READ_WRITE}create policy mine on {INQUIRIES} using (true)",
    f"{READ_WRITE}alter table {INQUIRIES} disable row level security",
    f"{READ_WRITE}grant select on marts.fct_inquiries to {{anna}}",
    f"{READ_WRITE}alter role {{anna}} bypassrls",
    f"{READ_WRITE}grant {{boris}} to {{anna}}",
    f"{READ_WRITE}select lo_create(0)",
    f"begin; lock table {INQUIRIES} in access exclusive mode",
    "begin; lock table access.rights",
    "select query_to_xml('select * from marts.fct_inquiries', true, true, '')",
    "copy (select * from build.fct_inquiries) to stdout",
    "select pg_read_file('postgresql.conf')",
    "explain select * from marts.fct_inquiries",
    "begin; declare c cursor for select * from marts.fct_inquiries",
    "set search_path = marts, access; select * from fct_inquiries",
    "do $$ begin perform access.allow('desk', 'marts') @ end $$",
]


def test_no_statement_widens_a_right(published: Warehouse) -> None:
    anna, boris = published.add("anna"), published.add("boris", group="chiefs")
    published.run("select access.allow('desk', %s, '{C1}'), access.allow('chiefs', 'marts')", (REPORT,))
    refused = (errors.InsufficientPrivilege, errors.UndefinedTable)
    passed = []

    for escape in ESCAPES:
        with published.connect(anna) as connection:
            try:
                for statement in escape.replace("{anna}", anna).replace("{boris}", boris).split("; "):
                    connection.execute(statement.replace("@", ";").encode())
                passed.append(escape)
            except refused as error:
                # Only the search path that finds nothing may say "does not exist": it tells nothing of the mart.
                assert isinstance(error, errors.InsufficientPrivilege) or "search_path" in escape, error
        with published.connect(anna) as connection:
            assert clinics(connection) == ["C1"]

    assert passed == []
    assert published.run("select access.refresh()") == [(0,)]


def test_a_grant_that_an_employee_passes_on_gives_nothing(published: Warehouse) -> None:
    anna, boris = published.add("anna"), published.add("boris", group="chiefs")
    published.run("select access.allow('desk', %s, '{C1}')", (REPORT,))
    with published.connect(anna) as connection:
        connection.execute("set default_transaction_read_only = off")
        connection.execute(f"grant select on {INQUIRIES} to {boris}".encode())
    assert published.run("select count(*) from access.privilege_differences") == [(0,)]


def test_errors_and_statistics_show_no_foreign_value(published: Warehouse) -> None:
    anna_role = published.add("anna")
    published.run("select access.allow('desk', %s, '{C1}')", (REPORT,))
    published.run(f"analyze {INQUIRIES}")
    with published.connect(anna_role) as anna:
        with pytest.raises(errors.InvalidTextRepresentation) as raised:
            anna.execute(f"select * from {INQUIRIES} where (clinic_id || '/' || inquiry_key)::int = 1".encode())
        assert "C1/" in str(raised.value)
        query = f"select count(*) from {INQUIRIES} where clinic_id <> 'C1' and 1 / (length(clinic_id) - 2) = 1"
        assert anna.execute(query.encode()).fetchone() == (0,)
        assert anna.execute("select count(*) from pg_stats where schemaname = 'reports'").fetchone() == (0,)


def test_the_owner_needs_no_superuser(pg_server_url: str, published: Warehouse) -> None:
    """CREATEROLE and an own database are enough; from PostgreSQL 16 on the creator is only ADMIN of new roles."""
    owner, database = published.role("owner"), published.role("db")
    with psycopg.connect(pg_server_url, autocommit=True) as admin:
        admin.execute(f"create role {owner} login createrole password 'owner'".encode())
        admin.execute(f"create database {database} owner {owner}".encode())
        try:
            url = psycopg.conninfo.make_conninfo(pg_server_url, dbname=database, user=owner, password="owner")
            plain_owner(published, url)
        finally:
            admin.execute(f"drop database {database} with (force)".encode())
            admin.execute(f"drop role {owner}".encode())


def plain_owner(published: Warehouse, url: str) -> None:
    from tests.warehouse.small_warehouse import BUILD_TABLES
    from warehouse.lint import run_lints
    from warehouse.migrate import migrate

    migrate(url)
    other = Warehouse(url=url, folder=published.folder, prefix=published.prefix)
    other.run(BUILD_TABLES)
    other.publish()
    anna = other.add("plain_anna")
    other.run("select access.allow('desk', %s, '{C1}')", (REPORT,))
    password = other.run("select access.login_password(%s)", (anna,))[0][0]
    with psycopg.connect(url, user=anna, password=password) as connection:
        assert clinics(connection) == ["C1"]
    assert run_lints(url) == []
    other.run("select access.remove_employee(%s)", (anna,))
    assert other.run("select count(*) from pg_roles where rolname = %s", (anna,)) == [(0,)]
