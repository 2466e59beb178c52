"""The pictures in the docs are those of the warehouse as it is built now, and of a warehouse that says how it joins."""

from __future__ import annotations

import os
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.city import City
from warehouse.catalog import Join, Relation, read_joins, read_relations
from warehouse.pictures import pages

DOCS = Path(__file__).resolve().parents[2] / "docs"
REDRAW = "CHAIRSIDE_REDRAW"
# Keys of what happened, in tables of analysts: a comment on each, a type that never differs.
KEY_ENDINGS = ("_id", "_key")


@pytest.fixture(scope="module")
def relations(city: City) -> tuple[Relation, ...]:
    with psycopg.connect(city.url) as connection:
        return read_relations(connection)


@pytest.fixture(scope="module")
def joins(city: City, relations: tuple[Relation, ...]) -> tuple[Join, ...]:
    with psycopg.connect(city.url) as connection:
        return read_joins(connection, relations)


@pytest.mark.parametrize("name", ["erd.md", "lineage.md"])
def test_a_picture_is_current(city: City, name: str) -> None:
    drawn = pages(city.url, city.dbt / "manifest.json")[name]
    if os.environ.get(REDRAW):
        (DOCS / name).write_text(drawn, encoding="utf-8")
    page = (DOCS / name).read_text(encoding="utf-8")
    assert page == drawn, f"draw it again: {REDRAW}=1 .venv/bin/python -m pytest -n0 {Path(__file__).name}"


def test_every_table_and_column_has_a_comment(relations: tuple[Relation, ...]) -> None:
    assert len(relations) > 70
    silent = [relation.title for relation in relations if not (relation.comment or "").strip()]
    silent += [
        f"{relation.title}.{column.name}"
        for relation in relations
        for column in relation.columns
        if not (column.comment or "").strip()
    ]
    assert not silent


def test_every_function_that_people_call_has_a_comment(city: City) -> None:
    with psycopg.connect(city.url) as connection:
        silent = connection.execute(
            "select oid::regprocedure::text from pg_proc where pronamespace = 'reports'::regnamespace"
            " and coalesce(obj_description(oid, 'pg_proc'), '') = ''"
        ).fetchall()
    assert not silent


def test_every_table_has_a_key_and_says_what_a_row_is(relations: tuple[Relation, ...]) -> None:
    tables = [relation for relation in relations if not relation.is_view]
    assert not [table.title for table in tables if not table.key]
    assert not [table.title for table in tables if "ne row per" not in (table.comment or "")]


def test_a_key_has_one_type_everywhere(relations: tuple[Relation, ...]) -> None:
    types: dict[str, set[str]] = {}
    for relation in relations:
        for column in relation.columns:
            if column.name.endswith(KEY_ENDINGS):
                types.setdefault(column.name, set()).add(column.type)
    assert len(types) > 20
    assert not {name: found for name, found in types.items() if len(found) > 1}


def test_what_the_names_promise_to_join_joins(city: City, joins: tuple[Join, ...]) -> None:
    assert len(joins) > 30
    assert sum(join.is_declared for join in joins) >= 7
    broken = []
    with psycopg.connect(city.url) as connection:
        for join in joins:
            lost = connection.execute(
                sql.SQL(
                    "select count(*) from {child} as child where {column} is not null and {column} <> 'unknown'"
                    " and not exists (select from {parent} as parent where parent.{key} = child.{column})"
                ).format(
                    child=sql.Identifier(join.schema, join.table),
                    parent=sql.Identifier(join.to_schema, join.to_table),
                    column=sql.Identifier(join.column),
                    key=sql.Identifier(join.to_column),
                )
            ).fetchone()
            if lost != (0,):
                broken.append((join, lost))
    assert not broken


def test_no_facts_are_left_without_a_way_to_their_clinic_and_person(
    relations: tuple[Relation, ...], joins: tuple[Join, ...]
) -> None:
    facts = [
        relation
        for relation in relations
        if relation.schema == "marts" and relation.name.startswith("fct_") and not relation.is_view
    ]
    assert len(facts) >= 10
    clinics = {join.table for join in joins if join.to_table == "dim_clinics"}
    # effects are of the network; spend is of no person
    assert {fact.name for fact in facts} - clinics == {"fct_attribution_effects"}
    persons = {fact.name for fact in facts if any(column.name == "person_key" for column in fact.columns)}
    assert {fact.name for fact in facts} - persons == {"fct_ad_spend", "fct_attribution_effects", "fct_deals_personal"}
