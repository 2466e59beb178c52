"""`make worker`: one Celery worker, which takes tasks from the Airflow that another process, or machine, serves.
`python -m runtime task <command>`: the one task of a pod, with the same settings.

It is configured by the variables that `make serve` has there (docs/how_to/scale_airflow.md), and shares its home: the
keys by which Airflow's parts know each other, dbt's manifest between the tasks of a build, the logs of tasks.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import NoReturn

from extractors.core.errors import ConfigError
from runtime.airflow import environment, schedules_begin
from runtime.home import Home
from runtime.progress import Progress
from runtime.supervise import ProcessFailed, guarded, stop_services
from runtime.warehouse import given_server

OF_TASKS = ("AIRFLOW_METADATA_URL", "AIRFLOW__CORE__EXECUTION_API_SERVER_URL")
OF_WORKERS = (*OF_TASKS, "AIRFLOW__CELERY__BROKER_URL", "AIRFLOW__CELERY__RESULT_BACKEND")
# A worker that is told to stop first ends the tasks that it has; a load may take this long.
FINISH_SECONDS = 600.0


def worker(home: Home, progress: Progress) -> int:
    """Work until told to stop. Raises ConfigError for what is not set, ProcessFailed where the worker dies."""
    require("A worker", OF_WORKERS)
    if find_spec("celery") is None:
        raise ConfigError("Celery is not installed: make install EXTRAS=celery")
    metadata = given_server(os.environ, "AIRFLOW_METADATA_URL")
    assert metadata is not None  # noqa: S101 - asked for above
    os.environ["AIRFLOW__CORE__EXECUTOR"] = "CeleryExecutor"
    environ = settings(home, metadata)
    name = os.environ.get("CHAIRSIDE_WORKER") or f"{socket.gethostname()}-{os.getpid()}"
    service = guarded(
        f"worker {name}",
        # Logs of tasks are read from the home that all share; a log server would take a fixed port.
        [sys.executable, "-m", "airflow", "celery", "worker", "--celery-hostname", name, "--skip-serve-logs"],
        log=home.logs / f"worker-{name}.log",
        environ=environ,
        grace=FINISH_SECONDS,
        cwd=home.airflow,
    )
    progress.say(f"worker {name} started; its log is {service.log}")
    try:
        while service.running():
            time.sleep(1)
    finally:
        stop_services([service])
    raise ProcessFailed(f"{service.name} ended by itself. The end of {service.log}:\n{service.last_lines()}")


def task(home: Home, command: Sequence[str]) -> NoReturn:
    """Become the command that an executor gives its pod. Raises ConfigError for what is not set."""
    require("A task", OF_TASKS)
    os.environ.setdefault("AIRFLOW__CORE__EXECUTOR", "KubernetesExecutor")
    # A task talks to the API alone: that the database answers is no concern of its own.
    environ = settings(home, os.environ["AIRFLOW_METADATA_URL"])
    os.execvpe(command[0], list(command), environ)  # noqa: S606 - whoever starts the container chooses the command


def require(who: str, needed: Sequence[str]) -> None:
    if missing := [name for name in needed if not os.environ.get(name)]:
        raise ConfigError(f"{who} needs {', '.join(missing)}; see docs/how_to/scale_airflow.md")


def settings(home: Home, metadata: str) -> dict[str, str]:
    """Airflow's settings where tasks run. The port is of its API, which is not served here."""
    begin = {"CHAIRSIDE_START": schedules_begin(home, datetime.now(UTC))}
    return begin | environment(home, metadata_url=metadata, port=0, connections={})
