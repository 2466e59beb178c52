"""The embedded server: two instances side by side, shared by its users, gone with the last of them."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from extractors.core.errors import ConfigError
from runtime.home import REPOSITORY, Home, open_home, own_folder
from runtime.postgres import running_server
from runtime.programs import client_folder, find_programs, major_version
from runtime.progress import Progress
from tests.runtime.processes import eventually, processes_of

SMALL = {"shared_buffers": "16MB", "fsync": "off"}

USER = """
import sys, time
from runtime.home import open_home
from runtime.postgres import running_server
from runtime.progress import Progress
home = open_home({"CHAIRSIDE_HOME": sys.argv[1]})
with running_server(home, Progress(), settings={"shared_buffers": "16MB"}) as server:
    print(server.url(), flush=True)
    time.sleep(600)
"""

REMEMBERER = """
import sys
from pathlib import Path
from runtime.home import open_home
home = open_home({"CHAIRSIDE_HOME": sys.argv[1]})
(Path(sys.argv[1]) / sys.argv[2]).read_text()
for number in range(50):
    home.remember(**{sys.argv[2] + str(number): number})
"""


def home_in(folder: Path) -> Home:
    return open_home({"CHAIRSIDE_HOME": str(folder)})


def start_user(folder: Path) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, "-c", USER, str(folder)], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def test_two_instances_run_side_by_side_and_leave_nothing(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    with (
        running_server(home_in(one), Progress(), settings=SMALL) as first,
        running_server(home_in(two), Progress(), settings=SMALL) as second,
    ):
        assert first.port != second.port
        with psycopg.connect(first.url()) as connection:
            connection.execute("create table only_here (x int)")
        with psycopg.connect(second.url()) as connection:
            assert connection.execute("select to_regclass('only_here')").fetchone() == (None,)
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(first.url(password=second.password))
    assert processes_of(tmp_path) == []
    with (
        running_server(home_in(one), Progress(), settings=SMALL) as again,
        psycopg.connect(again.url()) as connection,
    ):
        assert connection.execute("select to_regclass('only_here')::text").fetchone() == ("only_here",)


def test_secrets_are_for_the_owner_alone(tmp_path: Path) -> None:
    home = home_in(tmp_path / "home")
    assert home.secret("anything") == home.secret("anything") != home.secret("else")
    assert stat.S_IMODE((home.root / "secrets" / "anything").stat().st_mode) == 0o600
    assert stat.S_IMODE(home.root.stat().st_mode) == 0o700


def test_what_a_killed_command_left_is_no_obstacle_to_a_secret(tmp_path: Path) -> None:
    home = home_in(tmp_path)
    (tmp_path / "secrets" / f".anything.{os.getpid()}").touch()
    assert home.secret("anything") == home.secret("anything") != ""


def test_commands_that_remember_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    home = home_in(tmp_path)
    for name in ("a", "b"):
        os.mkfifo(tmp_path / name)
    others = [
        subprocess.Popen([sys.executable, "-c", REMEMBERER, str(tmp_path), name], cwd=REPOSITORY) for name in ("a", "b")
    ]
    for name in ("a", "b"):
        (tmp_path / name).write_text("begin")  # both are ready by now
    assert [other.wait() for other in others] == [0, 0]
    assert len(home.state()) == 100


def test_a_server_is_shared_and_outlives_the_command_that_started_it(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    starter, url = start_user(folder)
    with running_server(home_in(folder), Progress()) as server:
        assert server.url() == url
        starter.send_signal(signal.SIGKILL)
        starter.wait()
        time.sleep(0.3)
        with psycopg.connect(server.url()) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
    assert processes_of(folder) == []


def test_a_killed_owner_takes_its_server_along_and_the_data_survive(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    owner, url = start_user(folder)
    with psycopg.connect(url) as connection:
        connection.execute("create table kept as select 42 as answer")
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    assert eventually(lambda: processes_of(folder) == []), processes_of(folder)
    with running_server(home_in(folder), Progress()) as server, psycopg.connect(server.url()) as connection:
        assert connection.execute("select answer from kept").fetchone() == (42,)


def test_a_server_that_crashed_recovers_and_a_stale_pid_file_is_no_obstacle(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    owner, url = start_user(folder)
    with psycopg.connect(url) as connection:
        connection.execute("create table kept as select 42 as answer")
    pid_file = home_in(folder).postgres / "postmaster.pid"
    lines = pid_file.read_text().splitlines(keepends=True)
    os.kill(int(lines[0]), signal.SIGKILL)
    owner.kill()
    owner.wait()
    assert eventually(lambda: processes_of(folder) == []), processes_of(folder)
    # After a restart of the machine that number belongs to another program: here, to this one.
    pid_file.write_text("".join([f"{os.getpid()}\n", *lines[1:]]))
    with running_server(home_in(folder), Progress()) as server, psycopg.connect(server.url()) as connection:
        assert connection.execute("select answer from kept").fetchone() == (42,)


def test_a_home_with_a_very_long_path_still_works(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30) / "home"
    with running_server(home_in(folder), Progress(), settings=SMALL) as server:
        assert server.port > 0


def test_a_folder_that_somebody_else_made_for_us_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where anybody may make folders: root would give its files away by a link that lies there already."""
    assert stat.S_IMODE(own_folder(tmp_path / "ours", mode=0o711).stat().st_mode) == 0o711
    (tmp_path / "link").symlink_to(tmp_path / "ours")
    with pytest.raises(ConfigError, match="link belongs to somebody else"):
        own_folder(tmp_path / "link", mode=0o711)
    ours = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: ours + 1)
    with pytest.raises(ConfigError, match="ours belongs to somebody else"):
        own_folder(tmp_path / "ours", mode=0o711)


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives its power away")
def test_root_without_user_namespaces_runs_the_server_as_nobody(tmp_path: Path) -> None:
    with (
        running_server(home_in(tmp_path / "home"), Progress(), settings=SMALL, allow_namespace=False) as server,
        psycopg.connect(server.url()) as connection,
    ):
        row = connection.execute("select current_setting('data_directory')").fetchone()
        assert row is not None and Path(row[0]).owner() == "nobody"
    shutil.rmtree(Path(row[0]).parent)


def test_client_programs_are_the_server_s_own_release_where_the_machine_has_it(tmp_path: Path) -> None:
    """Packages of clients alone have no initdb, and are no server's programs."""
    folders = []
    for major in (18, 15):
        folder = tmp_path / str(major)
        folder.mkdir()
        for name in ("pg_dump", "pg_restore"):
            (folder / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {major}.4'\n")
            (folder / name).chmod(0o755)
        folders.append(folder)
    assert client_folder(15, folders) == tmp_path / "15"
    assert client_folder(18, folders) == tmp_path / "18"
    assert client_folder(16, folders) == find_programs().folder
    assert major_version(tmp_path / "15") is None
