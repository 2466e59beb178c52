"""A backfill goes window by window, goes on where it stopped, and lets the daily run in between."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest

from extractors.registry import SOURCES
from extractors.run import run_stream
from runtime.airflow import running_airflow, warehouse_connection
from runtime.airflow_api import Airflow
from runtime.backfill import Following, load_windows
from runtime.backfill_windows import Span, begin, end, split, windows_of
from runtime.home import Home, open_home
from runtime.progress import Progress
from runtime.rounds import Follower
from runtime.supervise import Service
from runtime.warehouse import databases
from simulators.running import quick_options, running_simulators
from simulators.world import build_world
from tests.loading.proxy import Proxy, Spoil, running_proxy
from tests.warehouse.receiver import Receiver, running_receiver
from warehouse import pipeline
from warehouse.migrate import migrate

NOW = datetime(2026, 9, 20, tzinfo=UTC)
YEAR = Span(source="calltouch", date_from=date(2025, 9, 1), date_to=date(2026, 8, 31))


def test_a_year_is_twelve_windows_that_meet_and_import_files_are_one() -> None:
    windows = split(YEAR, 31)
    assert len(windows) == 12
    assert (windows[0][0], windows[-1][1]) == (YEAR.date_from, YEAR.date_to)
    for (_, last), (first, _) in pairwise(windows):
        assert first == last + timedelta(days=1)
    assert split(Span(source="files", date_from=YEAR.date_from, date_to=YEAR.date_to), 31) == [
        (YEAR.date_from, YEAR.date_to)
    ]


def test_a_backfill_that_was_stopped_keeps_its_windows_and_one_that_ended_begins_anew(fresh_database: str) -> None:
    migrate(fresh_database)
    windows = windows_of(fresh_database, YEAR, days=31)
    for window in windows[:3]:
        begin(fresh_database, YEAR, window, f"run {window}", NOW)
    end(fresh_database, YEAR, windows[0], well=True, now=NOW)
    end(fresh_database, YEAR, windows[1], well=False, now=NOW)
    # another length of windows does not matter to one that has begun
    again = windows_of(fresh_database, YEAR, days=7)
    assert [(window.status, window.run_id is None) for window in again[:4]] == [
        ("done", False), ("failed", False), ("running", False), ("waiting", True),
    ]  # fmt: skip
    # another span is another backfill
    assert len(windows_of(fresh_database, Span(source="uis", date_from=NOW.date(), date_to=NOW.date()), days=31)) == 1
    for window in again:
        end(fresh_database, YEAR, window, well=True, now=NOW)
    anew = windows_of(fresh_database, YEAR, days=7)
    assert len(anew) == 53
    assert {window.status for window in anew} == {"waiting"}


FIRST, LAST = date(2026, 8, 1), date(2026, 8, 30)
SPAN = Span(source="calltouch", date_from=FIRST, date_to=LAST)


@dataclass
class Running:
    """Airflow with one vendor behind a proxy and a chat that is told."""

    home: Home
    airflow: Airflow
    parts: list[Service]
    warehouse: str
    vendor: Proxy
    chat: Receiver
    settings: dict[str, object]

    def backfill(self) -> list[str] | None:
        return load_windows(Following(self.home, self.airflow, Progress(), self.parts), self.warehouse, SPAN, 10)

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.warehouse) as connection:
            return connection.execute(query.encode()).fetchall()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    home, progress = open_home({"CHAIRSIDE_HOME": str(tmp_path / "home")}), Progress()
    with ExitStack() as stack:
        urls = stack.enter_context(databases(home, {}, progress, metadata=True))
        assert urls.metadata is not None
        pipeline.prepare(urls.warehouse)
        world = build_world(3, date_from=FIRST, days=30)
        simulators = stack.enter_context(running_simulators(world, options=quick_options(), only=["calltouch"]))
        vendor = stack.enter_context(
            running_proxy(simulators.servers["calltouch"].base_url, required="callId")
        )
        chat = stack.enter_context(running_receiver())
        endpoint = simulators["calltouch"]
        connections = {
            "warehouse": warehouse_connection(urls.warehouse),
            "calltouch": {
                "conn_type": "http", "host": vendor.url, "password": endpoint["token"],
                "extra": {**endpoint["settings"], "requests_per_second": 0},
            },
            "alerts_slack": {"conn_type": "http", "host": chat.url, "password": "T0/B0/secret"},
        }  # fmt: skip
        stack.enter_context(pytest.MonkeyPatch.context()).setenv("CHAIRSIDE_MARTS_BY", "none")
        assert os.environ["CHAIRSIDE_MARTS_BY"] == "none"
        airflow, parts = stack.enter_context(
            running_airflow(home, metadata_url=urls.metadata, connections=connections, progress=progress)
        )
        settings = {
            **endpoint["settings"], "base_url": vendor.url, "token": endpoint["token"], "requests_per_second": 0
        }  # fmt: skip
        yield Running(home, airflow, parts, urls.warehouse, vendor, chat, settings)


def until(what: object, seconds: float = 120) -> None:
    assert callable(what)
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.5)


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_the_daily_run_goes_in_between_a_failure_is_told_once_and_the_rest_follows(running: Running) -> None:
    # The vendor refuses in the second window. While the first is loaded, a daily run comes due.
    def come_due() -> None:
        until(lambda: running.rows("select 1 from ops.backfill_windows where status = 'running'"))
        running.airflow.trigger("extract_calltouch", "daily", {"date_from": "2026-08-29", "date_to": "2026-08-30"})
        until(lambda: running.airflow.run_state("extract_calltouch", "daily") in ("success", "failed"), 300)
        running.vendor.plan(*(Spoil("expired token", at=number) for number in range(500)))

    running.vendor.delay = 0.2
    daily = threading.Thread(target=come_due)
    daily.start()
    assert running.backfill() is None
    daily.join()
    runs = [row[0] for row in running.rows("select run_id from ops.loads group by run_id order by min(started_at)")]
    names = [str(run).removeprefix("extract_calltouch/") for run in runs]
    place = names.index("daily")
    assert 0 < place <= 2 and names[0].startswith("backfill_calltouch_2026-08-01_to_2026-08-10_")
    done = running.rows("select window_from, status from ops.backfill_windows order by window_from")
    assert "failed" in {status for _, status in done} and done[0][1] == "done"

    # Airflow's DAG processor calls the notifier: four streams, one message
    until(lambda: running.chat.taken)
    (told,) = running.chat.texts()
    assert "calltouch: the vendor refuses the request\nStreams: call_counts, calls, requests, sessions\n" in told
    assert "docs/runbooks/vendor_down.md" in told

    # the vendor is well again: only what is left is loaded, and the watch says that it is over
    running.vendor.plan()
    running.vendor.delay = 0
    kept = {row[0] for row in running.rows("select run_id from ops.backfill_windows where status = 'done'")}
    again = running.backfill()
    assert again is not None and len(again) == 3
    assert kept < {str(run).removeprefix("extract_calltouch/") for run in again}
    assert running.rows("select distinct status from ops.backfill_windows") == [("done",)]
    running.airflow.pause("watch", paused=False)
    running.airflow.trigger("watch", "now", {})
    until(lambda: running.chat.taken)
    assert running.chat.texts()[0].startswith("[chairside] over: calltouch: the vendor refuses the request\n")

    # Airflow's own backfill: a run per tick, of the tick's day
    running.airflow.pause("extract_calltouch", paused=False)
    running.airflow.call("POST", "backfills", json={
        "dag_id": "extract_calltouch", "from_date": "2026-08-05T00:00:00Z", "to_date": "2026-08-06T00:00:00Z",
        "run_backwards": False, "dag_run_conf": {}, "reprocess_behavior": "none", "max_active_runs": 1,
    })  # fmt: skip
    of_airflow = "from ops.loads where run_id like 'extract_calltouch/backfill\\_\\_%' and status = 'succeeded'"
    until(lambda: running.rows(f"select 1 {of_airflow} having count(distinct stream) = 4"), 600)
    its_days = running.rows(f"select distinct window_from, window_to {of_airflow}")
    assert its_days == [(date(2026, 8, 5), date(2026, 8, 5))]

    # a backfill is no news of today: the warehouse was not asked to build for it
    assert running.rows("select count(*) from staging.calltouch__calls")[0][0] > 0  # type: ignore[operator]
    events = running.airflow.call("GET", "assets/events")["asset_events"]
    assert [event["source_run_id"] for event in events] == ["daily"]


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_a_command_killed_in_a_window_goes_on_there_and_the_rows_are_those_of_one_load(
    running: Running, fresh_database: str
) -> None:
    class Killed(Exception):
        """As if the command had been ended from outside: nothing of it comes after."""

    def until_the_second_is_under_way(follower: Follower, dag: str, run_id: str) -> str:
        state = look(follower, dag, run_id)
        if state == "running" and running.rows("select 1 from ops.backfill_windows where status = 'done'"):
            raise Killed
        return state

    look = Follower.look
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Follower, "look", until_the_second_is_under_way)
        running.backfill()
    statuses = "select status from ops.backfill_windows order by window_from"
    assert [status for (status,) in running.rows(statuses)] == ["done", "running", "waiting"]
    names = "select run_id from ops.backfill_windows where run_id is not null"
    before = {name for (name,) in running.rows(names)}

    running.airflow.pause("extract_calltouch", paused=False)
    running.airflow.trigger("extract_calltouch", "daily", {"date_from": "2026-08-29", "date_to": "2026-08-30"})
    assert running.backfill() is not None
    assert [status for (status,) in running.rows(statuses)] == ["done", "done", "done"]
    # the run that the killed command left to Airflow was followed, not begun again
    assert before < {name for (name,) in running.rows(names)}
    until(lambda: running.airflow.run_state("extract_calltouch", "daily") == "success")

    migrate(fresh_database)
    for stream in SOURCES["calltouch"].streams:
        run_stream(
            fresh_database, "calltouch", stream.name, FIRST, LAST, settings=running.settings, run_id="one", now=NOW
        )
        columns = ", ".join([*stream.column_names, "_extra"])
        query = f"select {columns} from staging.{stream.table} order by {', '.join(stream.key)}"
        if stream.counts is not None:
            # The vendor counts a window: three windows, and the daily run's own, where one load has one.
            query = f"""select sum(row_count) from staging.{stream.table} where first_date <> '2026-08-29'"""
        with psycopg.connect(fresh_database) as connection:
            assert running.rows(query) == connection.execute(query.encode()).fetchall() != []
