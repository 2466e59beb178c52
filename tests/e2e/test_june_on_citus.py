"""The June case on Citus: every report, now and as of its day, says what it says on plain PostgreSQL, to everybody.

CHAIRSIDE_TEST_CITUS names an empty database of a coordinator that has workers, as docs/how_to/scale_out.md prepares it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest

from tests.e2e.comparing import MOMENT
from tests.e2e.past import answers, questions
from warehouse.forget import forget
from warehouse.pipeline import run_all

JUNE = Path(__file__).resolve().parents[1] / "cases" / "june"
PERIOD = date(2026, 6, 1), date(2026, 6, 30)
READER = "june_on_citus_reader"
# What it says is when the warehouse was loaded.
OF_THE_LOAD = {"freshness"}
# Keys of people hold a hash that every warehouse salts by itself.
SALTED = re.compile(r"(?<=:)[0-9a-f]{20}|[0-9a-f]{32}")


def build(url: str, folder: Path) -> None:
    run_all(url, JUNE, run_id="june", now=MOMENT, folder=folder, say=lambda _text: None)
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("select access.add_employee(%s, 'Invented', null)", (READER,))
        owner.execute(
            "select access.allow(%s, report, '{C1}', personal_data => true) from access.known_reports"
            " where report <> 'deal_entry'",
            (READER,),
        )


def told(url: str, asked: dict[str, tuple[str, str]]) -> list[dict[str, list[str]]]:
    """By the owner and by an employee of one clinic, now and as of the publication's day."""
    found = []
    with psycopg.connect(url) as owner:
        (day,) = owner.execute("select max(published_on) from history.publications").fetchall()[0]
    for role in (None, READER):
        for as_of in (None, day):
            with psycopg.connect(url) as reader:
                if role:
                    reader.execute(f"set session authorization {role}".encode())
                said = answers(reader, asked, as_of)
                found.append({name: sorted(SALTED.sub("x", row) for row in rows) for name, rows in said.items()})
    return found


def require_forgettable(url: str) -> None:
    """The person with the most contacts goes from every table; no row goes with him."""
    with psycopg.connect(url) as owner:
        ((person,),) = owner.execute(
            "select mode() within group (order by person_key) from marts.fct_contacts"
        ).fetchall()
    before = rows_of(url, person)
    assert sum(named for _, named in before.values()) > 10
    forget(url, person, now=MOMENT)
    assert rows_of(url, person) == {table: (rows, 0) for table, (rows, _) in before.items()}


def rows_of(url: str, person: str) -> dict[str, tuple[int, int]]:
    """Per published table and history: all rows, and those that name the person."""
    with psycopg.connect(url) as owner:
        tables = owner.execute(
            "select format('%I.%I', nspname, relname) from pg_class"
            " inner join pg_namespace on pg_namespace.oid = relnamespace"
            " where nspname in ('marts', 'reports', 'history') and relkind = 'r'"
        ).fetchall()
        return {
            table: owner.execute(
                f"select count(*), count(*) filter (where to_jsonb(told)::text like %s) from {table} as told".encode(),
                (f"%{person}%",),
            ).fetchall()[0]
            for (table,) in tables
        }


@pytest.fixture
def citus(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    url = os.environ.get("CHAIRSIDE_TEST_CITUS")
    if not url:
        pytest.skip("CHAIRSIDE_TEST_CITUS names no database")
    monkeypatch.setenv("CHAIRSIDE_TARGET", "citus")
    yield url
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("select access.remove_employee(%s)", (READER,))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_june_says_the_same_on_citus(citus: str, fresh_database: str, tmp_path: Path) -> None:
    build(citus, tmp_path / "citus")
    build(fresh_database, tmp_path / "plain")
    try:
        with psycopg.connect(fresh_database) as owner:
            asked = {name: how for name, how in questions(owner, PERIOD).items() if name not in OF_THE_LOAD}
        assert len(asked) > 40
        plain, spread = told(fresh_database, asked), told(citus, asked)
        differ = {
            f"{name}, reading {number}": set(ours[name]) ^ set(theirs[name])
            for number, (ours, theirs) in enumerate(zip(plain, spread, strict=True))
            for name in ours
            if ours[name] != theirs[name]
        }
        assert differ == {}
        with psycopg.connect(citus) as owner:
            placed: dict[str, int] = dict(
                owner.execute(
                    "select citus_table_type, count(*) from citus_tables where table_name::text ~ '^(marts|reports)\\.'"
                    " group by 1"
                ).fetchall()
            )
        assert placed["distributed"] >= 10
        require_forgettable(citus)
    finally:
        with psycopg.connect(fresh_database, autocommit=True) as owner:
            owner.execute("select access.remove_employee(%s)", (READER,))
