"""An employee holds every lock that he can: loads, builds, migrations and changes of rights go on."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import pytest
from psycopg import errors

from runtime.warehouse import close_to_employees
from tests.warehouse.small_warehouse import Warehouse
from warehouse.migrate import migrate
from warehouse.pipeline import exclusive

REPORT = "administrator_conversion"


def test_no_lock_of_an_employee_holds_up_builds_migrations_publications_or_rights(published: Warehouse) -> None:
    anna = published.add("anna")
    published.run("select access.allow('desk', %s)", (REPORT,))
    taken = []
    with published.connect(anna) as holder:
        # Numbers are no secret: pg_locks shows them, and so does the source.
        for number in (7_240_521, 7_305_114_001, *range(50)):
            holder.execute("select pg_try_advisory_lock(%s)", (number,))
        for table in ("ops.build_turn", "ops.migration_turn", "access.rights", "ops.forgotten_identifiers"):
            try:
                holder.execute(f"begin; lock table {table} in access share mode".encode())
                taken.append(table)
            except errors.InsufficientPrivilege:
                holder.execute("rollback")
        works: list[Any] = [
            lambda: migrate(published.url),
            lambda: published.publish(),
            lambda: published.run("select access.allow('desk', %s, '{C1}')", (REPORT,)),
            lambda: exclusive(published.url).__enter__(),
        ]
        threads = [threading.Thread(target=work, daemon=True) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert [thread.is_alive() for thread in threads] == [False] * len(threads)
    assert taken == []


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
