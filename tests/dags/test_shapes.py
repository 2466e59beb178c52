"""What the DAGs must look like for the daily load to run itself."""

from __future__ import annotations

import ast
import re
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest

from dags.common import source_dag
from dags.common.settings import awaited, beginning
from extractors.registry import SOURCES
from runtime.home import REPOSITORY
from warehouse.alerts.causes import RETRIES_TAKE

DAGS = REPOSITORY / "dags"
ALL_SOURCES = (*SOURCES, "files")
Bag = Any  # Airflow's types are not followed by the type checker


def test_every_file_imports_and_holds_the_dag_of_its_name(dag_bag: Bag) -> None:
    assert dag_bag.import_errors == {}
    assert set(dag_bag.dags) == {path.stem for path in DAGS.glob("*.py")}


def test_every_source_has_a_dag_and_every_source_dag_a_source(dag_bag: Bag) -> None:
    assert {name for name in dag_bag.dags if name.startswith("extract_")} == {f"extract_{name}" for name in ALL_SOURCES}


@pytest.mark.parametrize("source", ALL_SOURCES)
def test_a_source_loads_every_stream_then_validates_then_announces_once(dag_bag: Bag, source: str) -> None:
    dag = dag_bag.dags[f"extract_{source}"]
    streams = ("inbox",) if source == "files" else tuple(stream.name for stream in SOURCES[source].streams)
    assert set(dag.task_dict) == {"validate", "announce", *(f"load_{stream}" for stream in streams)}
    assert dag.task_dict["validate"].upstream_task_ids == {f"load_{stream}" for stream in streams}
    assert dag.task_dict["announce"].upstream_task_ids == {"validate"}
    emitters = [task.task_id for task in dag.tasks if task.outlets]
    assert emitters == ["announce"]
    assert [asset.name for asset in dag.task_dict["announce"].outlets] == [f"staging_{source}"]


def test_the_warehouse_waits_for_all_sources_or_for_its_hour(dag_bag: Bag) -> None:
    timetable = dag_bag.dags["build_warehouse"].timetable
    assert type(timetable).__name__ == "AssetOrTimeSchedule"
    described = repr(timetable.asset_condition)
    assert set(re.findall(r"staging_\w+", described)) == {f"staging_{name}" for name in ALL_SOURCES}
    assert type(timetable.asset_condition).__name__ == "AssetAll"
    assert "Cron" in type(timetable.timetable).__name__


