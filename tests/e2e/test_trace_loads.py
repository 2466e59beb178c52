"""Which load brought each record behind a figure: told in its trace, for what the reader may see, and right."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
import pytest
from psycopg import sql

from tests.city import FIRST, LAST, City, copy_of
from tests.e2e.tracing import Traced, random_cells, trace
from warehouse.define import read_definitions

PERIOD = (FIRST.isoformat(), LAST.isoformat())
# Landed kinds and the columns that name their rows.
KEYS = {
    "contacts": "contact_id", "sessions": "session_id", "appointments": "appointment_id", "payments": "payment_id",
    "sales": "sale_id", "deals": "deal_id", "patients": "patient_id",
}  # fmt: skip
# Of what a row of a trace says itself: the kind in staging.
SAID = {
    "contact": "contacts", "session": "sessions", "appointment": "appointments", "booking": "appointments",
    "first_visit": "appointments", "sale": "sales", "subscription": "sales", "deal": "deals", "payment": "payments",
}  # fmt: skip
RUNS = 5

Loads = dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def city(pg_server_url: str, city_template: City) -> Iterator[City]:
    """A copy of its own, as if its rows had come by several loads."""
    with copy_of(city_template, pg_server_url) as copied:
        with psycopg.connect(copied.url) as connection:
            for kind, key in KEYS.items():
                connection.execute(
                    sql.SQL(
                        "update staging.{table} set _run_id = 'run ' || given.number,"
                        " _loaded_at = '2026-10-01'::date + given.number"
                        " from (select {key} as id, abs(hashtext({key})) % {runs} as number from staging.{table})"
                        " as given where {key} = given.id"
                    ).format(table=sql.Identifier(f"files__{kind}"), key=sql.Identifier(key), runs=sql.Literal(RUNS))
                )
                connection.execute(
                    "insert into history.loads"
                    " select 'run ' || number, 'files', %s, array[%s], null, null, false,"
                    " '2026-10-01'::date + number, '2026-10-01'::date + number from generate_series(0, %s) as number",
                    (kind, kind, RUNS - 1),
                )
        yield copied


@pytest.fixture(scope="module")
def landed(city: City) -> Loads:
    """Of every landed row, by kind and id, its run."""
    with psycopg.connect(city.url) as connection:
        return {
            kind: dict(
                connection.execute(
                    sql.SQL("select {}, _run_id from staging.{}").format(
                        sql.Identifier(key), sql.Identifier(f"files__{kind}")
                    )
                ).fetchall()
            )
            for kind, key in KEYS.items()
        }


@pytest.fixture
def owner(city: City) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(city.url, autocommit=True) as connection:
        yield connection


def runs(row: tuple[Any, ...]) -> set[str]:
    return {load["run_id"] for load in row[8].get("loads", ())}


def named(traced: Traced) -> Iterator[tuple[tuple[Any, ...], str, str]]:
    """Rows that are one landed row each, with its kind and id."""
    for what in ("row", "record", "touchpoint"):
        for row in traced.rows.get(what, ()):
            kind, record_id = row[2], row[3].removeprefix(f"{row[2]}:")
            if kind in SAID and traced.definition.report != "client_path" and "inquiry_key" not in row[8]:
                yield row, SAID[kind], record_id


def test_every_record_behind_random_cells_names_the_load_that_brought_it(
    owner: psycopg.Connection[Any], landed: Loads
) -> None:
    contacts: dict[str, set[str]] = {}
    for inquiry_key, contact_id in owner.execute("select inquiry_key, contact_id from marts.fct_contacts"):
        contacts.setdefault(inquiry_key, set()).add(landed["contacts"][contact_id])
    seen = dict.fromkeys(("record", "inquiry", "event", "person", "spend"), 0)
    for traced in random_cells(owner, PERIOD, 5, cells=2):
        place = f"{traced.definition.report} {dict(traced.cell)}"
        for row, kind, record_id in named(traced):
            assert runs(row) == {landed[kind][record_id]}, f"{place}: {row}"
            seen["record"] += 1
        for row in traced.rows.get("row", ()):
            if row[2] == "inquiry" and "inquiry_key" not in row[8]:
                assert runs(row) == contacts[row[3]], f"{place}: {row}"
                seen["inquiry"] += 1
            elif row[2] in ("inquiry", "booked", "arrived", "client", "payment") and "inquiry_key" in row[8]:
                assert contacts[row[8]["inquiry_key"]] <= runs(row), f"{place}: {row}"
                seen["event"] += 1
            elif row[2] == "spend":
                assert runs(row) == {"compare"}, f"{place}: {row}"
                seen["spend"] += 1
        for row in traced.rows.get("person", ()):
            if row[3].removeprefix("patient:") in landed["patients"]:
                assert runs(row) == {landed["patients"][row[3].removeprefix("patient:")]}
                seen["person"] += 1
        # what the rows say and what is listed as loads is the same
        told = {
            (load["stream"], load["run_id"])
            for what in ("row", "record", "touchpoint", "person")
            for row in traced.rows.get(what, ())
            for load in row[8].get("loads", ())
        }
        listed = {(row[2], row[3]) for row in traced.rows.get("load", ()) if row[8]["found_by"] == "record"}
        assert told == listed, place
    assert all(seen.values()), seen


def test_a_payment_of_the_channel_report_is_traced_to_its_own_row(
    owner: psycopg.Connection[Any], landed: Loads
) -> None:
    """Its event has no number of the payment; the load is that of the payment all the same."""
    events = owner.execute(
        "select event_key, person_key, amount, event_date from reports.channels_and_sources_events"
        " where event_kind = 'payment'"
    ).fetchall()
    found: dict[str, set[str]] = {}
    for event_key, stream, run_id in owner.execute(
        "select record_id, stream, run_id from ops.record_loads(%s, %s)",
        (["event"] * len(events), [event[0] for event in events]),
    ):
        if stream == "payments":
            found.setdefault(event_key, set()).add(run_id)
    for event_key, person_key, amount, day in events:
        possible = owner.execute(
            "select payment_id from marts.fct_payments where person_key = %s and amount = %s and paid_date = %s",
            (person_key, amount, day),
        ).fetchall()
        assert len(found[event_key]) == 1 and found[event_key] <= {landed["payments"][one] for (one,) in possible}


def test_the_steps_of_a_path_are_traced_to_their_rows(owner: psycopg.Connection[Any], landed: Loads) -> None:
    """A step names its moment and no record; payments and sales of the path are the person's own rows."""
    (definition,) = (one for one in read_definitions() if one.report == "client_path")
    ((person,),) = owner.execute(
        "select person_key from reports.client_path_steps group by 1 order by count(amount) desc, 1 limit 1"
    ).fetchall()
    traced = trace(owner, definition, {"person_key": person, "column": "amount"})
    steps = {row[2] for row in traced.rows["row"]}
    assert {"payment", "sale"} <= steps
    for row in traced.rows["row"]:
        kind, column = ("sales", "sold_at") if row[2] == "sale" else ("payments", "paid_at")
        possible = owner.execute(
            sql.SQL("select {}, amount from marts.{} where person_key = %s and {} = %s").format(
                sql.Identifier(KEYS[kind]), sql.Identifier(f"fct_{kind}"), sql.Identifier(column)
            ),
            (person, row[8]["occurred_at"]),
        ).fetchall()
        expected = {landed[kind][record_id] for record_id, amount in possible if round(amount, 2) == row[7]}
        assert len(runs(row)) == 1 and runs(row) <= expected, row


