"""A daily load on Airflow's Celery executor with two workers, one of which is killed in the middle of the build.

Everything is real and on this machine: Redis, API server, scheduler, DAG processor, workers, a vendor's simulator.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import quote, urlsplit

import psutil
import psycopg
import pytest
from psycopg import sql

from runtime.airflow import connection_of, files_connection, running_airflow, warehouse_connection
from runtime.airflow_api import Airflow
from runtime.home import REPOSITORY, Home, open_home
from runtime.progress import Progress
from runtime.rounds import Follower, failures, trigger_all, wait_for_new_run
from runtime.supervise import Service, free_port
from simulators.faults import Faults
from simulators.running import Simulators
from simulators.world import build_world
from simulators.world.export import write_files
from tests.runtime.processes import eventually
from warehouse import pipeline

FIRST_DAY, DAYS = date(2026, 8, 1), 10
VENDOR, BUILD = "calltouch", "build_warehouse"
SECONDS = 600.0


@pytest.fixture
def metadata_url(fresh_database: str) -> Iterator[str]:
    """A second empty database on the same server, for Airflow's own tables."""
    name = sql.Identifier(urlsplit(fresh_database).path.strip("/") + "_airflow")
    with psycopg.connect(fresh_database, autocommit=True) as admin:
        admin.execute(sql.SQL("create database {} template template0").format(name))
        yield f"{fresh_database}_airflow"
        admin.execute(sql.SQL("drop database {} with (force)").format(name))


@pytest.fixture
def celery_packages(tmp_path: Path) -> Path:
    """Where Celery is: in the environment, else installed from its lock beside it."""
    folder = tmp_path / "celery"
    folder.mkdir()
    if importlib.util.find_spec("celery") is None:
        uv = Path(sys.executable).with_name("uv")
        lock = REPOSITORY / "requirements" / "celery.txt"
        subprocess.run(
            [uv, "pip", "install", "--quiet", "--no-deps", "--require-hashes", "-r", lock, "--target", folder],
            check=True,
        )
    return folder


@contextmanager
def redis_server(folder: Path, password: str) -> Iterator[int]:
    """A Redis of its own on the loopback, which keeps nothing; its port."""
    port = free_port()
    settings = folder / "redis.conf"
    settings.touch(mode=0o600)
    settings.write_text(f'bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave ""\ndir {folder}\n')
    process = subprocess.Popen(["redis-server", settings], stdout=subprocess.DEVNULL)

    def answers() -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        return False

    try:
        assert eventually(answers)
        yield port
    finally:
        process.terminate()
        process.wait()


@contextmanager
def workers(home: Home, names: Sequence[str]) -> Iterator[dict[str, psutil.Popen]]:
    """`make worker` by these names; what is left of them is stopped at the end."""
    started = {}
    try:
        for name in names:
            with (home.logs / f"make-worker-{name}.log").open("wb") as log:
                started[name] = psutil.Popen(
                    [sys.executable, "-m", "runtime", "worker"],
                    cwd=REPOSITORY,
                    env={**os.environ, "CHAIRSIDE_WORKER": name},
                    stdout=log,
                    stderr=log,
                )
        yield started
    finally:
        for process in started.values():
            kill(process)


def family(process: psutil.Process) -> list[psutil.Process]:
    """A process and all its descendants; nothing where it is gone."""
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def kill(process: psutil.Process) -> None:
    """As when its machine loses power."""
    for each in family(process):
        with suppress(psutil.NoSuchProcess):
            each.kill()
    process.wait()


def task_of(airflow: Airflow, run: tuple[str, str], task: str) -> dict[str, object]:
    (found,) = [one for one in airflow.tasks(*run) if one["task_id"] == task]
    return dict(found)


