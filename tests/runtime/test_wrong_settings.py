"""A setting that is none is refused at once and by name, and a start that is stopped leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from extractors.core.errors import ConfigError
from runtime import superset
from runtime.__main__ import main
from runtime.airflow import LOCK
from runtime.home import REPOSITORY, open_home
from runtime.progress import Progress
from runtime.serve import sole
from runtime.settings import AIRFLOW_PORT, BI_PORT, require_settings, wanted_port
from tests.runtime.processes import processes_of


@pytest.fixture
def own_signals() -> Iterator[None]:
    """A command takes the signals of its process, which is pytest's here."""
    kept = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)}
    yield
    for each, handler in kept.items():
        signal.signal(each, handler)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("CHAIRSIDE_SCHEDULE", "every day", "is no cron expression"),
        ("CHAIRSIDE_SCHEDULE_CALLTOUCH", "0 25 * * *", "is no cron expression"),
        ("CHAIRSIDE_SCHEDULE_CALLTOUC", "0 5 * * *", "there is no source 'calltouc'. Known: aggregators"),
        ("CHAIRSIDE_FALLBACK_SCHEDULE", "none", "is no cron expression"),
        ("CHAIRSIDE_SOURCES", "files,calltouc", "there is no source 'calltouc'"),
        ("CHAIRSIDE_TIME_ZONE", "Europe/Moskow", "is no time zone"),
        ("CHAIRSIDE_MARTS_BY", "nine", "is an hour of the day"),
        ("CHAIRSIDE_ALERT_REPEAT_HOURS", "daily", "is a number"),
        ("CHAIRSIDE_KEEP_RUNS_DAYS", "a year", "is no number of days"),
    ],
)
def test_a_setting_that_is_none_is_refused_by_name(name: str, value: str, said: str) -> None:
    with pytest.raises(ConfigError, match=name) as refused:
        require_settings({name: value})
    assert said in str(refused.value)


def test_settings_as_the_page_has_them_are_taken() -> None:
    require_settings({
        "CHAIRSIDE_SCHEDULE": "none", "CHAIRSIDE_SCHEDULE_UIS": "*/30 * * * *",
        "CHAIRSIDE_FALLBACK_SCHEDULE": "0 8 * * *", "CHAIRSIDE_SOURCES": "files, calltouch",
        "CHAIRSIDE_TIME_ZONE": "Asia/Yekaterinburg",
    })  # fmt: skip
    require_settings({})
    assert wanted_port({}, AIRFLOW_PORT) is None


def test_a_port_that_somebody_has_is_refused_by_name() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(ConfigError, match=r"CHAIRSIDE_AIRFLOW_PORT=\d+: another program listens"):
            wanted_port({AIRFLOW_PORT: str(other.getsockname()[1])}, AIRFLOW_PORT)
    with pytest.raises(ConfigError, match="is no port"):
        wanted_port({AIRFLOW_PORT: "abc"}, AIRFLOW_PORT)


def test_a_port_that_is_none_leaves_out_superset_alone_and_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("install", "open_bridge", "environment", "prepare"):
        monkeypatch.setattr(superset, name, lambda *_, **__: {})
    monkeypatch.setenv(BI_PORT, "80a")
    home = open_home({"CHAIRSIDE_HOME": str(tmp_path)})
    given = "postgresql://nobody@127.0.0.1:1/none"
    with superset.running_superset(home, metadata_url=given, warehouse=given, progress=Progress()) as pending:
        assert pending.ready() is None
    assert f"Superset is not running: {BI_PORT}=80a is no port" in capsys.readouterr().err


@pytest.mark.usefixtures("own_signals")
@pytest.mark.parametrize("command", ["demo", "up", "backfill --source uis --from 2026-08-01 --to 2026-08-02"])
def test_a_second_airflow_in_a_home_is_refused_before_it_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    monkeypatch.setenv("CHAIRSIDE_HOME", str(tmp_path))
    monkeypatch.delenv("CHAIRSIDE_SIMULATORS", raising=False)
    with sole(open_home(os.environ).run / LOCK) as alone:
        assert alone
        assert main(command.split()) == 1
    assert f"another command runs Airflow in this home (process {os.getpid()})" in capsys.readouterr().err
    assert not (tmp_path / "postgres").exists()


def test_a_start_that_is_stopped_takes_back_what_it_began(tmp_path: Path) -> None:
    home = tmp_path / "home"
    environ = {name: value for name, value in os.environ.items() if name != "WAREHOUSE_URL"}
    starting = subprocess.Popen(
        [sys.executable, "-m", "runtime", "up"], cwd=REPOSITORY, stderr=subprocess.PIPE, text=True,
        env=environ | {"CHAIRSIDE_HOME": str(home), "CHAIRSIDE_BI": "off"},
        # A shell that starts something in the background has it ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    try:
        lock = home / "run" / "serve.lock"
        while starting.poll() is None and not (lock.exists() and lock.read_text()):
            time.sleep(0.02)
        starting.send_signal(signal.SIGINT)
        told = starting.communicate(timeout=120)[1]
    finally:
        starting.kill()
    assert starting.returncode == 130, told
    assert "stopping what was being started" in told
    assert processes_of(tmp_path) == []
