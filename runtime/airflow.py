"""Airflow on one machine: its settings and its three processes.

Configured by environment alone. LocalExecutor, metadata in PostgreSQL, the simple auth manager with one generated
password, everything on the loopback. No triggerer: no task defers. Another executor by its own variables
(docs/how_to/scale_airflow.md).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from extractors.core.errors import ConfigError
from extractors.core.logs import as_json
from extractors.registry import SOURCES
from runtime.airflow_api import USER, Airflow
from runtime.home import REPOSITORY, Home
from runtime.progress import Progress
from runtime.serve import holder, sole
from runtime.settings import AIRFLOW_PORT, require_settings, wanted_port
from runtime.supervise import ProcessFailed, Service, guarded, remembered_port, stop_services, wait_until
from runtime.tidy import tidied_daily
from runtime.unpaused import pause_again
from runtime.warehouse import identity

PARTS = ("api-server", "scheduler", "dag-processor")
LOCK = "airflow.lock"  # one Airflow a home


def environment(
    home: Home, *, metadata_url: str, port: int, connections: Mapping[str, Mapping[str, Any]]
) -> dict[str, str]:
    """All of Airflow's settings. `connections`: id to the fields of Airflow's JSON form; those set already stay."""
    password = home.secret("airflow_admin", size=12)
    passwords = home.root / "secrets" / "airflow_passwords.json"
    said = json.dumps({USER: password})
    # Every worker and pod comes here, while the API server may read it: whoever writes empties it for a moment.
    if not passwords.exists() or passwords.read_text() != said:
        passwords.touch(mode=0o600)
        passwords.write_text(said)
    settings = {
        "AIRFLOW_HOME": str(home.airflow),
        "CHAIRSIDE_HOME": str(home.root),
        "PYTHONPATH": os.pathsep.join(filter(None, (str(REPOSITORY), os.environ.get("PYTHONPATH")))),
        "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAG_DISCOVERY_SAFE_MODE": "False",
        "AIRFLOW__CORE__FERNET_KEY": home.secret("fernet", size=32) + "=",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": metadata_url.replace("postgresql://", "postgresql+psycopg2://", 1),
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__API__SECRET_KEY": home.secret("airflow_api", size=32),
        "AIRFLOW__API_AUTH__JWT_SECRET": home.secret("airflow_jwt", size=64),
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home.airflow / "logs"),
        "AIRFLOW__LOGGING__JSON_LOGS": str(as_json(os.environ)),
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.3",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "60",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "2",
        "AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "120",
        "SCARF_ANALYTICS": "false",
        "DO_NOT_TRACK": "1",
        "GX_ANALYTICS_ENABLED": "false",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    given = {name.removeprefix("AIRFLOW_CONN_").lower() for name in os.environ if name.startswith("AIRFLOW_CONN_")}
    known = {*SOURCES, "files"} & {*connections, *given}
    settings["CHAIRSIDE_SOURCES"] = os.environ.get("CHAIRSIDE_SOURCES") or ",".join(sorted(known))
    for name, fields in connections.items():
        settings[f"AIRFLOW_CONN_{name.upper()}"] = json.dumps(fields)
    # What a person set for Airflow stays, but for where this instance lives.
    fixed = ["AIRFLOW_HOME", "AIRFLOW__DATABASE__", "AIRFLOW__API__", "AIRFLOW__CORE__DAGS"]
    if not runs_elsewhere(os.environ):
        fixed.append("AIRFLOW__CORE__EXECUTION")
    own = {
        k: v
        for k, v in os.environ.items()
        if k not in settings or (k.startswith("AIRFLOW") and not k.startswith(tuple(fixed)))
    }
    own.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**settings, **own}


def runs_elsewhere(environ: Mapping[str, str]) -> bool:
    """Whether tasks run in other processes than the scheduler's own, perhaps on other machines."""
    return environ.get("AIRFLOW__CORE__EXECUTOR", "LocalExecutor") != "LocalExecutor"


def migrate_metadata(home: Home, environ: Mapping[str, str], metadata_url: str) -> None:
    """Create or upgrade Airflow's tables; remembered by version and database. Raises ProcessFailed."""
    database, known = identity(metadata_url), home.state()
    wanted = f"{version('apache-airflow')} {database}"
    if known.get("airflow_metadata") == wanted:
        return
    log = home.logs / "airflow-migrate.log"
    with log.open("ab") as output:
        command = [sys.executable, "-m", "airflow", "db", "migrate"]
        done = subprocess.run(command, stdout=output, stderr=output, env=dict(environ), cwd=home.airflow, check=False)
    if done.returncode != 0:
        raise ProcessFailed(f"`airflow db migrate` failed; see {log}")
    home.remember(airflow_metadata=wanted, airflow_database=database)
    if known.get("airflow_database") not in (None, database):
        # Its DAGs are new, and therefore paused: nobody paused them (`schedule_once`).
        home.remember(scheduled=None)


