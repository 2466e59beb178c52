"""`make demo`: the whole daily load, through Airflow's scheduler, on the invented city.

Where simulators of another machine are named (CHAIRSIDE_SIMULATORS, docker-compose.yml): the same load through the
Airflow that serves here, which goes on serving.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from extractors.registry import WITH_FILES
from runtime.airflow import files_connection, require_no_airflow, running_airflow, warehouse_connection
from runtime.airflow_api import Airflow
from runtime.connections import FIRST_DAY, LAST_DAY, export_files, inbox, simulators
from runtime.demo_viewers import add_demo_viewers
from runtime.home import Home
from runtime.look import reports, rows_loaded, where_to_look
from runtime.progress import Progress
from runtime.rounds import Follower, failures, trigger_all, wait_for_new_run
from runtime.serve import down, serving, up
from runtime.superset import running_superset
from runtime.supervise import ProcessFailed, Service, supervised
from runtime.warehouse import databases
from simulators.running import SIMULATORS
from warehouse import pipeline

BUILD = "build_warehouse"
SECONDS = 1200.0  # of a round; five minutes in all are the aim, a slow machine gets more
ENDED = "Where to look (all is stopped now; `make up` serves PostgreSQL, Airflow and Superset until `make down`)"


def demo(home: Home, progress: Progress) -> int:
    """Everything once, then everything stopped. The exit status is the load's."""
    if os.environ.get("CHAIRSIDE_SIMULATORS"):
        return demo_where_it_serves(home, progress)
    was_serving = serving(home) is not None
    if was_serving:
        progress.say("stopping what `make up` started; it comes back after the demo")
        down(home, progress)
    loaded, look = run_demo(home, progress)
    if was_serving:
        up(home, progress)
    else:
        print(look, flush=True)
    progress.say("the demo is done" if loaded else "the load failed; marts keep the last publication")
    return 0 if loaded else 1


def run_demo(home: Home, progress: Progress) -> tuple[bool, str]:
    """Whether everything was loaded and published, and where to look."""
    require_no_airflow(home)
    with databases(home, os.environ, progress, metadata=True) as urls, supervised() as services:
        assert urls.metadata is not None  # noqa: S101 - asked for above
        with ThreadPoolExecutor() as pool:
            prepared = [pool.submit(pipeline.prepare, urls.warehouse), pool.submit(export_files, home)]
            found = simulators(home, services, progress)
            for each in prepared:
                each.result()
        progress.say(f"the invented city, {FIRST_DAY} to {LAST_DAY}: its import files are in {inbox(home)}")
        found |= {"warehouse": warehouse_connection(urls.warehouse), "files": files_connection(inbox(home))}
        home.remember(demo=True)
        # Superset is installed and made ready while Airflow loads.
        with (
            running_superset(home, metadata_url=urls.bi, warehouse=urls.warehouse, progress=progress) as superset,
            running_airflow(home, metadata_url=urls.metadata, connections=found, progress=progress) as (airflow, parts),
        ):
            runs, wrong = load_once(airflow, [*parts, *services], progress)
            if not wrong and not os.environ.get("WAREHOUSE_URL"):
                add_demo_viewers(urls.warehouse)
            superset.ready()
        tell(urls.warehouse, runs, wrong, progress)
        return not wrong, where_to_look(home, urls.warehouse, airflow.url).replace("Where to look", ENDED)


def demo_where_it_serves(home: Home, progress: Progress) -> int:
    """The load alone. Raises ProcessFailed where no Airflow serves this home."""
    found = serving(home)
    if found is None or not found.airflow_url:
        raise ProcessFailed("no Airflow serves here yet; `docker compose ps` tells how far it is")
    airflow = Airflow(found.airflow_url, home.secret("airflow_admin", size=12))
    with databases(home, os.environ, progress) as urls:
        runs, wrong = load_once(airflow, [], progress)
        tell(urls.warehouse, runs, wrong, progress)
    return 1 if wrong else 0


def tell(warehouse: str, runs: Sequence[tuple[str, str]], wrong: Sequence[str], progress: Progress) -> None:
    """What was loaded, and what went wrong or else the two reports."""
    print(rows_loaded(warehouse, [f"{dag}/{run}" for dag, run in runs]), flush=True)
    for line in wrong:
        progress.say(line)
    if not wrong:
        print(f"\n{reports(warehouse, FIRST_DAY, LAST_DAY)}\n", flush=True)


def load_once(
    airflow: Airflow, parts: Sequence[Service], progress: Progress
) -> tuple[list[tuple[str, str]], list[str]]:
    """All sources, as far back as they tell of the demo's days, then the build that their assets queue.

    The runs, and what went wrong.
    """
    follower = Follower(airflow, progress)
    sources = [f"extract_{name}" for name in WITH_FILES]
    known = set(airflow.runs(BUILD))
    airflow.forget_queued_events(BUILD)
    airflow.pause(BUILD, paused=False)
    run_id = f"demo_{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}"
    progress.say(f"loading {len(sources)} sources")
    runs: list[tuple[str, str]] = []
    for dag in sources:
        vendor = SIMULATORS.get(dag.removeprefix("extract_"))
        first = vendor.first_day(FIRST_DAY) if vendor else FIRST_DAY
        conf = {"date_from": first.isoformat(), "date_to": LAST_DAY.isoformat()}
        runs += trigger_all(airflow, [dag], run_id, conf)
    states = follower.wait(runs, parts, seconds=SECONDS)
    if set(states.values()) == {"success"}:
        progress.say("building the warehouse")
        build = wait_for_new_run(airflow, BUILD, known, parts, seconds=120)
        states |= follower.wait([build], parts, seconds=SECONDS)
        runs.append(build)
    # The simulators end with the demo; a schedule would find nobody there.
    for dag in (*sources, BUILD):
        airflow.pause(dag)
    return runs, [line for dag, run in runs if states[dag] != "success" for line in failures(airflow, dag, run)]
