"""Deals entered by hand from SQL: the owner may, and employees by a right of its own, within its clinics and rows."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg import errors, sql

from tests.warehouse.small_warehouse import Warehouse
from warehouse.lint import run_lints

ADD = "select deals.add(%(name)s, clinic_id => %(clinic)s, manager_id => %(manager)s)"
REFUSED = "you may not enter this deal"
NOT_YOURS = "no deal of yours that was entered by hand has this id"

Connection = psycopg.Connection[tuple[Any, ...]]


def add(connection: Connection, clinic: str | None = "C1", manager: str | None = None, name: str = "Crown") -> str:
    with connection.transaction():
        connection.execute("set transaction read write")
        (row,) = connection.execute(ADD.encode(), {"name": name, "clinic": clinic, "manager": manager}).fetchall()
    return str(row[0])


def move(connection: Connection, deal: str, stage: str = "paid", kind: str = "won") -> None:
    with connection.transaction():
        connection.execute("set transaction read write")
        connection.execute("select deals.move(%s, %s, %s)", (deal, stage, kind))


def test_the_owner_enters_a_deal_and_moves_it_to_its_end(published: Warehouse) -> None:
    ((deal,),) = published.run(
        "select deals.add('Crown', 300, phone => '+7 (900) 000-00-01', email => ' Client@Example.org', tags => '{hot}')"
    )
    published.run("select deals.move(%s, 'offer', amount => 250)", (deal,))
    published.run("select deals.move(%s, 'paid', 'won')", (deal,))
    found = published.run(
        "select created_via, stage, stage_kind, amount, phone_e164, email, tags, closed_at >= created_at"
        " from staging.files__deals where deal_id = %s",
        (deal,),
    )
    assert found == [("manual", "paid", "won", 250, "+79000000001", "client@example.org", ["hot"], True)]
    history = "select stage from staging.files__deal_stages where deal_id = %s order by entered_at"
    stages = published.run(history, (deal,))
    assert stages == [("new",), ("offer",), ("paid",)]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("deals.add(' ')", "needs a name"),
        ("deals.add('Crown', stage_kind => 'maybe')", "open, won, lost"),
        ("deals.add('Crown', phone => '8 900 000-00-01')", "the code of its country"),
        ("deals.add('Crown', stage_kind => 'won', closed_at => '2020-01-01')", "closed after it was created"),
        ("deals.move('D1', '', 'won')", "a stage has a name"),
        ("deals.move('D1', 'paid', 'won')", NOT_YOURS),
    ],
)
def test_a_deal_that_cannot_be_is_refused_in_words(published: Warehouse, call: str, words: str) -> None:
    with pytest.raises(psycopg.Error, match=words):
        published.run(f"select {call}")


def test_what_would_stop_every_load_is_refused_where_it_is_entered(published: Warehouse) -> None:
    """The gate stops at such a row of deals, and whoever entered it could not take it back."""
    published.run(
        "insert into staging.files__clinics (clinic_id, name, time_zone) values ('C1', 'One', 'Europe/Moscow');"
        " insert into staging.files__currency_rates (date, currency, rate) values ('2026-06-01', 'USD', 80)"
    )
    for given, words in (
        ("clinic_id => 'C9'", "no clinic is called"),
        ("amount => 1000000000000", "an amount is"),
        ("amount => 'NaN'", "an amount is"),
        ("currency => 'руб.'", "three letters"),
        ("currency => 'EUR'", "no rate"),
        ("currency => 'USD', created_at => '2026-05-31 23:59+03'", "no rate"),
        ("created_at => '0026-06-01'", "no plausible time"),
        ("stage_kind => 'won', closed_at => '2206-06-01'", "no plausible time"),
    ):
        with pytest.raises(psycopg.Error, match=words):
            published.run(f"select deals.add('Crown', {given})")
    ((deal,),) = published.run(
        "select deals.add('Crown', -5, clinic_id => 'C1', currency => 'USD', created_at => '2026-06-01 00:01+03')"
    )
    for given, words in (
        ("amount => 'Infinity'", "an amount is"),
        ("moved_at => '2026-05-01'", "after it was created"),
        ("moved_at => '2206-05-01'", "no plausible time"),
    ):
        with pytest.raises(psycopg.Error, match=words):
            published.run(f"select deals.move(%s, 'paid', 'won', {given})", (deal,))
    assert published.run("select count(*) from staging.files__deals") == [(1,)]


def test_without_the_right_nobody_reaches_the_functions(published: Warehouse) -> None:
    published.run("select access.allow('desk', 'administrator_conversion')")
    closed = pytest.raises(errors.InsufficientPrivilege, match="permission denied for schema deals")
    with published.connect(published.add("anna")) as anna, closed:
        add(anna)


def test_the_right_opens_entry_within_its_clinics_and_own_rows_and_nothing_to_read(published: Warehouse) -> None:
    role = published.add("anna", employee_id="M1")
    published.run("select access.allow('desk', 'deal_entry', '{C1}', own_rows_only => true)")
    assert not run_lints(published.url)
    with published.connect(role) as anna:
        deal = add(anna)
        for clinic, manager in (("C2", None), (None, None), ("C1", "M2")):
            with pytest.raises(errors.InsufficientPrivilege, match=REFUSED):
                add(anna, clinic, manager)
        move(anna, deal)
        for query in (
            "select * from staging.files__deals",
            "insert into staging.files__deals (deal_id, stage_kind) values ('x', 'open')",
            "select deals.require_right('C2', 'M2', 'no')",
            "select * from access.rights",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                anna.execute(query.encode())
    found = published.run("select manager_id, stage_kind, _extra ->> 'entered_by' from staging.files__deals")
    assert found == [("M1", "won", role)]


def test_another_ones_deal_is_refused_in_the_words_of_one_that_is_not_there(published: Warehouse) -> None:
    published.run("insert into staging.files__deals (deal_id, stage_kind, clinic_id) values ('D1', 'open', 'C1')")
    ((others,),) = published.run("select deals.add('Crown', clinic_id => 'C2', manager_id => 'M2')")
    role = published.add("anna", employee_id="M1")
    published.run("select access.allow('desk', 'deal_entry', '{C1}')")
    with published.connect(role) as anna:
        for deal in (others, "D1", "nowhere"):
            with pytest.raises(errors.InsufficientPrivilege, match=NOT_YOURS):
                move(anna, deal)
    unlimited = published.add("boris", group="head")
    published.run("select access.allow('head', 'deal_entry')")
    with published.connect(unlimited) as boris:
        move(boris, others)
        for deal in ("D1", "nowhere"):
            with pytest.raises(errors.InsufficientPrivilege, match=NOT_YOURS):
                move(boris, deal)


def test_a_right_taken_back_closes_the_functions_at_once(published: Warehouse) -> None:
    role = published.add("anna", employee_id="M1")
    published.run("select access.allow('desk', 'deal_entry')")
    with published.connect(role) as anna:
        add(anna)
        published.run("select access.deny(%s, 'deal_entry')", (role,))
        with pytest.raises(errors.InsufficientPrivilege):
            add(anna)
    assert not run_lints(published.url)


def test_no_setting_or_role_lends_the_right(published: Warehouse) -> None:
    role = published.add("anna", employee_id="M1")
    published.run("select access.allow('desk', 'deal_entry', '{C1}')")
    ((owner,),) = published.run("select current_user::text")
    with published.connect(role) as anna:
        anna.execute("set search_path = pg_temp, pg_catalog")
        with pytest.raises(errors.InsufficientPrivilege, match=REFUSED):
            add(anna, "C2")
        for widen in ("set session authorization {}", "set role {}"):
            with pytest.raises(errors.InsufficientPrivilege):
                anna.execute(sql.SQL(widen).format(sql.Identifier(owner)))
