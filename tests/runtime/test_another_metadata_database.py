"""What a home remembers of Airflow's and Superset's databases holds for these very databases."""

from __future__ import annotations

import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from runtime import airflow, superset
from runtime.home import Home, open_home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return open_home({"CHAIRSIDE_HOME": str(tmp_path / "home")})


def made_anew(url: str) -> None:
    """Another database under the same address, as after a volume was removed."""
    parts = urlsplit(url)
    name = parts.path.strip("/")
    with psycopg.connect(parts._replace(path="/postgres").geturl(), autocommit=True) as admin:
        admin.execute(f"drop database {name}")
        admin.execute(f"create database {name} template template0")


def test_tables_are_made_where_the_database_is_another_one_under_the_same_name(
    home: Home, fresh_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def migrated(command: object, **_: object) -> subprocess.CompletedProcess[bytes]:
        asked.append(command)
        return subprocess.CompletedProcess([], 0)

    monkeypatch.setattr(subprocess, "run", migrated)
    airflow.migrate_metadata(home, {}, fresh_database)
    airflow.migrate_metadata(home, {}, fresh_database)
    assert len(asked) == 1
    dashboards = superset.fingerprint(fresh_database)
    assert superset.fingerprint(fresh_database) == dashboards
    home.remember(scheduled=["watch"])

    made_anew(fresh_database)
    airflow.migrate_metadata(home, {}, fresh_database)
    assert len(asked) == 2
    assert "scheduled" not in home.state(), "its DAGs are new, and paused: nobody paused them"
    assert superset.fingerprint(fresh_database) != dashboards


def test_a_dag_that_somebody_paused_stays_so_over_an_upgrade(
    home: Home, fresh_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0))
    for version in ("3.3.2", "3.3.3"):
        monkeypatch.setattr(airflow, "version", lambda _package, version=version: version)
        airflow.migrate_metadata(home, {}, fresh_database)
        home.remember(scheduled=["watch"])
    assert home.state()["scheduled"] == ["watch"]
    # a home of before, which knew its database by name only
    home.remember(airflow_metadata="3.3.1 airflow", airflow_database=None)
    airflow.migrate_metadata(home, {}, fresh_database)
    assert home.state()["scheduled"] == ["watch"]
