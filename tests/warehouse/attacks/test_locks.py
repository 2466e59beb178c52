"""An employee holds every lock that he can: loads, builds, migrations, publications and changes of rights go on."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import errors

from extractors.core.errors import ConfigError
from extractors.core.spec import Window
from extractors.loading.windows import write_window
from extractors.sources.calltouch import SOURCE as CALLTOUCH
from extractors.sources.files import load_inbox
from extractors.turns import turn
from runtime.warehouse import close_to_employees
from tests.warehouse.small_warehouse import NOW, Warehouse
from warehouse.forget import forget
from warehouse.migrate import migrate
from warehouse.pipeline import exclusive

REPORT = "administrator_conversion"


class Holder:
    """An employee who holds every lock that he can get, in transactions that stay open and do nothing."""

    def __init__(self, warehouse: Warehouse, role: str) -> None:
        self.connections = []
        ((deal,),) = warehouse.run("select min(deal_id) from staging.files__deals where _run_id = 'deals.add'")
        statements = [
            "select * from reports.administrator_conversion_people;"
            " select * from reports.administrator_conversion_list;"
            " select * from reports.administrator_conversion_as_of(date '2026-06-30')",
            "select deals.add('Crown', clinic_id => 'C1')",
            f"select deals.move('{deal}', 'paid', 'won')",
        ]
        for statement in statements:
            connection = warehouse.connect(role)
            self.connections.append(connection)
            connection.execute("set default_transaction_read_only = off")
            connection.execute("set idle_in_transaction_session_timeout = 0")
            connection.execute("set statement_timeout = 0")
            # Numbers are no secret: pg_locks shows them, and so does the source.
            connection.execute("select pg_try_advisory_lock(n) from generate_series(0, 50) as n")
            connection.execute(
                "select pg_try_advisory_lock(hashtextextended(format(text, name), 0))"
                " from unnest(%s::text[]) as name, unnest('{chairside extract %%s,%%s}'::text[]) as text",
                (["calltouch", "calltouch__calls", "files__deals"],),
            )
            connection.execute(f"begin; {statement}".encode())

    def close(self) -> None:
        for connection in self.connections:
            connection.close()


def works(warehouse: Warehouse, inbox: Path) -> dict[str, Callable[[], object]]:
    """Everything that the owner does and that takes a lock."""

    def load() -> None:
        window = Window(date(2026, 6, 1), date(2026, 6, 1))
        with turn(warehouse.url, "calltouch") as require_turn, psycopg.connect(warehouse.url) as connection:
            require_turn()
            write_window(connection, CALLTOUCH.stream("calls"), window, [], run_id="r", now=NOW)

    def publish_another_shape() -> None:
        warehouse.run(
            "alter table build.administrator_conversion_inquiries add column note text;"
            "alter table build.administrator_conversion_people alter phone type varchar(20)"
        )
        warehouse.publish()

    def forget_nobody() -> None:
        with pytest.raises(ConfigError, match="nobody is known here"):
            forget(warehouse.url, "+79000009999", now=NOW)

    def build() -> None:
        with exclusive(warehouse.url):
            warehouse.run("drop table build.fct_inquiries; create table build.fct_inquiries"
                          " (inquiry_key text not null, clinic_id text not null, day date)")

    (inbox / "deals.csv").write_text("deal_id,name,created_at,stage_kind\nD1,Crown,2026-06-01,open\n", encoding="utf-8")
    return {
        "a load of a vendor": load,
        "a load of files": lambda: load_inbox(warehouse.url, inbox, run_id="r", now=NOW),
        "a migration": lambda: migrate(warehouse.url),
        "a build": build,
        "a publication": publish_another_shape,
        "a change of rights": lambda: warehouse.run("select access.allow('desk', %s, '{C1}')", (REPORT,)),
        "forgetting": forget_nobody,
    }


def test_no_lock_of_an_employee_holds_up_the_owner(published: Warehouse, tmp_path: Path) -> None:
    anna = published.add("anna")
    published.run("select access.allow('desk', %s, personal_data => true)", (REPORT,))
    published.run("select access.allow('desk', 'deal_entry')")
    published.run("select deals.add('Crown', clinic_id => 'C1')")
    stuck, wrong = [], []

    def attempt(work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:
            wrong.append(error)

    for name, work in works(published, tmp_path).items():
        holder = Holder(published, anna)
        thread = threading.Thread(target=attempt, args=(work,), daemon=True)
        thread.start()
        thread.join(60)
        if thread.is_alive():
            stuck.append(name)
        holder.close()
        thread.join()
    assert stuck == []
    assert wrong == []


def test_employees_reach_no_table_that_anything_queues_on(published: Warehouse) -> None:
    anna = published.add("anna")
    published.run("select access.allow('desk', %s)", (REPORT,))
    turns = published.run(
        "select format('%I.%I', nspname, relname) from pg_class join pg_namespace as n on n.oid = relnamespace"
        " where nspname in ('ops', 'access', 'staging', 'build') and relkind = 'r'"
    )
    assert {"ops.turn_of_calltouch", "ops.landing_turns", "ops.build_turn", "ops.migration_turn", "access.rights"} <= {
        name for (name,) in turns
    }
    with published.connect(anna) as connection:
        connection.execute("set default_transaction_read_only = off")
        for (name,) in turns:
            with pytest.raises(errors.InsufficientPrivilege), connection.transaction():
                connection.execute(f"lock table {name} in access share mode".encode())


def test_an_owner_who_is_no_superuser_ends_a_session_that_holds_him_up(
    fresh_database: str, pg_server_url: str
) -> None:
    prefix = f"t{uuid.uuid4().hex[:8]}"
    owner, anna = f"{prefix}_owner", f"{prefix}_anna"
    parts = urlsplit(fresh_database)
    url = parts._replace(netloc=f"{owner}:x@{parts.netloc.rpartition('@')[2]}").geturl()
    with psycopg.connect(pg_server_url, autocommit=True) as admin:
        admin.execute(f"create role {owner} login createrole password 'x'".encode())
        admin.execute(f"alter database {parts.path[1:]} owner to {owner}".encode())
        try:
            migrate(url)
            warehouse = Warehouse(url=url, folder=Path(), prefix=prefix)
            warehouse.run("select access.add_employee(%s, 'Invented', null, 'A1')", (anna,))
            warehouse.run("select access.allow(%s, 'deal_entry')", (anna,))
            warehouse.run("select deals.add('Crown', clinic_id => 'C1')")
            with closing(warehouse.connect(anna)) as connection:
                connection.execute("set default_transaction_read_only = off")
                connection.execute("begin; select deals.add('Crown', clinic_id => 'C1')")
                migrate(url)
                with pytest.raises(errors.AdminShutdown):
                    connection.execute("select 1")
            warehouse.run("select access.remove_employee(%s)", (anna,))
        finally:
            admin.execute(f"drop database {parts.path[1:]} with (force)".encode())
            admin.execute(f"drop role {owner}".encode())


def test_on_our_own_server_employees_take_no_advisory_locks_and_make_no_large_objects(published: Warehouse) -> None:
    anna, owner = published.add("anna"), published.role("owner")
    published.run(f"create role {owner}")
    try:
        close_to_employees(published.url, owner=owner)
        close_to_employees(published.url, owner=owner)
        with published.connect(anna) as connection:
            connection.execute("set default_transaction_read_only = off")
            for call in ("pg_advisory_lock(1)", "pg_try_advisory_xact_lock_shared(1, 2)", "lo_create(0)"):
                with pytest.raises(errors.InsufficientPrivilege):
                    connection.execute(f"select {call}".encode())
        with psycopg.connect(published.url) as connection:
            connection.execute(f"set role {owner}".encode())
            assert connection.execute("select pg_try_advisory_lock(1)").fetchone() == (True,)
    finally:
        published.run(f"drop owned by {owner}; drop role {owner}")


def test_builds_take_turns_and_a_dead_one_frees_its_turn(published: Warehouse) -> None:
    order: list[str] = []

    def second() -> None:
        with exclusive(published.url):
            order.append("second")

    waiting = threading.Thread(target=second)
    with exclusive(published.url):
        waiting.start()
        with psycopg.connect(published.url, autocommit=True) as watcher:
            waits = "select count(*) from pg_locks where relation = 'ops.build_turn'::regclass and not granted"
            while watcher.execute(waits).fetchone() == (0,):
                pass
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]


def test_many_first_migrations_at_once_make_one_warehouse(fresh_database: str) -> None:
    wrong: list[BaseException] = []

    def one() -> None:
        try:
            migrate(fresh_database)
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
