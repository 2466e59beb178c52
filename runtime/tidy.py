"""What a home that serves for years leaves behind: Airflow's old runs, logs of tasks and services.

Looked after once a day, as long as Airflow runs. `CHAIRSIDE_KEEP_RUNS_DAYS` (90; `none`: for ever) is how long Airflow
remembers a run and keeps its logs. What loads noted in the warehouse has settings of its own (docs/how_to/run_it.md).
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from extractors.core.errors import ConfigError
from runtime.home import Home
from runtime.progress import Progress
from runtime.supervise import ProcessFailed, guarded, stop_services
from warehouse.long_logs import begin_anew_if_long

SETTING = "CHAIRSIDE_KEEP_RUNS_DAYS"
KEEP_DAYS = 90
LOOK_SECONDS = 1800.0
# With a run go its tasks. The newest run of each DAG stays: Airflow knows the next one by it.
TABLES = "dag_run,log,job,asset_event"
# Reads of personal data are collected from it: the step of a build that collects them bounds it
# (warehouse/personal_reads.py), so that none is let go that nobody collected.
NOT_OURS = ("postgres.log",)


def keep_days(environ: Mapping[str, str]) -> int | None:
    """How many days of Airflow's runs are kept; null: all. Raises ConfigError."""
    said = environ.get(SETTING) or str(KEEP_DAYS)
    if said.lower() == "none":
        return None
    if not said.isdecimal() or int(said) < 1:
        raise ConfigError(f"{SETTING}={said} is no number of days; e.g. {KEEP_DAYS}, or `none`: runs are kept for ever")
    return int(said)


@contextmanager
def tidied_daily(home: Home, environ: Mapping[str, str], progress: Progress) -> Iterator[None]:
    """Tidy once a day during the block; what does not succeed is said and tried again the next day."""
    stopped = threading.Event()

    def look() -> None:
        while not stopped.wait(LOOK_SECONDS):
            if is_due(home, now := datetime.now(UTC)):
                try:
                    tidy(home, environ, now, stopped)
                except (ProcessFailed, OSError) as error:
                    progress.say(f"old runs and logs were not removed: {error}")

    looking = threading.Thread(target=look, name="tidy", daemon=True)
    looking.start()
    try:
        yield
    finally:
        stopped.set()
        looking.join()


def is_due(home: Home, now: datetime) -> bool:
    """Whether the last time is a day ago; remembers this one. The first day of a home has nothing to tidy."""
    last = home.state().get("tidied")
    due = last is not None and now - datetime.fromisoformat(last) >= timedelta(days=1)
    if last is None or due:
        home.remember(tidied=now.isoformat(timespec="seconds"))
    return due


def tidy(home: Home, environ: Mapping[str, str], now: datetime, stopped: threading.Event) -> None:
    """Remove what is older than it is kept. `environ`: Airflow's. Raises ProcessFailed."""
    for log in sorted(home.logs.glob("*.log")):
        if log.name not in NOT_OURS:
            begin_anew_if_long(log)
    days = keep_days(environ)
    if days is None:
        return
    before = now - timedelta(days=days)
    remove_older(home.airflow / "logs", before)
    log = home.logs / "airflow-clean.log"
    command = [sys.executable, "-m", "airflow", "db", "clean", "--tables", TABLES, "--skip-archive", "--yes"]
    command += ["--clean-before-timestamp", before.isoformat()]
    service = guarded("airflow clean", command, log=log, environ=environ, cwd=home.airflow)
    try:
        while service.running() and not stopped.wait(0.2):
            pass
    finally:
        ended = not service.running()
        stop_services([service])
    if ended and service.guard.returncode != 0:
        raise ProcessFailed(f"`airflow db clean` failed; see {log}")


def remove_older(folder: Path, before: datetime) -> None:
    """Files that were last written before that moment, and folders that are empty since."""
    for place, _folders, files in os.walk(folder, topdown=False):
        for name in files:
            path = Path(place) / name
            with suppress(FileNotFoundError):
                if path.lstat().st_mtime < before.timestamp():
                    path.unlink()
        path = Path(place)
        with suppress(OSError):  # it is not empty, or no longer there
            if path != folder and path.stat().st_mtime < before.timestamp():
                path.rmdir()
