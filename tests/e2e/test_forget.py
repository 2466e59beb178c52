"""A person is forgotten: before, every identifier is found in tables and files; after, none is, and the sums stand."""

from __future__ import annotations

import csv
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from openpyxl import Workbook

from extractors.core.errors import ConfigError
from tests.e2e.comparing import MOMENT, ask, questions
from tests.oracle.rows import read_folder
from warehouse.forget import ForgetOutcome, forget
from warehouse.pipeline import run_all

JUNE = Path(__file__).resolve().parents[1] / "cases" / "june"
PHONE = "+79000000001"
# Everything that names patient P1 of June, in the layouts in which it was written.
IDENTIFIERS = (
    PHONE, "8 (900) 000-00-01", "Patient One", "one@example.org", "c-101",
    "1990-01-31", "call-of-one.mp3", "patient:P1", "yclid-of-one", "lives above the chemist", "crown for the florist",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    url: str
    inbox: Path
    home: Path
    work: Path


@pytest.fixture(scope="module")
def place(pg_server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    name = f"test_forget_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(pg_server_url, autocommit=True) as admin:
        admin.execute(f"create database {name} template template0".encode())
    root = tmp_path_factory.mktemp("forget")
    inbox, home = root / "inbox", root / "home"
    write_inbox(inbox)
    write_home(home, inbox)
    made = Place(pg_server_url.rsplit("/", 1)[0] + f"/{name}", inbox, home, root / "dbt")
    load(made)
    yield made
    with psycopg.connect(pg_server_url, autocommit=True) as admin:
        admin.execute(f"drop database if exists {name} with (force)".encode())


def load(place: Place) -> None:
    run_all(place.url, place.inbox, run_id="forget", now=MOMENT, folder=place.work, say=lambda _text: None)


def write_inbox(folder: Path) -> None:
    """June, with all that June leaves out: an e-mail, a birth date, notes, recordings, rows that cannot be read."""
    folder.mkdir()
    for file in JUNE.glob("*.csv"):
        with file.open(encoding="utf-8") as opened:
            rows = list(csv.DictReader(opened))
        more: dict[str, Any] = {}
        if file.stem == "patients":
            more = {"emails": "", "birth_date": ""}
        elif file.stem == "deals":
            more = {"first_request": ""}
        elif file.stem == "contacts":
            more = {"email": "", "note": "", "recording_url": "", "click_id": "", "favourite": ""}
        rows = [{**row, **{name: row.get(name) or "" for name in more}} for row in rows]
        for row in rows:
            if file.stem == "patients" and row["patient_id"] == "P1":
                row |= {"emails": "One@Example.org", "birth_date": "1990-01-31", "phones": "8 (900) 000-00-01"}
            if row.get("deal_id") == "D1":
                row |= {"name": "crown for the florist", "first_request": "lives above the chemist"}
            if row.get("contact_id") == "E1" and file.stem == "contacts":
                row |= {
                    "note": "Patient One, afraid of needles", "recording_url": "https://pbx.example/call-of-one.mp3",
                    "click_id": "yclid:yclid-of-one", "favourite": "tea with Patient One",
                }  # fmt: skip
            if row.get("contact_id") == "E5" and file.stem == "contacts":
                row["note"] = "call back 8 (900) 000-00-01 too"
        if file.stem == "contacts":
            rows += [{**rows[0], "contact_id": "bad", "occurred_at": "at noon"}]
        with (folder / file.name).open("w", encoding="utf-8", newline="") as opened:
            writer = csv.DictWriter(opened, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)


def write_home(home: Path, inbox: Path) -> None:
    for name in ("exports", "logs", "inbox", "postgres", "dbt_target"):
        (home / name).mkdir(parents=True)
    (home / "exports" / "history.csv").write_text(f"phone;name\n{PHONE};Patient One\n", encoding="cp1251")
    (home / "logs" / "old.log").write_text("asked for 8 (900) 000-00-01 and one@example.org; call-of-one.mp3\n")
    (home / "inbox" / "patients.csv").write_bytes((inbox / "patients.csv").read_bytes())
    (home / "dbt_target" / "dbt.log").write_text(f"a failed row: {PHONE}\n")
    book = Workbook()
    book.active.append(["Patient One", PHONE])  # type: ignore[union-attr]
    book.save(home / "exports" / "history.xlsx")


def in_tables(url: str) -> dict[str, set[str]]:
    """Identifier → relations, columns of statistics included, in which some cell holds it."""
    found: dict[str, set[str]] = {identifier: set() for identifier in IDENTIFIERS}
    with psycopg.connect(url) as connection:
        relations = connection.execute(
            "select c.oid::regclass::text from pg_class as c inner join pg_namespace as n on n.oid = c.relnamespace"
            " where c.relkind in ('r', 'm', 'p', 'v') and n.nspname not in ('information_schema')"
            " and (n.nspname <> 'pg_catalog' or c.relname in ('pg_stats', 'pg_description'))"
        ).fetchall()
        for (relation,) in relations:
            rows = connection.execute(
                "select sought from unnest(%s::text[]) as sought where exists"
                f" (select from {relation} as r where strpos(lower(r::text), lower(sought)) > 0)".encode(),
                (list(IDENTIFIERS),),
            )
            for (identifier,) in rows.fetchall():
                found[identifier].add(relation)
    return found


TOMORROW = ("staging", "build", "marts", "reports", "history", "ops", "deals", "made_tomorrow")


def make_tables_of_tomorrow(url: str) -> None:
    """A table that forgetting does not know, in each schema and a new one, with the person in every type of column."""
    with psycopg.connect(url) as connection:
        connection.execute("create schema made_tomorrow")
        for schema in TOMORROW:
            connection.execute(
                f"create table {schema}.made_tomorrow as select phone as words, 'said ' || phone as note,"
                " array[phone] as list, jsonb_build_object('deep', array[phone]) as body, 'patient:P1' as person_key,"
                f" phone::varchar(40) as short from (values ('{PHONE}'::text)) as one (phone)".encode()
            )


def drop_tables_of_tomorrow(url: str) -> None:
    """The lints of the next load would refuse them."""
    with psycopg.connect(url) as connection:
        for schema in TOMORROW:
            connection.execute(f"drop table {schema}.made_tomorrow".encode())


def in_files(home: Path) -> set[str]:
    import zipfile

    found = set()
    for path in home.rglob("*"):
        if path.is_dir():
            continue
        parts = [path.read_bytes()]
        if path.suffix == ".xlsx":
            with zipfile.ZipFile(path) as packed:
                parts += [packed.read(name) for name in packed.namelist()]
        found |= {i for i in IDENTIFIERS for part in parts if i.lower().encode() in part.lower()}
    return found


def figures(url: str) -> list[Any]:
    """Every report with every parameter, and sums of the facts."""
    data = read_folder(JUNE)
    with psycopg.connect(url) as connection:
        answers: list[Any] = [
            # who it was is what goes; everything else stays
            sorted(repr({**row, "person_key": None, "full_name": None}) for row in ask(connection, question))
            for question in questions(data, date(2026, 6, 1), date(2026, 6, 30))
        ]
        for query in (
            "select count(*), sum(amount), count(distinct person_key) from marts.fct_payments",
            "select count(*), count(distinct person_key), count(*) filter (where is_primary) from marts.fct_inquiries",
            "select count(*), count(distinct person_key) from marts.fct_contacts",
            "select count(*), sum(amount) from marts.fct_deals",
            "select count(*), count(distinct person_key) from reports.inquiry_history",
            "select count(*), count(distinct person_key), sum(amount) from reports.client_path_steps",
        ):
            answers.append(connection.execute(query.encode()).fetchall())
    return answers


@pytest.mark.slow
def test_a_person_is_gone_from_every_table_and_file_for_good_and_sums_stay(place: Place) -> None:
    make_tables_of_tomorrow(place.url)
    before = in_tables(place.url)
    assert {f"{schema}.made_tomorrow" for schema in TOMORROW} <= before[PHONE]
    assert [i for i in IDENTIFIERS if not before[i]] == [], "the scan must be able to find everything it looks for"
    assert in_files(place.home) >= {PHONE, "8 (900) 000-00-01", "Patient One", "one@example.org"}
    figures_before = figures(place.url)

    outcome: ForgetOutcome = forget(place.url, "8 900 000-00-01", now=MOMENT + timedelta(hours=1), home=place.home)

    assert {i: tables for i, tables in in_tables(place.url).items() if tables} == {}
    drop_tables_of_tomorrow(place.url)
    assert in_files(place.home) == set()
    assert outcome.doubtful_files == ()
    assert figures(place.url) == figures_before
    assert not [i for i in IDENTIFIERS if i.lower() in outcome.act.lower()]

    # The same files again: what was forgotten stays away, and the rebuilt figures are the same.
    load(place)
    assert {i: tables for i, tables in in_tables(place.url).items() if tables} == {}
    assert figures(place.url) == figures_before
    with pytest.raises(ConfigError, match="Nobody here"):
        forget(place.url, PHONE, now=MOMENT)
