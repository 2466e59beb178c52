"""`make up` and `make down`: a process of its own that keeps everything serving, and its end.

serve   PostgreSQL, Airflow and Superset, and the vendor simulators where the demo filled this home
hold    PostgreSQL alone, for a script that asked for its address; ends by itself when nobody has been connected
        for a while
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from runtime.home import REPOSITORY, Home
from runtime.progress import Progress
from runtime.settings import AIRFLOW_PORT, require_settings, wanted_port
from runtime.supervise import ProcessFailed, supervised
from runtime.warehouse import databases

START_SECONDS = 300.0
STOP_SECONDS = 180.0
IDLE_SECONDS = 900.0  # a held server without connections


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """A serving process of this home. `airflow_url` is empty while it starts. `bi_url` is null until it is known
    whether Superset runs, and empty where it does not.
    """

    pid: int
    airflow_url: str
    bi_url: str | None


@contextmanager
def sole(path: Path) -> Iterator[bool]:
    """True where no other process has this role in this home. The file tells others our process id."""
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield True


def holder(path: Path) -> int | None:
    """The process that has the role; null where nobody has it."""
    with suppress(FileNotFoundError, ValueError), path.open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return int(file.read())
    return None


def serving(home: Home) -> Serving | None:
    """What `make up` left running in this home; null where nothing is."""
    pid = holder(home.run / "serve.lock")
    if pid is None:
        return None
    found = home.state().get("serving") or {}
    ours = found if found.get("pid") == pid else {}
    return Serving(pid=pid, airflow_url=ours.get("airflow_url", ""), bi_url=ours.get("bi_url"))


def detach(home: Home, command: str) -> subprocess.Popen[bytes]:
    """Start a command of ours that outlives this one; it logs to the home."""
    with (home.logs / f"{command}.log").open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "runtime", command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd=REPOSITORY,
            env={**os.environ, "CHAIRSIDE_HOME": str(home.root)},
        )


def up(home: Home, progress: Progress) -> int:
    """Start serving and return once everything answers. Stopped before that, it takes back what it began.

    Raises ProcessFailed, and ConfigError for settings that are none.
    """
    found = serving(home)
    if found is None:
        from runtime.airflow import require_no_airflow

        require_settings(os.environ)
        wanted_port(os.environ, AIRFLOW_PORT)
        require_no_airflow(home)
        progress.say("starting PostgreSQL, Airflow and Superset; this takes about half a minute")
        log = home.logs / "serve.log"
        said_before = log.stat().st_size if log.exists() else 0
        process = detach(home, "serve")
        try:
            _wait_until_it_serves(home, progress, process, log, said_before)
        except BaseException:
            if process.poll() is None:
                progress.say("stopping what was being started")
                process.terminate()
                process.wait(STOP_SECONDS)
            raise
    elif not _answers(found):
        progress.say("it is being started already")
        _wait_until_it_serves(home, progress, None, home.logs / "serve.log", 0)
    from runtime.look import where_to_look

    found = serving(home)
    with databases(home, os.environ, progress) as urls:
        print(where_to_look(home, urls.warehouse, found.airflow_url if found else ""), flush=True)
    return 0


def _answers(found: Serving | None) -> bool:
    return found is not None and bool(found.airflow_url) and found.bi_url is not None


def _wait_until_it_serves(
    home: Home, progress: Progress, process: subprocess.Popen[bytes] | None, log: Path, said_before: int
) -> None:
    """`process`: the one that was started, null where another command did; `log` is its log, ours from that byte on."""
    deadline = time.monotonic() + START_SECONDS
    while not _answers(found := serving(home)):
        late = time.monotonic() > deadline
        if late and found and found.airflow_url:
            progress.say(f"Superset is not up yet; {home.logs / 'superset.log'} tells how far it is")
            return
        if late or (found is None if process is None else process.poll() is not None):
            tail = log.read_bytes()[said_before:].decode(errors="replace").splitlines()[-12:]
            raise ProcessFailed(f"it did not come up. The end of its log, {log}:\n" + "\n".join(tail))
        time.sleep(0.3)


def serve(home: Home, progress: Progress) -> int:
    """Serve until told to stop. Ends with an error where one of its processes ends."""
    from extractors.registry import WITH_FILES
    from runtime.airflow import running_airflow, schedule_once
    from runtime.connections import connections
    from runtime.superset import running_superset
    from warehouse import pipeline

    with sole(home.run / "serve.lock") as alone:
        if not alone:
            progress.say("another process serves this home already")
            return 1
        with databases(home, os.environ, progress, metadata=True) as urls, supervised() as services:
            assert urls.metadata is not None  # noqa: S101 - asked for above
            pipeline.prepare(urls.warehouse)
            found = connections(home, urls.warehouse, os.environ, services, progress)
            with (
                running_superset(home, metadata_url=urls.bi, warehouse=urls.warehouse, progress=progress) as superset,
                running_airflow(home, metadata_url=urls.metadata, connections=found, progress=progress) as (
                    airflow,
                    parts,
                ),
            ):
                if not home.state().get("demo"):
                    names = {name for name in WITH_FILES if f"AIRFLOW_CONN_{name.upper()}" in os.environ}
                    schedule_once(
                        airflow, home, {f"extract_{name}" for name in {*names, "files"}} | {"build_warehouse", "watch"}
                    )
                home.remember(serving={"pid": os.getpid(), "airflow_url": airflow.url})
                try:
                    bi = superset.ready()
                    everything = [*parts, *services, *(bi.services if bi else ())]
                    home.remember(
                        serving={"pid": os.getpid(), "airflow_url": airflow.url, "bi_url": bi.url if bi else ""}
                    )
                    while all(part.running() for part in everything):
                        time.sleep(1)
                finally:
                    home.remember(serving=None)
                ended = ", ".join(part.name for part in everything if not part.running())
                raise ProcessFailed(f"{ended} ended by itself; see {home.logs}")


def hold(home: Home, progress: Progress) -> int:
    """Keep PostgreSQL up until nobody has used it for a while."""
    with sole(home.run / "hold.lock") as alone:
        if not alone:
            return 0
        with databases(home, os.environ, progress) as urls:
            home.remember(holding=os.getpid())
            used = time.monotonic()
            while time.monotonic() - used < IDLE_SECONDS:
                time.sleep(5)
                with psycopg.connect(urls.warehouse) as connection:
                    row = connection.execute(
                        "select count(*) from pg_stat_activity where backend_type = 'client backend'"
                        " and pid <> pg_backend_pid()"
                    ).fetchone()
                if row and row[0]:
                    used = time.monotonic()
    return 0


def keep_postgres(home: Home) -> None:
    """Let the server live on after this command, for whoever was told its address."""
    if serving(home) is not None or holder(home.run / "hold.lock") is not None:
        return
    process = detach(home, "hold")
    deadline = time.monotonic() + 60
    while home.state().get("holding") != process.pid and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)


def down(home: Home, progress: Progress) -> int:
    """Stop what serves in this home, and wait for it. The data stay."""
    stopped = False
    for role in ("serve", "hold"):
        lock = home.run / f"{role}.lock"
        pid = holder(lock)
        if pid is None:
            continue
        stopped = True
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while holder(lock) == pid and time.monotonic() < deadline:
            time.sleep(0.1)
        if holder(lock) == pid:
            raise ProcessFailed(f"process {pid} did not stop within {STOP_SECONDS:.0f} s; see {home.logs}")
    progress.say("stopped; the data stay in " + str(home.root) if stopped else "nothing was running")
    return 0
