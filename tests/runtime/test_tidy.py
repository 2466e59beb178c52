"""A home that serves for years does not grow by what nobody reads any more."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from runtime import tidy
from runtime.airflow import environment
from runtime.home import Home, open_home
from runtime.progress import Progress
from runtime.supervise import ProcessFailed

NOW = datetime(2026, 11, 1, 5, tzinfo=UTC)
OLD = NOW - timedelta(days=91)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return open_home({"CHAIRSIDE_HOME": str(tmp_path / "home")})


def aged(path: Path, at: datetime) -> Path:
    os.utime(path, (at.timestamp(), at.timestamp()))
    return path


def test_once_a_day_and_not_on_the_first(home: Home) -> None:
    assert not tidy.is_due(home, NOW)
    assert not tidy.is_due(home, NOW + timedelta(hours=23))
    assert tidy.is_due(home, NOW + timedelta(hours=24))
    assert not tidy.is_due(home, NOW + timedelta(hours=25))


def test_beside_what_serves_a_failure_is_said_and_ends_nothing(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tried = threading.Event()

    def fails(*_: object) -> None:
        tried.set()
        raise ProcessFailed("Airflow's tables are locked")

    monkeypatch.setattr(tidy, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(tidy, "tidy", fails)
    home.remember(tidied=(datetime.now(UTC) - timedelta(days=2)).isoformat())
    with tidy.tidied_daily(home, {}, Progress()):
        assert tried.wait(10)
    assert "old runs and logs were not removed: Airflow's tables are locked" in capsys.readouterr().err
    assert datetime.fromisoformat(home.state()["tidied"]) > datetime.now(UTC) - timedelta(minutes=1)


def test_logs_of_old_tasks_go_with_their_folders_and_younger_ones_stay(home: Home) -> None:
    kept, gone = home.airflow / "logs" / "dag_id=watch" / "run=2", home.airflow / "logs" / "dag_id=watch" / "run=1"
    for folder in (kept, gone):
        folder.mkdir(parents=True)
        (folder / "attempt=1.log").write_text("x")
    aged(gone / "attempt=1.log", OLD)
    tidy.remove_older(home.airflow / "logs", NOW - timedelta(days=90))
    assert (kept / "attempt=1.log").exists() and not (gone / "attempt=1.log").exists()
    aged(gone, OLD)
    tidy.remove_older(home.airflow / "logs", NOW - timedelta(days=90))
    assert kept.exists() and not gone.exists()


def test_a_long_log_begins_anew_while_its_service_writes_and_reads_of_personal_data_stay(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("warehouse.long_logs.LONGEST_LOG", 10)
    for name in ("airflow-scheduler.log", "postgres.log"):
        (home.logs / name).write_text("more than ten bytes\n")
    with (home.logs / "airflow-scheduler.log").open("ab", buffering=0) as service:
        tidy.tidy(home, {tidy.SETTING: "none"}, NOW, threading.Event())
        service.write(b"on\n")
    assert (home.logs / "airflow-scheduler.log").read_text() == "on\n"
    assert (home.logs / "airflow-scheduler.log.1").read_text() == "more than ten bytes\n"
    assert (home.logs / "postgres.log").read_text() == "more than ten bytes\n"


@pytest.mark.slow
def test_airflow_forgets_old_runs_but_the_newest_of_each_dag(home: Home, fresh_database: str) -> None:
    environ = environment(home, metadata_url=fresh_database, port=0, connections={})
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], env=environ, check=True, capture_output=True)
    with psycopg.connect(fresh_database) as connection:
        for number, at in enumerate((OLD - timedelta(days=1), OLD)):
            connection.execute(
                "insert into dag_run (dag_id, run_id, run_type, state, start_date, run_after, queued_at, clear_number,"
                " log_template_id, span_status) values ('watch', %s, 'scheduled', 'success', %s, %s, %s, 0, null, 'x')",
                (f"run {number}", at, at, at),
            )
    tidy.tidy(home, environ, NOW, threading.Event())
    with psycopg.connect(fresh_database) as connection:
        assert connection.execute("select run_id from dag_run").fetchall() == [("run 1",)]
