"""`make backfill`: a source's days again, through Airflow; the marts follow."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime

from extractors.core.errors import ConfigError
from extractors.registry import SOURCES
from runtime.airflow import Airflow, running_airflow
from runtime.connections import connections
from runtime.home import Home
from runtime.look import rows_loaded
from runtime.progress import Progress
from runtime.rounds import Follower, failures, trigger_all
from runtime.serve import serving
from runtime.supervise import Service, supervised
from runtime.warehouse import databases
from warehouse import pipeline

SECONDS = 6 * 3600.0


@contextmanager
def some_airflow(home: Home, progress: Progress) -> Iterator[tuple[Airflow, list[Service], str]]:
    """The Airflow that serves this home, else one for this command; its processes and the warehouse's URL."""
    found = serving(home)
    if found is not None and found.airflow_url:
        with databases(home, os.environ, progress) as urls:
            yield Airflow(found.airflow_url, home.secret("airflow_admin", size=12)), [], urls.warehouse
        return
    with databases(home, os.environ, progress, metadata=True) as urls, supervised() as services:
        assert urls.metadata is not None  # noqa: S101 - asked for above
        pipeline.prepare(urls.warehouse)
        known = connections(home, urls.warehouse, os.environ, services, progress)
        with running_airflow(home, metadata_url=urls.metadata, connections=known, progress=progress) as (
            airflow,
            parts,
        ):
            yield airflow, [*parts, *services], urls.warehouse


def backfill(home: Home, progress: Progress, source: str, date_from: date, date_to: date) -> int:
    """Load the days `date_from`..`date_to`, both included, of one source again, then build. Raises ConfigError."""
    if source not in (*SOURCES, "files"):
        raise ConfigError(f"There is no source {source!r}. Known: {', '.join((*SOURCES, 'files'))}")
    if date_to < date_from:
        raise ConfigError(f"TO={date_to} is before FROM={date_from}")
    run_id = f"backfill_{date_from}_{date_to}_{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}"
    with some_airflow(home, progress) as (airflow, parts, warehouse):
        follower = Follower(airflow, progress)
        conf = {"date_from": date_from.isoformat(), "date_to": date_to.isoformat()}
        runs: list[tuple[str, str]] = []
        # The warehouse waits for the assets of all sources; after one source it is asked for by hand.
        for dag, its_conf in ((f"extract_{source}", conf), ("build_warehouse", {})):
            was_paused = airflow.dags()[dag]["is_paused"]
            runs += (run := trigger_all(airflow, [dag], run_id, its_conf))
            state = follower.wait(run, parts, seconds=SECONDS)[dag]
            airflow.pause(dag, paused=was_paused)
            if state != "success":
                progress.say(
                    "backfill failed; marts keep the last publication:\n" + "\n".join(failures(airflow, *run[0]))
                )
                return 1
        print(rows_loaded(warehouse, [f"{dag}/{run}" for dag, run in runs]), flush=True)
    return 0