def start_parts(home: Home, environ: Mapping[str, str], port: int) -> list[Service]:
    """The processes, all at once."""
    arguments: dict[str, list[str]] = {
        "api-server": ["--host", environ.get("CHAIRSIDE_LISTEN", "127.0.0.1"), "--port", str(port), "--workers", "1"],
        # Logs are read from the folder; the log server would take a fixed port.
        "scheduler": ["--skip-serve-logs"],
        "dag-processor": [],
    }
    # Tasks that are forks of the scheduler find there what they would import.
    ahead = "airflow" if runs_elsewhere(environ) or sys.platform == "darwin" else "runtime.ahead"
    return [
        guarded(
            f"airflow {part}",
            [sys.executable, "-m", ahead if part == "scheduler" else "airflow", part, *arguments[part]],
            log=home.logs / f"airflow-{part}.log",
            environ=environ,
            # Workers of the scheduler outlive its own end by 15 s and more; their tasks are safe to repeat.
            grace=5.0,
            cwd=home.airflow,
        )
        for part in PARTS
    ]


@contextmanager
def running_airflow(
    home: Home,
    *,
    metadata_url: str,
    connections: Mapping[str, Mapping[str, Any]],
    progress: Progress,
) -> Iterator[tuple[Airflow, list[Service]]]:
    """Airflow with all its DAGs parsed, until the end of the block. Raises ProcessFailed, also for import errors, and
    ConfigError for settings that are none.
    """
    require_settings(os.environ)
    port = wanted_port(os.environ, AIRFLOW_PORT) or remembered_port(home.state().get("airflow_port"))
    began = datetime.now(UTC)
    environ = {"CHAIRSIDE_START": schedules_begin(home, began)}
    environ |= environment(home, metadata_url=metadata_url, port=port, connections=connections)
    with sole(home.run / LOCK) as alone:
        if not alone:
            raise ConfigError(other_airflow(home, holder(home.run / LOCK)))
        progress.say("Airflow: preparing its metadata")
        migrate_metadata(home, environ, metadata_url)
        progress.say("Airflow: starting API server, scheduler and DAG processor")
        services = start_parts(home, environ, port)
        try:
            home.remember(airflow_port=port)
            airflow = Airflow(f"http://127.0.0.1:{port}", home.secret("airflow_admin", size=12))
            wait_until(airflow.healthy, services, "Starting Airflow")
            pause_again(airflow, home, progress)
            wanted = expected_dags()

            def parsed() -> bool:
                errors, unsure = airflow.import_errors(began)
                return bool(errors) or (not unsure and wanted <= set(airflow.dags()))

            wait_until(parsed, services, "Parsing the DAGs")
            if errors := airflow.import_errors(began)[0]:
                raise ProcessFailed("A DAG cannot be imported, so its runs would wait for ever:\n" + "\n".join(errors))
            progress.say(f"Airflow is up: {airflow.url}")
            with tidied_daily(home, environ, progress):
                yield airflow, services
        finally:
            stop_services(services)


def require_no_airflow(home: Home) -> None:
    """Raises ConfigError where another command has an Airflow in this home: two would share one set of tables."""
    if (other := holder(home.run / LOCK)) is not None:
        raise ConfigError(other_airflow(home, other))


def other_airflow(home: Home, other: int | None) -> str:
    return (
        f"another command runs Airflow in this home{f' (process {other})' if other else ''}: wait for it, `make down`"
        f" if it is what `make up` started, or take another CHAIRSIDE_HOME than {home.root}"
    )


def schedules_begin(home: Home, now: datetime) -> str:
    """When schedules begin: with the home, so that no tick before it is made up for.

    In a home that the demo filled they begin anew each time: a tick of this morning must not run into the demo.
    """
    state = home.state()
    began = None if state.get("demo") else state.get("began")
    if began is None:
        began = now.isoformat(timespec="seconds")
        home.remember(began=began)
    return str(began)


def schedule_once(airflow: Airflow, home: Home, dags: set[str]) -> None:
    """Let these DAGs run by their schedules, each the first time only: one that a person paused later stays paused."""
    known = set(home.state().get("scheduled") or [])
    for dag in sorted(dags - known):
        airflow.pause(dag, paused=False)
    home.remember(scheduled=sorted(known | dags))


def expected_dags() -> set[str]:
    """DAG ids by the files' names: a file holds the DAG of its name."""
    return {path.stem for path in (REPOSITORY / "dags").glob("*.py") if path.stem != "__init__"}


def login_hint(home: Home) -> str:
    return f"user {USER}, password {home.secret('airflow_admin', size=12)}"


def connection_of(base_url: str, token: str | None, settings: Mapping[str, Any]) -> dict[str, Any]:
    """A vendor's connection in Airflow's JSON form."""
    return {"conn_type": "http", "host": base_url, "password": token or "", "extra": dict(settings)}


def warehouse_connection(url: str) -> dict[str, Any]:
    """The warehouse in Airflow's JSON form."""
    from psycopg.conninfo import conninfo_to_dict

    parts = conninfo_to_dict(url)
    return {
        "conn_type": "postgres",
        "host": parts.get("host"),
        "port": int(parts.get("port") or 5432),
        "login": parts.get("user"),
        "password": parts.get("password"),
        "schema": parts.get("dbname"),
        "extra": {k: v for k, v in parts.items() if k not in ("host", "port", "user", "password", "dbname")},
    }


def files_connection(inbox: Path, mapping: Path | None = None) -> dict[str, Any]:
    """The inbox of import files in Airflow's JSON form."""
    return {"conn_type": "fs", "extra": {"path": str(inbox)} | ({"mapping": str(mapping)} if mapping else {})}
