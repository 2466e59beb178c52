"""Every staging view of a vendor has the columns and types of its kind, and says what the invented city knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from extractors.kinds import KIND_BY_NAME
from extractors.registry import SOURCES
from extractors.run import run_stream
from simulators.running import SIMULATORS, quick_options, running_simulators
from simulators.world import build_world
from simulators.world.model import World
from tests.extractors.staging_views import create_views
from tests.templates import Template, copied

STAGING = Path(__file__).resolve().parents[2] / "dbt_project" / "models" / "staging"
VIEWS = sorted((path.parent.name, path.stem) for name in SOURCES for path in (STAGING / name).glob("stg_*.sql"))
# Off unless a connection wants it: the city's sites are counted by others.
NOT_TOLD = {("uis", "sessions")}
# What a trace calls the records of a kind (warehouse/sql/155_record_loads.sql).
RECORDS = {
    "contacts": "contact", "sessions": "session", "appointments": "appointment", "payments": "payment", "sales": "sale",
    "deals": "deal", "patients": "patient", "treatment_stages": "treatment_stage", "deal_leads": "lead",
}  # fmt: skip
# Open Dental keeps the stages of a treatment inside its plan: none is a landed row.
INSIDE_OTHERS = {("open_dental", "treatment_stages")}


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(7, date_from=date(2026, 8, 1), days=40)


Connection = psycopg.Connection[dict[str, Any]]


@pytest.fixture(scope="module")
def loaded(pg_server_url: str, migrated_template: Template, world: World) -> Iterator[Callable[[str], Connection]]:
    """Source → a warehouse into which its every stream was loaded over HTTP, with its staging views."""
    made: dict[str, Connection] = {}
    with ExitStack() as open_ones:

        def load(source: str) -> Connection:
            if source not in made:
                url = open_ones.enter_context(copied(migrated_template.url, pg_server_url))
                made[source] = open_ones.enter_context(psycopg.connect(url, autocommit=True, row_factory=dict_row))
                fill(url, world, source)
                create_views(url, source)
            return made[source]

        yield load


def fill(url: str, world: World, source: str) -> None:
    with running_simulators(world, options=quick_options(), only=[source]) as simulators:
        endpoint = simulators.endpoints[source]
        settings = {
            **endpoint["settings"], "base_url": endpoint["base_url"], "token": endpoint["token"],
            "requests_per_second": 0, "poll_seconds": 0.01,
        }
        for stream in SOURCES[source].streams:
            result = run_stream(
                url, source, stream.name, SIMULATORS[source].first_day(world.date_from), date(2026, 9, 12),
                settings=settings, run_id="test", now=datetime(2026, 9, 12, tzinfo=UTC),
            )
            assert (result.rows_rejected, result.unknown_fields) == (0, ()), f"{source} {stream.name}"


@pytest.mark.parametrize(("source", "view"), VIEWS)
def test_a_view_has_the_columns_and_types_of_its_kind_in_their_order(
    loaded: Callable[[str], Connection], source: str, view: str
) -> None:
    kind = KIND_BY_NAME[view.removeprefix(f"stg_{source}__")]
    found = loaded(source).execute(
        "select attname, format_type(atttypid, null) as type from pg_attribute"
        " where attrelid = %s::regclass and attnum > 0 order by attnum",
        (f"staging.{view}",),
    ).fetchall()
    long_names = {"timestamptz": "timestamp with time zone"}
    expected = [(column.name, long_names.get(column.sql_type, column.sql_type)) for column in kind.columns]
    assert [(row["attname"], row["type"]) for row in found] == [*expected, ("source_system", "text")]


@pytest.mark.parametrize(("source", "view"), VIEWS)
def test_a_view_says_what_the_invented_city_knows(
    loaded: Callable[[str], Connection], world: World, source: str, view: str
) -> None:
    kind = view.removeprefix(f"stg_{source}__")
    columns = [column.name for column in KIND_BY_NAME[kind].columns]
    found = [
        {name: row[name] for name in columns}
        for row in loaded(source).execute(f"select * from staging.{view}".encode()).fetchall()
    ]
    truth = world.rows_of(source)[kind]
    assert truth or (source, kind) in NOT_TOLD or kind == "deal_leads"
    assert _comparable(found, columns) == _comparable(truth, columns)


@pytest.mark.parametrize(
    ("source", "view"), [one for one in VIEWS if one[1].removeprefix(f"stg_{one[0]}__") in RECORDS]
)
def test_of_every_record_the_load_that_brought_it_is_known(
    loaded: Callable[[str], Connection], source: str, view: str
) -> None:
    kind = view.removeprefix(f"stg_{source}__")
    ids = [
        row["id"]
        for row in loaded(source).execute(f"select {KIND_BY_NAME[kind].key[0]} as id from staging.{view}".encode())
    ]
    found = (
        loaded(source)
        .execute("select * from ops.record_loads(%s, %s)", ([RECORDS[kind]] * len(ids), ids))
        .fetchall()
    )
    assert {row["record_id"] for row in found} == (set() if (source, kind) in INSIDE_OTHERS else set(ids))
    assert {(row["source"], row["run_id"]) for row in found} <= {(source, "test")}


def _comparable(rows: list[dict[str, Any]], columns: list[str]) -> list[tuple[str, ...]]:
    return sorted(tuple(_plain(row.get(name)) for name in columns) for row in rows)


def _plain(value: object) -> str:
    """Equal instants and equal amounts as equal text; an empty list is no list."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Decimal | int | float) and not isinstance(value, bool):
        return f"{Decimal(str(value)).normalize():f}"
    return repr(list(value) or None) if isinstance(value, list | tuple) else repr(value)
