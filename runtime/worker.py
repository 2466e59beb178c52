"""`make worker`: one Celery worker, which takes tasks from the Airflow that another process, or machine, serves.

It is configured by the variables that `make serve` has there (docs/how_to/scale_airflow.md), and shares its home: the
keys by which Airflow's parts know each other, dbt's manifest between the tasks of a build, the logs of tasks.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from datetime import UTC, datetime
from importlib.util import find_spec

from extractors.core.errors import ConfigError
from runtime.airflow import environment, schedules_begin
from runtime.home import Home
from runtime.progress import Progress
from runtime.supervise import ProcessFailed, guarded, stop_services
from runtime.warehouse import given_server

NEEDED = (
    "AIRFLOW_METADATA_URL", "AIRFLOW__CELERY__BROKER_URL", "AIRFLOW__CELERY__RESULT_BACKEND",
    "AIRFLOW__CORE__EXECUTION_API_SERVER_URL",
)  # fmt: skip
# A worker that is told to stop first ends the tasks that it has; a load may take this long.
FINISH_SECONDS = 600.0


def worker(home: Home, progress: Progress) -> int:
    """Work until told to stop. Raises ConfigError for what is not set, ProcessFailed where the worker dies."""
    if missing := [name for name in NEEDED if not os.environ.get(name)]:
        raise ConfigError(f"A worker needs {', '.join(missing)}; see docs/how_to/scale_airflow.md")
    if find_spec("celery") is None:
        raise ConfigError("Celery is not installed: make install EXTRAS=celery")
    metadata = given_server(os.environ, "AIRFLOW_METADATA_URL")
    assert metadata is not None  # noqa: S101 - asked for above
    os.environ["AIRFLOW__CORE__EXECUTOR"] = "CeleryExecutor"
    environ = {"CHAIRSIDE_START": schedules_begin(home, datetime.now(UTC))}
    # The port is of Airflow's own API, which a worker does not serve.
    environ |= environment(home, metadata_url=metadata, port=0, connections={})
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
