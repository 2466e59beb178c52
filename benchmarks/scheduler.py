"""What Airflow adds to a daily run: its wall time under the real scheduler, less the same work called directly.

A home of its own with Airflow and the simulators of the vendors that one clinic has, as `make up` starts them. After
one load of everything, days are loaded again in turns: every source's DAG is triggered and the build comes by their
assets, then the same streams, gates and steps are called one after another in one process. The vendors answer at once,
so what Airflow costs is not hidden behind their waiting. Its share is (scheduled − direct) / scheduled; a longer daily
run has a smaller one, so the seconds count too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg

from benchmarks.harness import Bench, in_turns, same, seconds
from runtime.airflow import files_connection, running_airflow, warehouse_connection
from runtime.airflow_api import Airflow
from runtime.connections import FIRST_DAY, LAST_DAY, export_files, inbox, simulators
from runtime.home import Home, open_home
from runtime.progress import Progress
from runtime.rounds import Follower, trigger_all, wait_for_new_run
from runtime.supervise import Service, supervised
from runtime.warehouse import databases
from simulators.running import SIMULATORS
from warehouse import pipeline

BUILD = "build_warehouse"
ROUNDS, LONGEST = 3, 1200.0
# What one clinic has: calls, ads, site visits, deals, patients, and the import files.
CLINIC = ("calltouch", "yandex_direct", "yandex_metrica", "bitrix24", "open_dental")
# The last days of the invented city: what a daily run's lookback reads again.
DAYS = 3


def run(bench: Bench) -> None:
    """Two figures: Airflow's share of a daily run, and the seconds that it adds."""
    home = open_home({"CHAIRSIDE_HOME": str(bench.work / "scheduler")})
    progress = Progress()
    environ = {
        name: value for name, value in os.environ.items() if name not in ("WAREHOUSE_URL", "AIRFLOW_METADATA_URL")
    }
    with ExitStack() as stack:
        urls = stack.enter_context(databases(home, environ, progress, metadata=True))
        services = stack.enter_context(supervised())
        pipeline.prepare(urls.warehouse)
        with ThreadPoolExecutor() as pool:
            exported = pool.submit(export_files, home)
            served = simulators(home, services, progress)
            exported.result()
        vendors = {name: served[name] for name in CLINIC}
        found = vendors | {"warehouse": warehouse_connection(urls.warehouse), "files": files_connection(inbox(home))}
        home.remember(demo=True)
        airflow, parts = stack.enter_context(
            running_airflow(home, metadata_url=str(urls.metadata), connections=found, progress=progress)
        )
        _measure(bench, _Daily(home, urls.warehouse, airflow, [*parts, *services], vendors, progress))


def _measure(bench: Bench, daily: _Daily) -> None:
    daily.scheduled(FIRST_DAY)  # everything; also what is slow once: parsing and compiling
    daily.direct(LAST_DAY - timedelta(days=DAYS))  # the first day makes indexes
    rounds = min(ROUNDS, int(os.environ.get("BENCH_ROUNDS") or ROUNDS))
    first = LAST_DAY - timedelta(days=DAYS)
    landed: dict[str, int] = {}

    def scheduled() -> float:
        took = seconds(lambda: daily.scheduled(first))
        landed["scheduled"] = daily.rows_read()
        return took

    def direct() -> float:
        took = daily.direct(first)
        landed["direct"] = daily.rows_read()
        return took

    took = in_turns({"scheduled": scheduled, "direct": direct}, rounds, once_seconds=LONGEST)
    same("rows read of the vendors", landed["scheduled"], landed["direct"])
    tasks = daily.tasks
    how = (
        f"scheduled {took['scheduled']:.1f} s : direct {took['direct']:.1f} s; {len(tasks)} tasks of"
        f" {len(CLINIC) + 2} DAGs, {sum(tasks):.1f} s within them; the demo's vendors, {landed['direct']} rows again"
    )
    sizes = {"dags": len(CLINIC) + 2, "tasks": len(tasks), "rows_read": landed["direct"]}
    added = took["scheduled"] - took["direct"]
    bench.record("airflow's share of a daily run", added / took["scheduled"], 0.5, how, rounds=took, sizes=sizes)
    bench.record("seconds that airflow adds to a daily run", added, 60.0, how, rounds=took, sizes=sizes)


class _Daily:
    """A daily run, both ways. State: the seconds within each task of the last scheduled run."""

    def __init__(
        self,
        home: Home,
        url: str,
        airflow: Airflow,
        parts: list[Service],
        vendors: Mapping[str, Any],
        progress: Progress,
    ) -> None:
        self._home, self._url, self._airflow, self._parts, self._vendors = home, url, airflow, parts, vendors
        self._follower = Follower(airflow, progress)
        self._run = ""
        self.tasks: list[float] = []

    def scheduled(self, first: date) -> None:
        """Every source by its DAG, then the build that their assets queue. Raises LookupError where one fails."""
        airflow, known = self._airflow, set(self._airflow.runs(BUILD))
        airflow.pause(BUILD, paused=False)
        self._run = f"bench_{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}"
        runs: list[tuple[str, str]] = []
        for name in (*CLINIC, "files"):
            runs += trigger_all(airflow, [f"extract_{name}"], self._run, self._days(name, first))
        states = self._follower.wait(runs, self._parts, seconds=LONGEST)
        if set(states.values()) == {"success"}:
            build = wait_for_new_run(airflow, BUILD, known, self._parts, seconds=120)
            runs.append(build)
            states |= self._follower.wait([build], self._parts, seconds=LONGEST)
        if wrong := sorted(dag for dag, state in states.items() if state != "success"):
            raise LookupError(f"{', '.join(wrong)} did not end well; see the task logs of Airflow")
        self.tasks = [task["duration"] or 0.0 for dag, run in runs for task in airflow.tasks(dag, run)]

    def direct(self, first: date) -> float:
        """Seconds of the same work in a process that is started before and only waits for its turn."""
        self._run = f"direct_{time.time_ns()}"
        asked = {
            "url": self._url, "run_id": self._run, "inbox": str(inbox(self._home)),
            "folder": str(self._home.dbt_target), "vendors": self._vendors,
            "days": {name: self._days(name, first) for name in CLINIC},
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.daily_once"], input=json.dumps(asked), check=True, text=True,
            stdout=subprocess.PIPE, env={**os.environ, "CHAIRSIDE_HOME": str(self._home.root)},
        )  # fmt: skip
        return float(json.loads(done.stdout.splitlines()[-1])["seconds"])

    def rows_read(self) -> int:
        """Of the vendors, by the last run."""
        with psycopg.connect(self._url) as connection:
            (found,) = connection.execute(
                "select coalesce(sum(rows_read), 0) from ops.loads where run_id like %s and source <> 'files'",
                (f"%{self._run}%",),
            ).fetchall()[0]
        return int(found)

    def _days(self, name: str, first: date) -> dict[str, str]:
        vendor = SIMULATORS.get(name)
        began = vendor.first_day(FIRST_DAY) if vendor and first == FIRST_DAY else first
        return {"date_from": began.isoformat(), "date_to": LAST_DAY.isoformat()}
