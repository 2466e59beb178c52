"""`make demo`: the whole daily load, through Airflow's scheduler, on the invented city."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from extractors.registry import SOURCES
from runtime.airflow import files_connection, running_airflow, warehouse_connection
from runtime.connections import FIRST_DAY, LAST_DAY, export_files, inbox, simulators
from runtime.home import Home
from runtime.look import reports, rows_loaded, where_to_look
from runtime.progress import Progress
from runtime.rounds import Follower, failures, trigger_all, wait_for_new_run
from runtime.serve import down, serving, up
from runtime.supervise import supervised
from runtime.warehouse import databases
from warehouse import pipeline

BUILD = "build_warehouse"
SECONDS = 1200.0  # of a round; five minutes in all are the aim, a slow machine gets more


def demo(home: Home, progress: Progress) -> int:
    """Everything once, then everything stopped. The exit status is the load's."""
    was_serving = serving(home) is not None
    if was_serving:
        progress.say("stopping what `make up` started; it comes back after the demo")
        down(home, progress)
    status = _demo(home, progress)
    if was_serving:
        up(home, progress)
    return status


def _demo(home: Home, progress: Progress) -> int:
    with databases(home, os.environ, progress, metadata=True) as urls, supervised() as services:
        assert urls.metadata is not None  # noqa: S101 - asked for above
        with ThreadPoolExecutor() as pool:
            prepared = [pool.submit(pipeline.prepare, urls.warehouse), pool.submit(export_files, home)]
            found = simulators(home, services, progress)
            for each in prepared:
                each.result()
        progress.say(f"the invented city: {FIRST_DAY} to {LAST_DAY}; its import files are in {inbox(home)}")
        found |= {"warehouse": warehouse_connection(urls.warehouse), "files": files_connection(inbox(home))}
        home.remember(demo=True)
        with running_airflow(home, metadata_url=urls.metadata, connections=found, progress=progress) as (
            airflow,
            parts,
        ):
            follower = Follower(airflow, progress)
            known = set(airflow.runs(BUILD))
            airflow.forget_queued_events(BUILD)
            airflow.unpause(BUILD)
            run_id = f"demo {datetime.now(UTC):%Y-%m-%dT%H:%M:%S}"
            progress.say("loading five sources")
            dags = [f"extract_{name}" for name in (*SOURCES, "files")]
            conf = {"date_from": FIRST_DAY.isoformat(), "date_to": LAST_DAY.isoformat()}
            runs = trigger_all(airflow, dags, run_id, conf)
            states = follower.wait(runs, [*parts, *services], seconds=SECONDS)
            if not set(states.values()) - {"success"}:
                progress.say("building the warehouse")
                build = wait_for_new_run(airflow, BUILD, known, parts, seconds=120)
                runs.append(build)
                states |= follower.wait([build], [*parts, *services], seconds=SECONDS)
            wrong = [line for dag, run in runs if states[dag] != "success" for line in failures(airflow, dag, run)]
            print(rows_loaded(urls.warehouse, [f"{dag}/{run}" for dag, run in runs]), flush=True)
            if wrong:
                progress.say("the load failed; marts keep the last publication:\n" + "\n".join(wrong))
                return 1
            print(f"\n{reports(urls.warehouse, FIRST_DAY, LAST_DAY)}\n", flush=True)
    print(where_to_look(home, urls.warehouse, "").replace("Where to look", "Where to look (the demo has ended; "
          "`make up` serves PostgreSQL and Airflow until `make down`)"), flush=True)  # fmt: skip
    progress.say("the demo is done, everything is stopped")
    return 0
