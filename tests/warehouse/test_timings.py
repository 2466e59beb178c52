"""How long steps and models take is kept, and one that is slower than its own past is named."""

from __future__ import annotations

import traceback
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.warehouse.small_warehouse import Warehouse
from warehouse import pipeline
from warehouse.dbt import BuildFailed, ModelRun
from warehouse.timings import Scope, record

DAY = datetime(2026, 6, 1, 5, tzinfo=UTC)


def built(warehouse: Warehouse, number: int, scope: Scope | None, *models: tuple[str, float, int]) -> None:
    """One build, a day after the one before."""
    runs = [
        ModelRun(model=model, kind="model", status="success", seconds=seconds, rows=rows, message=None)
        for model, seconds, rows in models
    ]
    record(warehouse.url, f"build/{number}", runs, scope=scope)
    moment = DAY + timedelta(days=number)
    warehouse.run("update ops.model_runs set finished_at = %s where run_id = %s", (moment, f"build/{number}"))


def slow(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    return warehouse.run("select model, scope, seconds, usual_seconds, times_slower from ops.slow_models")


def test_a_model_that_took_over_twice_its_usual_time_is_named_against_builds_of_its_own_kind(
    warehouse: Warehouse,
) -> None:
    for number, seconds in enumerate((2, 3, 4, 3, 2)):
        built(warehouse, number, "day", ("fct_touches", seconds, 100), ("dim_clinics", 0.1, 3))
    assert slow(warehouse) == []
    built(warehouse, 5, "everything", ("fct_touches", 60, 9000), ("dim_clinics", 0.1, 3))
    assert slow(warehouse) == []  # a first build of everything has nothing to be compared with
    built(warehouse, 6, "day", ("fct_touches", 9, 110), ("dim_clinics", 0.9, 3))
    # nine seconds against a median of three; a clinic table nine times slower is still nothing anybody waits for
    assert slow(warehouse) == [("fct_touches", "day", 9, 3, 3)]
    built(warehouse, 7, "day", ("fct_touches", 3, 100), ("dim_clinics", 0.1, 3))
    assert slow(warehouse) == []


def test_fewer_than_five_builds_before_name_nothing(warehouse: Warehouse) -> None:
    for number in range(4):
        built(warehouse, number, "day", ("fct_touches", 1, 1))
    built(warehouse, 4, "day", ("fct_touches", 50, 1))
    assert slow(warehouse) == []
    built(warehouse, 5, "day", ("fct_touches", 50, 1))
    assert [row[0] for row in slow(warehouse)] == ["fct_touches"]


def test_a_step_and_a_sources_extract_are_timed_over_the_windows_of_a_run(warehouse: Warehouse) -> None:
    for window, status in enumerate(("failed", "succeeded", "succeeded")):
        began = DAY + timedelta(minutes=window)
        warehouse.run(
            "insert into ops.loads (run_id, source, stream, started_at, finished_at, rows_read, status)"
            " values ('r', 'calltouch', 'calls', %s, %s, 10, %s)",
            (began, began + timedelta(seconds=20), status),
        )
    for number, seconds in enumerate((5, 5, 5, 5, 5, 30)):
        began = DAY + timedelta(days=number)
        warehouse.run(
            "insert into ops.steps (run_id, step, started_at, finished_at, status)"
            " values (%s, 'publish', %s, %s, 'done')",
            (f"r{number}", began, began + timedelta(seconds=seconds)),
        )
    assert warehouse.run(
        "select step, source, seconds, rows, status, finished_at - started_at from ops.step_timings where run_id = 'r'"
    ) == [("extract", "calltouch", 60, 30, "failed", timedelta(minutes=2, seconds=20))]
    assert warehouse.run("select kind, name, seconds, usual_seconds from ops.slower_than_usual()") == [
        ("step", "publish", 30, 5)
    ]


def test_what_a_model_said_when_it_failed_is_kept_without_the_rows_that_it_quotes(warehouse: Warehouse) -> None:
    said = 'invalid input syntax for type date: "Анна И."\nDETAIL: Key (phone)=(+79000000001) already exists.'
    failed = ModelRun(model="dim_patients", kind="model", status="error", seconds=0.1, rows=None, message=said)
    record(warehouse.url, "r", [failed], scope=None)
    assert warehouse.run("select message from ops.model_runs") == [('invalid input syntax for type date: "***"\n',)]


def test_a_step_that_fails_says_and_raises_nothing_that_the_database_quotes_of_rows(warehouse: Warehouse) -> None:
    name = "Анна Иванова"
    warehouse.run("create table build.people (full_name text constraint nobody check (full_name is null))")
    with (
        pytest.raises(pipeline.StepFailed, match=r'publish: the warehouse refused .* "nobody"') as of_database,
        pipeline.step(warehouse.url, "r", "publish", print),
    ):
        warehouse.run("insert into build.people values (%s)", (name,))
    said = f"dbt: 1 of 9 failed\n  model people: violates constraint DETAIL: Failing row contains ({name})."
    with pytest.raises(BuildFailed) as of_dbt, pipeline.step(warehouse.url, "r", "build", print):
        raise BuildFailed(said)
    kept = warehouse.run("select step, message from ops.steps order by step")
    assert kept == [
        ("build", "dbt: 1 of 9 failed\n  model people: violates constraint "), ("publish", str(of_database.value)),
    ]  # fmt: skip
    for error in (of_database, of_dbt):
        assert name not in "".join(traceback.format_exception(error.value))


def test_a_source_has_news_once_its_load_passed_its_gate(warehouse: Warehouse) -> None:
    """Yesterday's pass, a refused one of today and a step of another kind are no news."""
    for run, step, status, hours in (
        ("extract_uis/today", "check_landed", "done", 2), ("extract_meta_ads/yesterday", "check_landed", "done", -22),
        ("extract_calltouch/today", "check_landed", "failed", 2), ("extract_files/today", "load_files", "done", 2),
        ("build_warehouse/today", "check_landed", "done", 3),
    ):  # fmt: skip
        at = DAY + timedelta(hours=hours)
        warehouse.run("insert into ops.steps values (%s, %s, %s, %s, %s)", (run, step, at, at, status))
    names = ("uis", "meta_ads", "calltouch", "files", "fhir")
    assert pipeline.without_news(warehouse.url, names, since=DAY) == ["calltouch", "fhir", "files", "meta_ads"]
