"""One real day with everything that goes wrong, and all that it left in files, streams and messages: nobody is in it.

Airflow loads every source from the simulators while vendors fail and repeat what they were sent, PostgreSQL refuses
rows and quotes them, a model of dbt does, a gate refuses; then all goes well. Commands do their part. What is looked
through: every log file of the home (PostgreSQL, Airflow's parts and tasks, dbt), what commands print, what `ops` keeps
in words, what people are told.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from extractors.run import SECRET_SETTINGS
from runtime.airflow import connection_of, files_connection, running_airflow, warehouse_connection
from runtime.airflow_api import Airflow
from runtime.home import REPOSITORY, Home, open_home
from runtime.progress import Progress
from runtime.rounds import Follower, trigger_all
from runtime.supervise import Service
from runtime.warehouse import databases
from simulators.faults import Fault
from simulators.http import Response
from simulators.running import SIMULATORS, Simulators, quick_options, running_simulators
from simulators.world import build_world
from simulators.world.export import write_files
from tests.people_in_logs import kept_words, people_of
from tests.warehouse.receiver import Receiver, running_receiver
from warehouse import pipeline

FIRST, LAST = date(2026, 8, 1), date(2026, 8, 10)
BUILD = "build_warehouse"
# The vendors that fail, and with what; each repeats the token and people.
FAILING = {"calltouch": 500, "uis": 401, "amocrm": 400, "google_ads": 403, "fhir": 403}
# What PostgreSQL quotes when it refuses a row: names and phones of patients.
REFUSE_ROWS = "alter table staging.open_dental__patients add constraint none_today check (false) not valid"
QUOTING_MODEL = """
create or replace function ops.opaque_key(kind text, given text, salt text) returns text language plpgsql as $$
begin
    raise exception 'no key for "%"', (select min(full_name) from staging.ident__patients)
        using detail = (select 'Failing row contains ' || told::text from staging.ident__patients as told limit 1);
end $$
"""


@dataclass
class Day:
    """All that runs, and the texts that were collected."""

    home: Home
    warehouse: str
    simulators: Simulators
    airflow: Airflow
    parts: list[Service]
    chat: Receiver
    printed: dict[str, str]

    def run(self, run_id: str, confs: dict[str, dict[str, Any]]) -> dict[str, str]:
        """A run of each DAG, with these parameters, to its end; DAG to state."""
        return self.follow(self.trigger(run_id, confs))

    def trigger(self, run_id: str, confs: dict[str, dict[str, Any]]) -> list[tuple[str, str]]:
        return [run for dag, conf in confs.items() for run in trigger_all(self.airflow, [dag], run_id, conf)]

    def follow(self, runs: list[tuple[str, str]]) -> dict[str, str]:
        return Follower(self.airflow, Progress()).wait(runs, self.parts, seconds=900)

    def build(self, run_id: str) -> str:
        return self.run(run_id, {BUILD: {}})[BUILD]

    def command(self, *arguments: str) -> int:
        """A command of ours, its logs as JSON; what it prints is kept."""
        done = subprocess.run(
            [sys.executable, "-m", "runtime", *arguments],
            env={**os.environ, "CHAIRSIDE_HOME": str(self.home.root), "WAREHOUSE_URL": self.warehouse},
            cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=600,
        )  # fmt: skip
        self.printed[" ".join(arguments[:1])] = done.stdout + done.stderr
        return done.returncode

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.warehouse) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    home, progress = open_home({"CHAIRSIDE_HOME": str(tmp_path_factory.mktemp("logs") / "home")}), Progress()
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("CHAIRSIDE_MARTS_BY", "none")
        patch.setenv("CHAIRSIDE_LOG_FORMAT", "json")
        urls = stack.enter_context(databases(home, {}, progress, metadata=True))
        assert urls.metadata is not None
        pipeline.prepare(urls.warehouse)
        world = build_world(5, date_from=FIRST, days=10)
        simulators = stack.enter_context(running_simulators(world, options=quick_options()))
        chat = stack.enter_context(running_receiver())
        inbox = home.root / "inbox"
        write_files(world, inbox, SIMULATORS)
        connections = {
            "warehouse": warehouse_connection(urls.warehouse), "files": files_connection(inbox),
            "alerts_slack": {"conn_type": "http", "host": chat.url, "password": "T0/B0/secret-of-chat"},
        } | {
            name: connection_of(vendor["base_url"], vendor["token"], {
                **vendor["settings"], "requests_per_second": 0, "retry_base_seconds": 0.01, "poll_seconds": 0.01,
            })
            for name, vendor in simulators.endpoints.items()
        }  # fmt: skip
        airflow, parts = stack.enter_context(
            running_airflow(home, metadata_url=urls.metadata, connections=connections, progress=progress)
        )
        made = Day(home, urls.warehouse, simulators, airflow, parts, chat, {})
        spend_the_day(made)
        yield made


def echo(simulators: Simulators, source: str, status: int) -> Fault:
    """The vendor's answer to everything: all that it was sent, and two people."""
    endpoint = simulators.endpoints[source]
    given = {**endpoint["settings"], "token": endpoint["token"]}
    told = " ".join(
        [str(given[name]) for name in SECRET_SETTINGS if given.get(name)] + ["+79000000001", "anna@example.org"]
    )
    body = json.dumps({"error": told, "error_description": f"Bearer {told}", "message": told})
    return Fault("answer", source, times=-1, response=Response(status, body.encode(), "application/json"))


