"""The commands as a newcomer types them, each in a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from runtime.home import REPOSITORY
from tests.runtime.processes import processes_of

JUNE = REPOSITORY / "tests" / "cases" / "june"


def command(
    home: Path, *arguments: str, warehouse: str | None = None, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    environ = {key: value for key, value in os.environ.items() if key != "WAREHOUSE_URL"}
    environ |= {"CHAIRSIDE_HOME": str(home)} | ({"WAREHOUSE_URL": warehouse} if warehouse else {})
    return subprocess.run(
        [sys.executable, "-m", "runtime", *arguments],
        cwd=REPOSITORY,
        env=environ,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def test_a_folder_becomes_marts_and_a_broken_file_fails_the_command_alone(tmp_path: Path) -> None:
    home, inbox = tmp_path / "home", tmp_path / "inbox"
    shutil.copytree(JUNE, inbox)
    first = command(home, "load", "--inbox", str(inbox))
    assert first.returncode == 0, first.stderr
    assert processes_of(tmp_path) == []
    june = "reports.channels_and_sources('2026-06-01', '2026-06-30')"
    asked = f"\\pset tuples_only on\nselect sum(inquiries) > 0 from {june};"
    assert command(home, "psql", stdin=asked).stdout.split()[-1] == "t"
    steps = command(
        home, "psql", stdin="\\pset tuples_only on\nselect step from ops.steps where status = 'done' order by 1;"
    )
    assert {"build", "check_landed", "check_marts", "lints", "load_files", "publish"} <= set(steps.stdout.split())

    (inbox / "payments_2026-07.xlsx").write_bytes(b"this is no workbook")
    second = command(home, "load", "--inbox", str(inbox))
    assert second.returncode != 0
    assert "payments_2026-07.xlsx" in second.stderr
    assert processes_of(tmp_path) == []


def test_a_given_server_is_used_and_no_other_started(tmp_path: Path, fresh_database: str) -> None:
    answer = command(tmp_path / "home", "url", warehouse=fresh_database)
    assert answer.stdout.strip() == fresh_database
    assert not (tmp_path / "home" / "postgres").exists()
    answer = command(tmp_path / "home", "psql", warehouse=fresh_database, stdin="create table written_here ();")
    assert answer.returncode == 0, answer.stderr
    with psycopg.connect(fresh_database) as connection:
        assert connection.execute("select to_regclass('written_here')::text").fetchone() == ("written_here",)


def test_an_address_that_was_asked_for_answers_until_down(tmp_path: Path) -> None:
    home = tmp_path / "home"
    try:
        url = command(home, "url").stdout.strip()
        with psycopg.connect(url) as connection:
            row = connection.execute(
                "select current_user, rolsuper, rolcreaterole from pg_roles where rolname = current_user"
            ).fetchone()
        assert row == ("chairside", False, True)
        assert command(home, "url").stdout.strip() == url
    finally:
        assert command(home, "down").returncode == 0
    assert processes_of(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(("load", "--inbox", "/there/is/no/such/folder"), "There is no folder", id="no inbox"),
        pytest.param(
            ("backfill", "--source", "x", "--from", "2026-01-01", "--to", "2026-01-02"), "no source", id="source"
        ),
        pytest.param(
            ("export", "--report", "x", "--from", "2026-01-02", "--to", "2026-01-01"), "is before FROM", id="period"
        ),
    ],
)
def test_a_mistake_is_one_clear_line(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    answer = command(tmp_path / "home", *arguments)
    assert answer.returncode == 1
    assert said in answer.stderr
    assert "Traceback" not in answer.stderr


def test_an_unreachable_server_is_named_without_its_password(tmp_path: Path) -> None:
    answer = command(tmp_path / "home", "status", warehouse="postgresql://me:sesame@127.0.0.1:1/nothing")
    assert answer.returncode == 1
    assert "WAREHOUSE_URL" in answer.stderr
    assert "Connection refused" in answer.stderr
    assert "sesame" not in answer.stderr + answer.stdout


def test_a_home_that_cannot_be_is_one_clear_line() -> None:
    answer = command(Path("/proc/chairside"), "status")
    assert answer.returncode == 1
    assert "CHAIRSIDE_HOME=/proc/chairside cannot be used" in answer.stderr
    assert "Traceback" not in answer.stderr