def worker_of(airflow: Airflow, run: tuple[str, str], task: str, started: dict[str, psutil.Popen]) -> str:
    """The worker that runs a task; empty until one does."""
    found = task_of(airflow, run, task)
    owners = [
        name for name, process in started.items() if found["pid"] in [each.pid for each in family(process)]
    ]  # fmt: skip
    return owners[0] if found["state"] == "running" and owners else ""


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")
def test_a_load_on_celery_is_complete_although_a_worker_was_killed(
    fresh_database: str, metadata_url: str, celery_packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = open_home({"CHAIRSIDE_HOME": str(tmp_path / "home")})
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    world = build_world(1, date_from=FIRST_DAY, days=DAYS, clinics=2, scale=0.3)
    write_files(world, inbox, (VENDOR,))
    pipeline.prepare(fresh_database)
    port, password = free_port(), home.secret("redis")
    vendor = Simulators(world, Faults(), only=[VENDOR])
    vendor.start()
    try:
        with redis_server(tmp_path, password) as redis_port:
            settings = {
                "CHAIRSIDE_HOME": str(home.root),
                "CHAIRSIDE_AIRFLOW_PORT": str(port),
                "CHAIRSIDE_SOURCES": f"{VENDOR},files",
                "AIRFLOW_METADATA_URL": metadata_url,
                "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
                "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
                "AIRFLOW__CELERY__BROKER_URL": f"redis://:{quote(password, safe='')}@127.0.0.1:{redis_port}/0",
                "AIRFLOW__CELERY__RESULT_BACKEND": metadata_url.replace("postgresql://", "db+postgresql://", 1),
                "AIRFLOW__CELERY__WORKER_CONCURRENCY": "2",
                "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "40",
                "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
                "PYTHONPATH": str(celery_packages),
            }
            for name, value in settings.items():
                monkeypatch.setenv(name, value)
            endpoint = vendor.endpoints[VENDOR]
            connections = {
                "warehouse": warehouse_connection(fresh_database),
                "files": files_connection(inbox),
                VENDOR: connection_of(
                    endpoint["base_url"], endpoint.get("token"), {"requests_per_second": 0, **endpoint["settings"]}
                ),
            }
            with (
                running_airflow(home, metadata_url=metadata_url, connections=connections, progress=Progress()) as (
                    airflow,
                    parts,
                ),
                workers(home, ("one", "other")) as started,
            ):
                load_with_a_kill(airflow, parts, started)
    finally:
        vendor.stop()
    with psycopg.connect(fresh_database) as connection:
        landed, contacts, publications = connection.execute(
            f"select (select count(*) from staging.{VENDOR}__calls) +"
            f" (select count(*) from staging.{VENDOR}__requests),"
            f" (select count(distinct contact_id) from marts.fct_contacts where contact_id like '{VENDOR}:%'),"
            " (select count(*) from ops.publications)".encode()
        ).fetchall()[0]
    assert (contacts, publications) == (landed, 1)
    assert landed > 0


def load_with_a_kill(airflow: Airflow, parts: Sequence[Service], started: dict[str, psutil.Popen]) -> None:
    """One vendor and the files, then the build that their assets queue; the worker in the middle of it is killed."""
    follower = Follower(airflow, Progress())
    airflow.pause(BUILD, paused=False)
    days = {"date_from": FIRST_DAY.isoformat(), "date_to": (FIRST_DAY + timedelta(days=DAYS - 1)).isoformat()}
    runs = trigger_all(airflow, [f"extract_{VENDOR}", "extract_files"], "celery", days)
    states = follower.wait(runs, parts, seconds=SECONDS)
    assert set(states.values()) == {"success"}, [line for run in runs for line in failures(airflow, *run)]
    build = wait_for_new_run(airflow, BUILD, set(), parts, seconds=SECONDS)
    assert eventually(lambda: bool(worker_of(airflow, build, "build", started)), SECONDS)
    victim = worker_of(airflow, build, "build", started)
    kill(started.pop(victim))
    states = follower.wait([build], parts, seconds=SECONDS)
    assert states == {BUILD: "success"}, failures(airflow, *build)
    assert task_of(airflow, build, "build")["try_number"] == 2