def spend_the_day(day: Day) -> None:
    # Deals and patients of before the story are found by asking for the years before it.
    confs: dict[str, dict[str, Any]] = {
        f"extract_{name}": {"date_from": vendor.first_day(FIRST).isoformat(), "date_to": LAST.isoformat()}
        for name, vendor in SIMULATORS.items()
    }
    confs["extract_files"] = {}
    # Vendors fail, one sends a row that nobody can read, PostgreSQL refuses the patients of another.
    for source, status in FAILING.items():
        day.simulators.faults.add(echo(day.simulators, source, status))
    day.simulators.state("bitrix24").rows["contacts"][0]["DATE_CREATE"] = "yesterday, called +79000000001"
    (day.home.root / "inbox" / "counterparties.csv").write_text(
        "name,phones,emails\nInvented Supplier,+79000000002;nobody,supplier@example.org\n,+79000000003,\n"
    )
    day.sql(REFUSE_ROWS)
    runs = day.trigger("first", confs)
    failed = "select distinct source from ops.loads where status = 'failed'"
    until(lambda: {row[0] for row in day.sql(failed)} >= {*FAILING, "open_dental"}, 600)
    # Those that fail in passing are tried again by Airflow, and find the vendor well.
    day.simulators.faults.clear()
    day.sql("alter table staging.open_dental__patients drop constraint none_today")
    states = day.follow(runs)
    assert (states["extract_uis"], states["extract_amocrm"]) == ("failed", "failed")
    assert states["extract_calltouch"] == "success"
    again = {dag: confs[dag] for dag, state in states.items() if state != "success"}
    assert set(day.run("second", again).values()) == {"success"}

    # The gate refuses; then a model fails and quotes a patient; then all is well.
    day.sql("update staging.files__clinics set time_zone = time_zone || '?'")
    assert day.build("refused") == "failed"
    day.sql("update staging.files__clinics set time_zone = rtrim(time_zone, '?')")
    (whole,) = day.sql("select pg_get_functiondef('ops.opaque_key(text, text, text)'::regprocedure)")[0]
    day.sql(QUOTING_MODEL)
    assert day.build("broken") == "failed"
    day.sql(whole)
    assert day.build("mended") == "success"

    # Commands, one of which fails, and people who sign in.
    day.sql("select access.add_employee('logs_reader', 'Invented Reader', null, null)")
    day.sql("select access.allow('logs_reader', 'marts', personal_data => true)")
    assert day.command("load", "--inbox", str(day.home.root / "inbox")) == 0
    assert day.command("quarantine") == 0
    assert day.command("status") == 0
    assert day.command("backfill", "--source", "nobody", "--from", "2026-08-01", "--to", "2026-08-02") == 1
    assert day.command("export", "--report", "no_such_report") == 1
    day.airflow.pause("watch", paused=False)
    day.airflow.trigger("watch", "now", {})
    until(lambda: day.chat.taken)
    # A statement of an employee that fails, with a patient in it.
    with pytest.raises(psycopg.Error), psycopg.connect(day.warehouse) as connection:
        connection.execute("select 'Invented Person +79000000001'::date, from_nowhere")


def until(what: Callable[[], object], seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.5)


