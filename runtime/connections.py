"""What Airflow's DAGs connect to: the warehouse, the inbox, and vendors, real ones or the simulators of the demo."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from extractors.registry import SOURCES
from runtime.airflow import connection_of, files_connection, warehouse_connection
from runtime.home import REPOSITORY, Home
from runtime.progress import Progress
from runtime.supervise import ProcessFailed, Service, guarded, stop_services, wait_until

# The demo's months of the invented city. Fixed, so that its figures are the same on every day and machine.
SEED = 1
FIRST_DAY = date(2026, 8, 1)
DAYS = 90
LAST_DAY = FIRST_DAY + timedelta(days=DAYS - 1)


def connections(
    home: Home, warehouse: str, environ: Mapping[str, str], services: list[Service], progress: Progress
) -> dict[str, dict[str, Any]]:
    """Connections for `make up`: what the environment has, and simulators where the demo has filled this home.

    CHAIRSIDE_SIMULATORS: the file in which simulators of another machine wrote their addresses.
    """
    found = {"warehouse": warehouse_connection(warehouse), "files": files_connection(inbox(home))}
    if elsewhere := environ.get("CHAIRSIDE_SIMULATORS"):
        found |= vendor_connections(Path(elsewhere))
    elif home.state().get("demo") and not any(f"AIRFLOW_CONN_{name.upper()}" in environ for name in SOURCES):
        found |= simulators(home, services, progress)
    return found


def inbox(home: Home) -> Path:
    """The folder where import files are looked for, unless the connection `files` says another."""
    folder = home.root / "inbox"
    folder.mkdir(exist_ok=True)
    return folder


def simulators(home: Home, services: list[Service], progress: Progress) -> dict[str, dict[str, Any]]:
    """Start the vendors' simulators; their connections. Raises ProcessFailed."""
    state = home.run / "simulators.json"
    state.unlink(missing_ok=True)
    service = start_simulators(home, state)
    services.append(service)
    wait_until(state.exists, [service], "Starting the simulators")
    found = vendor_connections(state)
    progress.say(f"simulators are up: {', '.join(sorted(found))}")
    return found


def serve_simulators(home: Home, progress: Progress) -> int:
    """Only the simulators, for other machines, until told to stop; what they do not serve as files in the inbox.

    CHAIRSIDE_LISTEN is where, CHAIRSIDE_KNOWN_AS by which name others reach it. Raises ProcessFailed.
    """
    state = home.run / "simulators.json"
    state.unlink(missing_ok=True)
    export_files(home)
    where = ["--listen", os.environ.get("CHAIRSIDE_LISTEN", "127.0.0.1")]
    where += ["--known-as", os.environ.get("CHAIRSIDE_KNOWN_AS", "127.0.0.1")]
    service = start_simulators(home, state, where)
    progress.say(f"the simulators' addresses are in {state}")
    try:
        service.guard.wait()
    finally:
        stop_services([service])
        state.unlink(missing_ok=True)
    raise ProcessFailed(f"{service.name} ended by itself. The end of {service.log}:\n{service.last_lines()}")


def start_simulators(home: Home, state: Path, where: Sequence[str] = ()) -> Service:
    """The process, which writes its addresses into the file `state` once it serves."""
    return guarded(
        "simulators",
        [sys.executable, "-m", "simulators", *world_arguments(), "--quick", "--state", state, *where],
        log=home.logs / "simulators.log",
        # A vendor that exports files (IDENT) leaves them where tasks of other machines find them too: in the home.
        environ=plain_environment() | {"TMPDIR": str(home.run)},
        grace=3.0,
        cwd=REPOSITORY,
    )


def vendor_connections(state: Path) -> dict[str, dict[str, Any]]:
    """Connections to the simulators that wrote this file."""
    return {
        # An invented city has no quota; real vendors keep the limits that their clients know.
        name: connection_of(
            vendor["base_url"],
            vendor.get("token"),
            {"requests_per_second": 0, "poll_seconds": 0.5, **(vendor.get("settings") or {})},
        )
        for name, vendor in json.loads(state.read_text()).items()
    }


def export_files(home: Home) -> None:
    """Write the part of the invented city that clinics keep in files into the inbox. Raises ProcessFailed."""
    command = [sys.executable, "-m", "simulators.world", "export", *world_arguments(), "--files", str(inbox(home))]
    log = home.logs / "simulators.log"
    with log.open("ab") as output:
        done = subprocess.run(
            command, stdout=output, stderr=output, env=plain_environment(), cwd=REPOSITORY, check=False
        )
    if done.returncode != 0:
        raise ProcessFailed(f"writing the import files failed; see {log}")


def world_arguments() -> list[str]:
    return ["--seed", str(SEED), "--date-from", FIRST_DAY.isoformat(), "--days", str(DAYS)]


def plain_environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