def test_loads_are_told_of_what_the_login_may_see_and_of_nothing_else(
    city: City, owner: psycopg.Connection[Any]
) -> None:
    prefix = f"t{uuid.uuid4().hex[:8]}"
    rights = {
        "clinic": "select access.allow(%s, 'inquiry_history', clinics => '{C1}')",
        "own": "select access.allow(%s, 'administrator_conversion', own_rows_only => true)",
        "all": "select access.allow(%s, 'deal_journal')",
        "nobody": None,
    }
    asked = {
        kind: owner.execute(
            sql.SQL("select {}, clinic_id from staging.{}").format(sql.Identifier(f"{kind}_id"), sql.Identifier(table))
        ).fetchall()
        for kind, table in (("contact", "files__contacts"), ("deal", "files__deals"), ("payment", "files__payments"))
    }
    inquiries = owner.execute("select inquiry_key, clinic_id from marts.fct_inquiries").fetchall()
    try:
        for name, right in rights.items():
            role = f"{prefix}_{name}"
            owner.execute("select access.add_employee(%s, 'Invented', null, 'A1')", (role,))
            if right:
                owner.execute(right.encode(), (role,))
            (password,) = owner.execute("select access.login_password(%s)", (role,)).fetchone() or ("",)
            parts = urlsplit(city.url)
            login = parts._replace(netloc=f"{quote(role)}:{quote(password)}@{parts.netloc.rpartition('@')[2]}").geturl()
            with closing(psycopg.connect(login, autocommit=True)) as reader:
                if right is None:
                    with pytest.raises(psycopg.errors.InsufficientPrivilege):
                        reader.execute("select * from ops.record_loads('{contact}', '{1}')")
                    continue
                for kind, rows in (*asked.items(), ("inquiry", inquiries)):
                    told = {
                        row[0]
                        for row in reader.execute(
                            "select record_id from ops.record_loads(%s, %s)",
                            ([kind] * len(rows), [record_id for record_id, _ in rows]),
                        )
                    }
                    expected = {
                        "clinic": {record_id for record_id, clinic_id in rows if clinic_id == "C1"},
                        "own": set(),
                        "all": {record_id for record_id, _ in rows},
                    }[name]
                    assert told == expected, f"{name}: {kind}"
                    assert name == "own" or told
    finally:
        for name in rights:
            owner.execute("select access.remove_employee(%s)", (f"{prefix}_{name}",))


def test_a_number_of_another_vendor_or_a_quote_in_an_id_finds_nothing(owner: psycopg.Connection[Any]) -> None:
    ids = ["bitrix24:999999", "bitrix24:1'; drop table x; --", "bitrix24:99999999999999999999", "uis:call:", "", "%"]
    assert owner.execute("select * from ops.record_loads(%s, %s)", (["deal"] * len(ids), ids)).fetchall() == []
    assert owner.execute("select * from ops.record_loads('{planet}', '{1}')").fetchall() == []
    assert owner.execute("select * from ops.record_loads('{}', '{}')").fetchall() == []
