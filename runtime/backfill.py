"""`make backfill`: a source's days again, through Airflow, window by window; the marts follow.

Each window is a run of the source's DAG, which has one run at a time: a daily run that comes due meanwhile goes between
two windows. A stopped backfill goes on where it was. docs/decisions/backfill_in_windows.md
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime

import psycopg

from extractors.core.errors import ConfigError
from extractors.registry import require_known
from runtime.airflow import require_no_airflow, running_airflow
from runtime.airflow_api import Airflow, AirflowRefused
from runtime.backfill_windows import WINDOW_DAYS, Span, begin, end, windows_of
from runtime.connections import connections
from runtime.home import Home
from runtime.look import rows_loaded
from runtime.progress import Progress
from runtime.rounds import Follower, failures
from runtime.serve import serving
from runtime.supervise import Service, supervised
from runtime.unpaused import pause_again, unpaused
from runtime.warehouse import databases
from warehouse import pipeline

SECONDS = 6 * 3600.0
STOPPED = "stopped; the same command goes on with this window. Marts keep the last publication."


@contextmanager
def some_airflow(home: Home, progress: Progress) -> Iterator[tuple[Airflow, list[Service], str]]:
    """The Airflow that serves this home, else one for this command; its processes and the warehouse's URL.

    What a command left running that was killed is paused again, as at the start of every Airflow.
    """
    found = serving(home)
    if found is not None and found.airflow_url:
        with databases(home, os.environ, progress) as urls:
            airflow = Airflow(found.airflow_url, home.secret("airflow_admin", size=12))
            pause_again(airflow, home, progress)
            yield airflow, [], urls.warehouse
        return
    require_no_airflow(home)
    with databases(home, os.environ, progress, metadata=True) as urls, supervised() as services:
        assert urls.metadata is not None  # noqa: S101 - asked for above
        pipeline.prepare(urls.warehouse)
        known = connections(home, urls.warehouse, os.environ, services, progress)
        with running_airflow(home, metadata_url=urls.metadata, connections=known, progress=progress) as (
            airflow,
            parts,
        ):
            yield airflow, [*parts, *services], urls.warehouse


def backfill(
    home: Home, progress: Progress, source: str, date_from: date, date_to: date, *, days: int = WINDOW_DAYS
) -> int:
    """Load the days `date_from`..`date_to`, both included, of one source again, then build. Raises ConfigError."""
    require_known(source)
    if date_to < date_from:
        raise ConfigError(f"TO={date_to} is before FROM={date_from}")
    if days < 1:
        raise ConfigError(f"DAYS={days}: a window has at least one day")
    span = Span(source=source, date_from=date_from, date_to=date_to)
    with some_airflow(home, progress) as (airflow, parts, warehouse):
        following = Following(home, airflow, progress, parts)
        try:
            loaded = load_windows(following, warehouse, span, days)
        except (KeyboardInterrupt, SystemExit):
            progress.say(STOPPED)
            raise
        if loaded is None:
            progress.say(STOPPED)
            return 1
        # The daily build waits for the day's news of all sources, and a backfill is none; it is asked for by hand.
        run_id = run_name(span, "build")
        with unpaused(airflow, home, "build_warehouse"):
            airflow.trigger("build_warehouse", run_id, {})
            well = following.to_the_end("build_warehouse", run_id)
        if not well:
            progress.say("the days are loaded, but the build failed; marts keep the last publication")
            return 1
        print(rows_loaded(warehouse, loaded), flush=True)
    return 0


@dataclass(frozen=True, slots=True)
class Following:
    """A running Airflow whose runs are asked for and followed to their end."""

    home: Home
    airflow: Airflow
    progress: Progress
    parts: list[Service]

    def to_the_end(self, dag: str, run_id: str) -> bool:
        """Follow a run; whether it ended well."""
        state = Follower(self.airflow, self.progress).wait([(dag, run_id)], self.parts, seconds=SECONDS)[dag]
        if state != "success":
            self.progress.say("\n".join(failures(self.airflow, dag, run_id)))
        return state == "success"

    def is_alive(self, dag: str, run_id: str | None) -> bool:
        """Whether the run waits, is under way or ended well."""
        if run_id is None:
            return False
        try:
            return self.airflow.run_state(dag, run_id) in ("queued", "running", "success")
        except AirflowRefused as error:
            if error.status != 404:
                raise
            return False


def load_windows(following: Following, warehouse: str, span: Span, days: int) -> list[str] | None:
    """Load what is left of the span; names of all its runs in `ops`, null where one failed."""
    dag, say = f"extract_{span.source}", following.progress.say
    windows = windows_of(warehouse, span, days=days)
    left = [window for window in windows if window.status != "done"]
    runs = [f"{dag}/{window.run_id}" for window in windows if window.status == "done"]
    if runs:
        say(f"going on: {len(runs)} of {len(windows)} windows are loaded already")
    began = time.monotonic()
    with unpaused(following.airflow, following.home, dag):
        for number, window in enumerate(left, 1):
            say(f"window {len(runs) + 1} of {len(windows)}: {window}")
            run_id = window.run_id
            # A command that was killed left its run to Airflow.
            if run_id is None or window.status != "running" or not following.is_alive(dag, run_id):
                # Airflow takes no name with two dots.
                run_id = run_name(span, f"{window.window_from}_to_{window.window_to}")
                begin(warehouse, span, window, run_id, datetime.now(UTC))
                following.airflow.trigger(dag, run_id, {
                    "date_from": window.window_from.isoformat(), "date_to": window.window_to.isoformat(),
                    "announce": False,
                })  # fmt: skip
            well = following.to_the_end(dag, run_id)
            end(warehouse, span, window, well=well, now=datetime.now(UTC))
            if not well:
                return None
            runs.append(f"{dag}/{run_id}")
            minutes = (time.monotonic() - began) / number * (len(left) - number) / 60
            wait = f", about {minutes:.0f} min left" if minutes >= 1 else ""
            say(f"{len(runs)} of {len(windows)} windows, {rows_read(warehouse, runs)} rows read{wait}")
    return runs


def run_name(span: Span, what: str) -> str:
    """Of a run in Airflow: says what it loads, and is never used twice."""
    return f"backfill_{span.source}_{what}_{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}"


def rows_read(warehouse: str, runs: list[str]) -> int:
    """Rows that these runs were given."""
    with psycopg.connect(warehouse) as connection:
        return int(
            connection.execute(
                "select coalesce(sum(rows_read), 0) from ops.loads where run_id = any(%s)", (runs,)
            ).fetchall()[0][0]
        )
