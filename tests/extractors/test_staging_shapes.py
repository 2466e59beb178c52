"""Every staging view of a vendor has the columns and types of its kind, and says what the invented city knows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from extractors.kinds import KIND_BY_NAME
from extractors.registry import SOURCES
from extractors.run import run_stream
from simulators.running import SIMULATORS, quick_options, running_simulators
from simulators.world import build_world
from simulators.world.model import World

STAGING = Path(__file__).resolve().parents[2] / "dbt_project" / "models" / "staging"
VIEWS = sorted((path.parent.name, path.stem) for name in SOURCES for path in (STAGING / name).glob("stg_*.sql"))
SOURCE_CALL = re.compile(r"\{\{\s*source\('(\w+)',\s*'(\w+)'\)\s*\}\}")


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(7, date_from=date(2026, 8, 1), days=40)


@pytest.fixture(scope="module")
def loaded(pg_server_url: str, migrated_template: str, world: World) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """A warehouse into which every stream of every vendor was loaded over HTTP, with its staging views."""
    name = f"shapes_{migrated_template}"
    url = pg_server_url.rpartition("/")[0] + f"/{name}"
    with psycopg.connect(pg_server_url, autocommit=True) as admin:
        admin.execute(
            sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(migrated_template))
        )
        with running_simulators(world, options=quick_options()) as simulators:
            for source in SOURCES:
                endpoint = simulators.endpoints[source]
                settings = {
                    **endpoint["settings"], "base_url": endpoint["base_url"], "token": endpoint["token"],
                    "requests_per_second": 0,
                }
                for stream in SOURCES[source].streams:
                    result = run_stream(
                        url, source, stream.name, SIMULATORS[source].first_day(world), date(2026, 9, 12),
                        settings=settings, run_id="test", now=datetime(2026, 9, 12, tzinfo=UTC),
                    )
                    assert (result.rows_rejected, result.unknown_fields) == (0, ()), f"{source} {stream.name}"
        with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
            for source, view in VIEWS:
                text = (STAGING / source / f"{view}.sql").read_text(encoding="utf-8")
                text = SOURCE_CALL.sub(r"staging.\1__\2", text)
                connection.execute(f"create view staging.{view} as {text}".encode())
            yield connection
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.mark.parametrize(("source", "view"), VIEWS)
def test_a_view_has_the_columns_and_types_of_its_kind_in_their_order(
    loaded: psycopg.Connection[dict[str, Any]], source: str, view: str
) -> None:
    kind = KIND_BY_NAME[view.removeprefix(f"stg_{source}__")]
    found = loaded.execute(
        "select attname, format_type(atttypid, null) as type from pg_attribute"
        " where attrelid = %s::regclass and attnum > 0 order by attnum",
        (f"staging.{view}",),
    ).fetchall()
    long_names = {"timestamptz": "timestamp with time zone"}
    expected = [(column.name, long_names.get(column.sql_type, column.sql_type)) for column in kind.columns]
    assert [(row["attname"], row["type"]) for row in found] == [*expected, ("source_system", "text")]


@pytest.mark.parametrize(("source", "view"), VIEWS)
def test_a_view_says_what_the_invented_city_knows(
    loaded: psycopg.Connection[dict[str, Any]], world: World, source: str, view: str
) -> None:
    kind = view.removeprefix(f"stg_{source}__")
    columns = [column.name for column in KIND_BY_NAME[kind].columns]
    found = [
        {name: row[name] for name in columns}
        for row in loaded.execute(f"select * from staging.{view}".encode()).fetchall()
    ]
    truth = world.rows_of(source)[kind]
    assert truth or kind == "deal_leads"
    assert _comparable(found, columns) == _comparable(truth, columns)


def _comparable(rows: list[dict[str, Any]], columns: list[str]) -> list[tuple[str, ...]]:
    return sorted(tuple(_plain(row.get(name)) for name in columns) for row in rows)


def _plain(value: object) -> str:
    """Equal instants and equal amounts as equal text; an empty list is no list."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Decimal | int | float) and not isinstance(value, bool):
        return f"{Decimal(str(value)).normalize():f}"
    return repr(list(value) or None) if isinstance(value, list | tuple) else repr(value)
