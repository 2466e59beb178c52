"""Parts of a build of a day, each alone: its tests, its compiled SQL, what its publication may leave uncompared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import psycopg
import pytest

from tests.warehouse.small_warehouse import Warehouse
from warehouse.dbt import BuildFailed, Dbt, ModelRun
from warehouse.increment import recipe, run, steps, unpublished
from warehouse.increment.recipe import Stage, Step
from warehouse.increment.run import code_hash
from warehouse.publish_touched import hold_touched, keep_published
from warehouse.settings_of_no_figure import SETTINGS_OF_NO_FIGURE

TWICE = "select number from (values (1), (1)) as told (number)"


def test_what_a_test_of_a_day_finds_is_a_failure_and_nothing_of_the_day_stays(
    fresh_database: str, tmp_path: Path
) -> None:
    dbt = Dbt(fresh_database, tmp_path, lambda _line: None)
    stage = Stage(
        models=(Step(model="numbers", query=TWICE),),
        tests=(
            Step(model="numbers_are_there", query='select 1 where not exists (select from "day"."numbers")'),
            Step(model="numbers_are_unique", query='select number from "day"."numbers" group by 1 having count(*) > 1'),
        ),
    )
    with psycopg.connect(fresh_database) as connection:
        connection.execute("create schema build")
        connection.execute("create table build.numbers (number integer)")
    told: list[ModelRun] = []

    def take(runs: Sequence[ModelRun]) -> None:
        told.extend(runs)
        dbt.take(runs)

    with pytest.raises(BuildFailed, match="numbers_are_unique"), psycopg.connect(fresh_database) as connection:
        steps.make_tables(connection, ["numbers"])
        steps.run_stage(connection, stage, schema="day", done=take)
    assert [(run.model, run.status, run.rows) for run in told] == [
        ("numbers", "success", 2), ("numbers_are_there", "pass", 0), ("numbers_are_unique", "fail", 1),
    ]  # fmt: skip
    with psycopg.connect(fresh_database) as connection:
        assert connection.execute("select to_regnamespace('day')").fetchone() == (None,)


def test_how_long_something_is_kept_is_no_reason_to_build_everything(warehouse: Warehouse) -> None:
    for kind in ("clinics", "employees", "counterparties", "tracking_addresses", "treatment_stages"):
        warehouse.run(f"create table build.int_{kind}_unioned (id text)")

    def rules_after(name: str, value: str) -> str:
        with psycopg.connect(warehouse.url) as connection:
            connection.execute(
                "insert into staging.settings (name, value) values (%s, %s)"
                " on conflict (name) do update set value = excluded.value", (name, value),
            )  # fmt: skip
            return run._rules(connection)

    before = rules_after("reporting_currency", "RUB")
    for name in SETTINGS_OF_NO_FIGURE:
        assert rules_after(name, "7") == before, name
    assert rules_after("reporting_currency", "EUR") != before


def _chain(first: str) -> Stage:
    """`last` reads `middle`, which takes its time and reads `first`; told in the wrong order."""
    slow = 'select number from "build"."first" cross join (select pg_sleep(0.2)) as pause'
    return Stage(
        models=(
            Step(model="last", query='select number from "build"."middle"'), Step(model="middle", query=slow),
            Step(model="first", query=first),
        ),
        tests=(Step(model="last_has_rows", query='select 1 where not exists (select from "build"."last")'),),
        parents={"last": frozenset({"middle"}), "middle": frozenset({"first"}), "first": frozenset()},
    )  # fmt: skip


def _made_side_by_side(url: str, stage: Stage) -> list[ModelRun]:
    with psycopg.connect(url) as connection:
        connection.execute("create schema build")
        for step in stage.models:
            connection.execute(f"create table build.{step.model} (number integer)".encode())
    told: list[ModelRun] = []
    steps.run_side_by_side(lambda: psycopg.connect(url), stage, schema="build", done=told.extend)
    return told


@pytest.mark.parametrize("at_a_time", [1, steps.AT_A_TIME])
def test_models_made_side_by_side_wait_for_what_they_read(
    fresh_database: str, monkeypatch: pytest.MonkeyPatch, at_a_time: int
) -> None:
    """Side by side, and one by one, where no busy machine brings what came too early into order."""
    monkeypatch.setattr(steps, "AT_A_TIME", at_a_time)
    told = _made_side_by_side(fresh_database, _chain(TWICE))
    assert [(run.model, run.status, run.rows) for run in told] == [
        ("first", "success", 2), ("middle", "success", 2), ("last", "success", 2), ("last_has_rows", "pass", 0),
    ]  # fmt: skip


def test_what_reads_a_model_that_failed_is_neither_made_nor_tested(fresh_database: str) -> None:
    told = _made_side_by_side(fresh_database, _chain("select 1 / 0 as number"))
    assert [(run.model, run.status) for run in told] == [("first", "error")]


def test_compiled_sql_is_kept_for_the_same_files_and_database_only(tmp_path: Path) -> None:
    kept = tmp_path / "day" / "recipe.json"
    assert recipe._read(kept, "files of today, database a") is None
    recipe._write(kept, "files of today, database a", {"model.a": {}})
    assert recipe._read(kept, "files of today, database a") == {"model.a": {}}
    assert recipe._read(kept, "files of tomorrow, database a") is None
    kept.write_bytes(kept.read_bytes()[:-5])  # killed while it wrote
    assert recipe._read(kept, "files of today, database a") is None


def test_families_are_compared_only_against_the_last_publication(warehouse: Warehouse) -> None:
    """Someone else's publication, of a refused build or of a restored warehouse, says nothing of these families."""

    def publication() -> str:
        return (
            "insert into ops.publications (run_id, published_at, rows_inserted, rows_deleted, tables)"
            " values ('any', now(), 0, 0, '[]') returning publication_id"
        )

    with psycopg.connect(warehouse.url) as connection:
        assert not hold_touched(connection)
        unpublished.begin(connection)
        assert not hold_touched(connection)
        (mine,) = connection.execute(publication().encode()).fetchone() or (0,)
        keep_published(connection, mine)
        assert hold_touched(connection)
        connection.execute(publication().encode())
        assert not hold_touched(connection)


def test_whatever_says_what_a_figure_means_makes_everything_anew_and_a_report_does_not(tmp_path: Path) -> None:
    texts = {
        "dbt_project/models/a.sql": "select reports.touch_weight(1)",
        "dbt_project/seeds/b.csv": "channel",
        "warehouse/sql/010_c.sql": "create function ops.c()",
        "warehouse/reports/touch_weight.sql": "-- report: *\ncreate function reports.touch_weight()",
        "warehouse/reports/top_deals.sql": "-- report: top_deals\ncreate function reports.top_deals()",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    before = code_hash(tmp_path)
    for name, text in texts.items():
        (tmp_path / name).write_text(f"{text} -- otherwise")
        assert (code_hash(tmp_path) == before) == name.endswith("top_deals.sql"), name
        (tmp_path / name).write_text(text)
