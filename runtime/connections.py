"""What Airflow's DAGs connect to: the warehouse, the inbox, and vendors, real ones or the simulators of the demo."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from extractors.registry import SOURCES
from runtime.airflow import connection_of, files_connection, warehouse_connection
from runtime.home import REPOSITORY, Home
from runtime.progress import Progress
from runtime.supervise import ProcessFailed, Service, guarded, wait_until

# The demo's months of the invented city. Fixed, so that its figures are the same on every day and machine.
SEED = 1
FIRST_DAY = date(2026, 8, 1)
DAYS = 90
LAST_DAY = FIRST_DAY + timedelta(days=DAYS - 1)


def connections(
    home: Home, warehouse: str, environ: Mapping[str, str], services: list[Service], progress: Progress
) -> dict[str, dict[str, Any]]:
    """Connections for `make up`: what the environment has, and simulators where the demo has filled this home."""
    found = {"warehouse": warehouse_connection(warehouse), "files": files_connection(inbox(home))}
    if home.state().get("demo") and not any(f"AIRFLOW_CONN_{name.upper()}" in environ for name in SOURCES):
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
    service = guarded(
        "simulators",
        [sys.executable, "-m", "simulators", *world_arguments(), "--quick", "--state", state],
        log=home.logs / "simulators.log",
        environ=plain_environment(),
        grace=3.0,
        cwd=REPOSITORY,
    )
    services.append(service)
    wait_until(state.exists, [service], "Starting the simulators")
    vendors = json.loads(state.read_text())
    progress.say(f"simulators are up: {', '.join(sorted(vendors))}")
    return {
        # An invented city has no quota; real vendors keep the limits that their clients know.
        name: connection_of(
            vendor["base_url"],
            vendor.get("token"),
            {"requests_per_second": 0, "poll_seconds": 0.5, **(vendor.get("settings") or {})},
        )
        for name, vendor in vendors.items()
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