def test_hours_of_schedules_are_of_their_zone_whatever_clock_the_home_wrote_its_beginning_in(
    dag_bag: Bag, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`make up` says in UTC when schedules begin (runtime/airflow.py); at five is five in Moscow all the same."""
    monkeypatch.setattr(source_dag, "START", beginning("2026-11-20T10:00:00+00:00", "Europe/Moscow"))
    dags = [*dag_bag.dags.values(), source_dag.source_dag("uis", streams=["calls"], description="calls")]
    for dag in dags:
        timetable = getattr(dag.timetable, "timetable", dag.timetable)
        assert str(timetable.timezone) == "Europe/Moscow", dag.dag_id
        assert str(dag.timezone) == "Europe/Moscow", dag.dag_id
    assert dags[-1].start_date == datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert beginning("2026-01-01", "Europe/Moscow") == datetime(2025, 12, 31, 21, tzinfo=UTC)


def test_the_warehouse_steps_stand_in_order(dag_bag: Bag) -> None:
    tasks = dag_bag.dags["build_warehouse"].task_dict
    order = ["check_landed", "build", "forecast", "check_marts", "publish", "lints", "expire_history"]
    assert set(tasks) == set(order)
    for before, after in pairwise(order):
        assert tasks[after].upstream_task_ids == {before}


def test_a_run_that_yesterdays_events_began_waits_for_todays_loads(
    dag_bag: Bag, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Uis was silent yesterday, and is the first to load at five; calltouch comes later, or not before eight."""
    step = dag_bag.dags["build_warehouse"].task_dict["check_landed"]
    assert (step.mode, step.poke_interval) == ("reschedule", 60)
    module = sys.modules[type(step).__module__]
    missing: list[str] = []
    taken: list[str] = []
    asked: list[datetime] = []

    def without_news(_url: str, _names: object, *, since: datetime) -> list[str]:
        asked.append(since)
        return missing

    monkeypatch.setattr("warehouse.pipeline.without_news", without_news)
    monkeypatch.setattr(module, "warehouse_url", lambda: "postgresql://nowhere")
    monkeypatch.setattr(module, "run_step", lambda name, _context: taken.append(name))

    def looks(run_type: str, began: datetime) -> bool:
        return bool(step.poke({"dag_run": SimpleNamespace(run_type=run_type, run_after=began)}))

    now = datetime.now(UTC)
    missing[:] = ["calltouch"]
    assert not looks("asset_triggered", now)
    assert (taken, asked) == ([], [now - timedelta(hours=20)])
    with pytest.raises(Exception, match="fallback hour") as left:
        looks("asset_triggered", now - timedelta(hours=24))
    assert type(left.value).__name__ == "AirflowSkipException"
    assert looks("scheduled", now) and looks("manual", now)
    missing[:] = []
    assert looks("asset_triggered", now)
    assert taken == ["check_landed"] * 3
    five = datetime(2026, 9, 7, 2, tzinfo=UTC)
    assert module.fallback_after(five) == five + timedelta(hours=3)


def test_no_dag_overlaps_itself_and_every_task_is_tried_again_and_ends(dag_bag: Bag) -> None:
    for dag in dag_bag.dags.values():
        longest = timedelta(minutes=10) if dag.dag_id == "watch" else timedelta(hours=2)
        assert all(task.execution_timeout == longest for task in dag.tasks), dag.dag_id
        assert dag.max_active_runs == 1, dag.dag_id
        assert not dag.catchup, dag.dag_id
        assert all(task.retries >= 1 for task in dag.tasks), dag.dag_id


def test_the_tries_of_a_source_are_over_before_people_are_told(dag_bag: Bag) -> None:
    task = dag_bag.dags["extract_uis"].task_dict["load_calls"]
    pauses = [task.retry_delay * task.retry_exponential_backoff**number for number in range(task.retries)]
    longest = 2 * sum(pauses, timedelta())  # Airflow spreads a pause over itself and twice itself
    assert timedelta(minutes=10) < longest < RETRIES_TAKE
    assert max(pauses) * 2 < task.max_retry_delay


@pytest.mark.parametrize("source", ALL_SOURCES)
def test_no_two_tasks_of_a_source_run_together_but_none_waits_for_another_streams_success(
    dag_bag: Bag, source: str
) -> None:
    dag = dag_bag.dags[f"extract_{source}"]
    assert (dag.max_active_tasks, dag.max_active_runs) == (1, 1)
    assert not any(task.upstream_task_ids for task in dag.tasks if task.task_id.startswith("load_"))


def test_a_dag_file_is_short_and_reads_no_variable_while_it_is_parsed() -> None:
    for path in DAGS.glob("extract_*.py"):
        text = path.read_text()
        assert len(text.splitlines()) <= 15, path.name
    for path in DAGS.rglob("*.py"):
        top = [node for node in ast.parse(path.read_text()).body if not isinstance(node, ast.FunctionDef)]
        calls = {ast.unparse(call.func) for node in top for call in ast.walk(node) if isinstance(call, ast.Call)}
        assert not {"Variable.get", "Connection.get", "BaseHook.get_connection"} & calls, path.name


def test_the_warehouse_waits_only_for_the_sources_that_a_clinic_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAIRSIDE_SOURCES", "files, calltouch")
    assert awaited(("bitrix24", "calltouch", "files")) == ("calltouch", "files")
    monkeypatch.setenv("CHAIRSIDE_SOURCES", "")
    assert awaited(("bitrix24", "calltouch", "files")) == ("bitrix24", "calltouch", "files")
