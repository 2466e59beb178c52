"""Whatever is made later is closed, whoever makes it: the owner's by default privileges, others' by the lints."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import errors

from tests.warehouse.small_warehouse import Warehouse
from warehouse.lint import run_lints

MADE = (
    ("create table {s}.made as select * from marts.fct_inquiries", "select * from {s}.made"),
    ("create view {s}.made as select * from marts.fct_inquiries", "select * from {s}.made"),
    ("create materialized view {s}.made as select * from marts.fct_inquiries", "select * from {s}.made"),
    ("create function {s}.made() returns bigint language sql security definer"
     " as 'select count(*) from marts.fct_inquiries'", "select {s}.made()"),
    ("create sequence {s}.made", "select last_value from {s}.made"),
)  # fmt: skip


def drop_made(warehouse: Warehouse, schema: str) -> None:
    for kind in ("table", "view", "materialized view", "function", "sequence"):
        try:
            warehouse.run(f"drop {kind} if exists {schema}.made")
        except errors.WrongObjectType:
            continue


@pytest.mark.parametrize("schema", ["marts", "reports", "history", "as_of"])
def test_what_the_owner_makes_is_invisible_to_employees_of_every_right(published: Warehouse, schema: str) -> None:
    anna = published.add("anna")
    published.run(
        "select access.allow('desk', 'marts', personal_data => true),"
        " access.allow('desk', 'administrator_conversion', personal_data => true)"
    )
    with published.connect(anna) as connection:
        assert connection.execute("select count(*) from marts.fct_inquiries").fetchone() == (12,)
        for make, read in MADE:
            published.run(make.format(s=schema))
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(read.format(s=schema).encode())
            drop_made(published, schema)


def test_what_another_role_makes_is_found_by_a_lint_and_only_a_superuser_can_make_it(published: Warehouse) -> None:
    maker = published.role("maker")
    published.run(f"create role {maker} superuser")
    try:
        with psycopg.connect(published.url) as connection:
            connection.execute(f"set role {maker}".encode())
            for make, _ in MADE:
                with connection.transaction(force_rollback=True):
                    connection.execute(make.format(s="reports").encode())
        with psycopg.connect(published.url) as connection:
            connection.execute(f"set role {maker}".encode())
            connection.execute(MADE[3][0].format(s="reports").encode())
        # PostgreSQL opens a new function to everybody; ours are closed by default privileges, theirs by the next load.
        assert "grant_to_public" in {finding.lint for finding in run_lints(published.url)}
        published.run(f"drop function reports.made; alter role {maker} nosuperuser")
        with psycopg.connect(published.url) as connection:
            connection.execute(f"set role {maker}".encode())
            for make, _ in MADE:
                with pytest.raises(errors.InsufficientPrivilege), connection.transaction():
                    connection.execute(make.format(s="reports").encode())
    finally:
        published.run(f"drop owned by {maker}; drop role {maker}")
