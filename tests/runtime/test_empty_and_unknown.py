"""A command on an empty warehouse, or about something that is not there, says so and what to do."""

from __future__ import annotations

import os
from pathlib import Path

import psycopg
import pytest

from extractors.core.errors import ConfigError
from runtime.__main__ import main, parser, run
from runtime.home import open_home
from runtime.look import first_question, where_to_look
from runtime.progress import Progress
from warehouse import libpq
from warehouse.dbt import dbt_environment
from warehouse.migrate import migrate

FILLS = "the warehouse is empty; `make demo` or `make load INBOX=<folder>` fills it"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CHAIRSIDE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def refusal(monkeypatch: pytest.MonkeyPatch, url: str, arguments: str) -> str:
    monkeypatch.setenv("WAREHOUSE_URL", url)
    with pytest.raises(ConfigError) as refused:
        run(parser().parse_args(arguments.split()), Progress())
    return str(refused.value)


@pytest.mark.usefixtures("home")
def test_an_empty_warehouse_is_named_as_such(monkeypatch: pytest.MonkeyPatch, fresh_database: str) -> None:
    monkeypatch.setenv("METABASE_API_KEY", "x")
    for arguments in (
        "fix --id 5 --set a=b", "dismiss --id 5 --why x", "refused", "refused --id 9", "release --why x",
        "release --id 4 --why x", "discard --why x", "psql --role anna", "url --role anna", "sign-in --role anna",
        "rotate-logins", "export --report ad_payback", "export --report ad_payback --role anna",
        "backup --out /nowhere", "docs", "data-docs", "metabase --url http://127.0.0.1:1",
    ):  # fmt: skip
        assert refusal(monkeypatch, fresh_database, arguments) == FILLS, arguments


def test_a_row_that_the_warehouse_refuses_is_not_quoted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], fresh_database: str
) -> None:
    def refuse(*_: object) -> int:
        with psycopg.connect(fresh_database) as connection:
            connection.execute("create temporary table people (phone text check (length(phone) < 9))")
            connection.execute("insert into people values ('+79990000001')")
        return 0

    monkeypatch.setattr("runtime.__main__.run", refuse)
    monkeypatch.setattr("runtime.__main__.leave_on_signals", lambda: None)
    assert main(["status"]) == 1
    said = capsys.readouterr().err
    assert 'status: the warehouse refused a statement (23514: new row for relation "people" violates' in said
    assert "+7999" not in said


def test_new_passwords_refused_leave_the_old_ones(
    monkeypatch: pytest.MonkeyPatch, home: Path, fresh_database: str
) -> None:
    """Otherwise Superset's bridge would have a secret that its server never heard of."""
    opened = open_home({"CHAIRSIDE_HOME": str(home)})
    secret = opened.secret("superset_bridge", size=32)
    refusal(monkeypatch, fresh_database, "rotate-logins")
    assert opened.secret("superset_bridge", size=32) == secret
    assert sorted(path.name for path in (home / "secrets").iterdir()) == ["superset_bridge"]


@pytest.mark.usefixtures("home")
def test_what_is_not_there_is_refused_with_what_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], fresh_database: str
) -> None:
    migrate(fresh_database)
    for arguments, said in (
        ("replay --source calltuch", "There is no source 'calltuch'. Known: aggregators, amocrm, "),
        ("quarantine --source calltuch", "There is no source 'calltuch'. Known: aggregators, amocrm, "),
        ("quarantine --id 9999", "No row 9999 waits. `make quarantine` lists those that do."),
        ("replay --id 9999", "No row 9999 waits. `make quarantine` lists those that do."),
        ("dismiss --id 9999 --why x", "No row 9999 waits. `make quarantine` lists those that do."),
        ("refused --id 9999", "There is no refusal 9999. `make refused` shows what waits"),
        ("release --id 9999 --why x", "refusal 9999 does not exist. make refused shows what waits"),
        ("psql --role nobody_at_all", "select access.add_employee(…)"),
        ("sign-in --role nobody_at_all", "select access.add_employee(…)"),
        ("export --report ad_payback --role nobody_at_all", "select access.add_employee(…)"),
        ("export --report ad_payback", "There is no report 'ad_payback'. Known: none yet: nothing was published"),
    ):
        assert said in refusal(monkeypatch, fresh_database, arguments), arguments

    # a place that cannot be written
    monkeypatch.setattr("runtime.__main__.leave_on_signals", lambda: None)
    assert main(["backup", "--out", "/proc/backups"]) == 1
    assert "backup: /proc/backups: No such file or directory. Name a place" in capsys.readouterr().err


@pytest.mark.usefixtures("home")
def test_an_upgraded_program_over_an_older_warehouse_says_what_brings_it_up_to_date(
    monkeypatch: pytest.MonkeyPatch, fresh_database: str
) -> None:
    with psycopg.connect(fresh_database) as owner:
        owner.execute("create schema ops; create table ops.steps ()")
    told = refusal(monkeypatch, fresh_database, "refused")
    assert "the next load brings it up to date: docs/how_to/upgrade.md" in told


def test_programs_and_dbt_check_the_server_as_the_url_says(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgresql://me:x@db.example/w?sslmode=verify-full&sslrootcert=/ca.pem&options=-c%20role%3Downer"
    monkeypatch.setenv("PGSSLMODE", "disable")
    monkeypatch.setenv("PGHOSTADDR", "203.0.113.1")
    given = libpq.environment(url)
    assert (given["PGSSLMODE"], given["PGSSLROOTCERT"], given["PGHOST"]) == ("verify-full", "/ca.pem", "db.example")
    assert "PGHOSTADDR" not in given
    with dbt_environment(url, PGOPTIONS=libpq.with_options(url, "-c jit=off")):
        assert (os.environ["DBT_HOST"], os.environ["PGSSLMODE"]) == ("db.example", "verify-full")
        assert (os.environ["PGSSLROOTCERT"], os.environ["PGOPTIONS"]) == ("/ca.pem", "-c role=owner -c jit=off")
    assert (os.environ["PGSSLMODE"], "PGSSLROOTCERT" in os.environ) == ("disable", False)


def test_where_to_look_asks_about_days_that_are_there(
    monkeypatch: pytest.MonkeyPatch, home: Path, fresh_database: str
) -> None:
    opened = open_home({"CHAIRSIDE_HOME": str(home)})
    monkeypatch.delenv("WAREHOUSE_URL", raising=False)
    assert "no inquiries are published yet: make load INBOX=<folder>" in where_to_look(opened, fresh_database, "")
    with psycopg.connect(fresh_database) as owner:
        owner.execute("create schema marts")
        owner.execute("create table marts.fct_inquiries (local_date date)")
        owner.execute("insert into marts.fct_inquiries values ('2026-06-01'), ('2026-06-10')")
    asked = "select * from reports.channels_and_sources('2026-06-01', '2026-06-10');"
    assert f"  SQL        CHAIRSIDE_HOME={home} make psql\n             {asked}\n" in where_to_look(
        opened, fresh_database, ""
    )
    monkeypatch.setenv("WAREHOUSE_URL", fresh_database)
    assert f"`CHAIRSIDE_HOME={home} WAREHOUSE_URL=… make psql`: {asked}" in first_question(opened, fresh_database)