def collected(day: Day) -> dict[str, str]:
    """All texts by where they were: log files of the home, what was printed, kept in words, told."""
    texts = {
        str(path.relative_to(day.home.root)): path.read_text(encoding="utf-8", errors="replace")
        for path in sorted(day.home.root.rglob("*"))
        if path.is_file() and (path.suffix == ".log" or "logs" in path.relative_to(day.home.root).parts)
        # what the server keeps its rows in, and the reports of GX, are no logs
        and "postgres" not in path.relative_to(day.home.root).parts[:1]
    }
    texts |= {f"printed by {name}": text for name, text in day.printed.items()}
    texts["ops"] = kept_words(day.warehouse)
    texts["chat"] = "\n".join(json.dumps(body, ensure_ascii=False) for _, body in day.chat.taken)
    return texts


def hidden(day: Day) -> dict[str, str]:
    """What must be in none of them, by what it is: people, as landed and as written otherwise; secrets."""
    people = people_of(day.warehouse) | {"+79000000001", "+79000000002", "+79000000003", "anna@example.org"}
    wanted = dict.fromkeys(people, "a person")
    # however a phone is written, its last ten digits stay together or are parted by signs
    wanted |= {person[-10:]: "a phone" for person in people if re.fullmatch(r"\+\d{11}", person)}
    wanted |= {
        word: "a surname" for person in people if re.fullmatch(r"[^\W\d_]+( [^\W\d_]+)+", person)
        for word in person.split()[:1] if len(word) > 5
    }  # fmt: skip
    for source, endpoint in day.simulators.endpoints.items():
        given = {**endpoint["settings"], "token": endpoint["token"]}
        wanted |= {str(given[name]): f"{source}: {name}" for name in SECRET_SETTINGS if given.get(name)}
    for path in (day.home.root / "secrets").iterdir():
        secret = path.read_text().strip()
        wanted |= dict.fromkeys(json.loads(secret).values() if secret.startswith("{") else [secret], path.name)
    wanted["secret-of-chat"] = "the chat's address"
    wanted[str(urlsplit(day.warehouse).password)] = "the warehouse's password"
    wanted |= {row[0]: "an employee's password" for row in day.sql("select access.login_password('logs_reader')")}
    return {text: what for text, what in wanted.items() if len(text) > 5}


def found_in(texts: dict[str, str], wanted: dict[str, str]) -> list[tuple[str, str, str]]:
    """Where something is that must not be: place, what it is, the line (all people here are invented)."""
    any_of = re.compile("|".join(re.escape(text) for text in sorted(wanted, key=len, reverse=True)))
    return [
        (place, wanted[match.group()], line[:400])
        for place, text in texts.items()
        for line in text.splitlines()
        if (match := any_of.search(line))
    ]


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_no_person_and_no_secret_is_in_anything_that_a_day_of_failures_leaves(day: Day) -> None:
    texts, wanted = collected(day), hidden(day)
    assert len(wanted) > 300
    sizes = {place: len(text) for place, text in texts.items() if text}
    for part in ("logs/postgres.log", "logs/airflow-scheduler.log", "dbt_target/dbt.log", "ops", "chat"):
        assert sizes.get(part), f"{part} is empty: nothing was proved. There are: {sorted(sizes)}"
    assert len([place for place in sizes if place.startswith("airflow/logs/dag_id=")]) > 60
    # the failures are there, in words
    whole = "\n".join(texts.values())
    for said in ("none_today", "HTTP 500", "HTTP 401", "no key for", "rejected"):
        assert said in whole, said
    found = found_in(texts, wanted)
    assert not found, "\n".join(f"{place}: {what}: {line}" for place, what, line in found[:20])


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_the_search_finds_a_person_and_a_secret_wherever_they_are(day: Day) -> None:
    wanted = hidden(day)
    person = next(text for text, what in wanted.items() if what == "a person" and text.startswith("+"))
    token = next(text for text, what in wanted.items() if what.endswith("token"))
    log = day.home.logs / "airflow-scheduler.log"
    before = log.stat().st_size
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"event": f"asked for {person}"}) + "\n" + f"GET /calls?key={token}\n")
    try:
        assert [what for _, what, _ in found_in(collected(day), wanted)][:2] == ["a person", wanted[token]]
    finally:
        os.truncate(log, before)


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_our_lines_are_objects_with_a_moment_a_level_and_words(day: Day) -> None:
    """What commands log, and every line of a task; Airflow's own parts where they log at all."""
    for place, text in collected(day).items():
        if place.startswith("airflow/logs/dag_id="):
            for line in text.splitlines():
                assert {"timestamp", "event"} <= set(json.loads(line)), f"{place}: {line[:200]}"
        if place.startswith("printed by"):
            logged = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
            assert all({"at", "level", "logger", "event"} <= set(line) for line in logged), place
            assert logged or "status" in place or "quarantine" in place, place
