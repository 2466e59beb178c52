"""A run's log is one JSON object a line: which run, source, stream and window; nobody's name or token is in it."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from extractors.core.redact import without_rows
from extractors.run import SECRET_SETTINGS
from simulators.faults import Fault
from simulators.running import running_simulators
from tests.extractors.faulty_city import FIRST_OF_EACH, STREAMS, City, make_world, options
from tests.people_in_logs import everything_logged, kept_words, lines, people_of
from tests.templates import Template, copied
from warehouse.dbt_log import clean_logs

PEOPLE = ("calltouch requests", "bitrix24 contacts", "open_dental patients", "amocrm contacts", "fhir patients")


@pytest.fixture(scope="module")
def city(pg_server_url: str, migrated_template: Template) -> Iterator[City]:
    with (
        copied(migrated_template.url, pg_server_url) as url,
        running_simulators(make_world(), options=options()) as running,
    ):
        yield City(running, url)


def test_whatever_vendors_do_no_person_and_no_token_is_in_a_log(city: City) -> None:
    names = [*PEOPLE, *(name for name in FIRST_OF_EACH.values() if name not in PEOPLE)]
    with everything_logged() as logged:
        for name in names:
            city.load(STREAMS[name])
        for name in PEOPLE:
            for kind in ("server_error", "html", "truncated_json", "unauthorized"):
                city.disturbed(STREAMS[name], Fault(kind, STREAMS[name].source, times=-1))
    told = logged.getvalue() + kept_words(city.warehouse)
    people = people_of(city.warehouse)
    assert len(people) > 100
    assert not [person for person in people if person in told]
    for endpoint in city.simulators.endpoints.values():
        given = {**endpoint["settings"], "token": endpoint["token"]}
        for secret in (str(given[name]) for name in SECRET_SETTINGS if given.get(name)):
            assert secret not in told

    said = lines(logged)
    assert {"at", "level", "logger", "event"} <= set.intersection(*(set(line) for line in said))
    ours = [line for line in said if line["logger"] == "extractors.run" and "so far" in line["event"]]
    assert {f"{line['source']} {line['stream']}" for line in ours} == set(names)
    assert all(line["run_id"] == "run" and ".." in line["window"] for line in ours)


def test_an_exception_is_logged_by_its_kind_words_and_place_without_the_rows_it_quotes() -> None:
    with everything_logged() as logged:
        try:
            raise ValueError("bad row: 'Анна Иванова', +79000000001, Bearer abc.def\nDETAIL: Key (name)=(Пётр) exists.")
        except ValueError:
            logging.getLogger("test").exception("of anna@example.org")
    (line,) = lines(logged)
    assert (line["level"], line["error"], line["event"]) == ("error", "ValueError", "of <e-mail>")
    assert line["error_text"] == "bad row: '***', <phone>, Bearer ***\n"
    assert line["error_at"].startswith("test_run_logs.py:")


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ('duplicate key value violates unique constraint "dim_patients_pkey"',) * 2,
        ('column "full_name" of relation "dim_patients" does not exist',) * 2,
        ('invalid input syntax for type date: "Иванова"', 'invalid input syntax for type date: "***"'),
        ("the patient's card isn't there",) * 2,
        ("a\nLINE 1: select 'Anna Smith'\n               ^", "a\n"),
        ("a DETAIL: Failing row contains (Anna, 1). b", "a "),
    ],
)
def test_what_a_database_quotes_of_rows_is_cut_and_names_of_tables_stay(said: str, left: str) -> None:
    assert without_rows(said) == left


def test_dbts_own_log_of_a_failed_build_keeps_what_failed_and_no_row(tmp_path: Path) -> None:
    log = tmp_path / "dbt.log"
    log.write_text(
        "\x1b[0m08:53:27.59 [info ] [Thread-1]: 1 of 2 START sql table model build.dim_patients\n"
        "\x1b[0m08:53:27.70 [error] [MainThread]:   Database Error in model dim_patients (models/dim_patients.sql)\n"
        '  no key for "Анна Иванова"\n'
        '  DETAIL:  Failing row contains (1, "Анна Иванова", {+79000000001}, note of\n'
        "  several lines of Пётр, x).\n"
        "  compiled code at target/run/dim_patients.sql\n"
        "\x1b[0m08:53:27.71 [info ] [MainThread]: Done. PASS=1 ERROR=1\n"
    )
    clean_logs(tmp_path)
    left = log.read_text()
    for gone in ("Анна", "Пётр", "Failing row", "+7900"):
        assert gone not in left
    for kept in ("START sql table model build.dim_patients", "models/dim_patients.sql", 'no key for "***"',
                 "compiled code at target/run/dim_patients.sql", "Done. PASS=1 ERROR=1"):  # fmt: skip
        assert kept in left


def test_a_command_logs_json_where_it_is_asked_to(city: City) -> None:
    asked = ["backfill", "--source", "nobody", "--from", "2026-01-01", "--to", "2026-01-02"]
    done = subprocess.run(
        [sys.executable, "-m", "runtime", *asked],
        env={**os.environ, "CHAIRSIDE_LOG_FORMAT": "json", "WAREHOUSE_URL": city.warehouse},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    said = [json.loads(line) for line in done.stderr.splitlines()]
    assert "There is no source 'nobody'" in said[-1]["event"]
    assert all(line["logger"] == "runtime" and line["level"] == "info" for line in said)
