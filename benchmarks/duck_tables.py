"""A built warehouse for DuckDB: landed rows as Parquet, and every model's SQL as PostgreSQL runs it, in DuckDB's words.

The words are translated by sqlglot, so both engines compute the same steps. What DuckDB lacks stands here: the
warehouse's own functions as macros, connected components as a loop of statements (the same propagation of labels), and
`HANDED_OVER`: models that need functions of the server in their middle. Those DuckDB gets as PostgreSQL made them, and
nobody's time counts them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import sqlglot
from psycopg import sql

from benchmarks.by_hand import Model
from benchmarks.fingerprint import Column, columns_of
from benchmarks.machine import processors

# A walk with jsonb as its memory; chains solved by a function of the server.
HANDED_OVER = (
    "int_callback_inquiries", "int_conversion_moves", "int_effects_on_coming", "int_effects_on_paying",
    "int_removal_effects",
)  # fmt: skip
# The warehouse's records of itself, and the tokens by which a build of a day finds families: no step of the figures.
LEFT_OUT = re.compile(r"freshness_|int_family_records$|time_spine")
# In PostgreSQL's words still: DuckDB adds only integers to a date, knows no escape unless told, and takes no elements
# off a list of JSON.
INSTEAD = (
    (re.compile(r"ordered\.date_from \+ day\.k - 1"), "ordered.date_from + (day.k - 1)::integer"),
    (re.compile(r"(like '[^']*\\[^']*')"), r"\1 escape '\\'"),
    (re.compile(r"\(([\w.]+)::jsonb - 2 - 1\)::text"), r"first_of(\1)"),
    (re.compile(r"\(([\w.]+)::jsonb - 2\)::text"), r"first_two_of(\1)"),
)
TYPES = {
    "timestamp with time zone": "timestamptz",
    "jsonb": "json",
    "numeric": "decimal(38, 10)",
    "text[]": "varchar[]",
}
COMPONENTS = re.compile(r"ops\.connected_components\(\$edges\$(.*?)\$edges\$\)", re.DOTALL)
WEIGHT_OF = "model, touch_number, touches, last_non_direct, first_contact, last_before_booking, days_before"
MACROS = r"""
create table ops.key_salt as select '{salt}' as salt;
create macro ops.opaque_key(kind, given) as kind || ':' || left(sha256('{salt}|' || given), 20),
    (kind, given, salt) as kind || ':' || left(sha256(salt || '|' || given), 20);
create macro ops.url_host(url) as nullif(
    regexp_replace(
        lower(regexp_extract(url, '^(?:[a-zA-Z][a-zA-Z0-9+.-]*:)?(?://)?(?:[^/?#@]*@)?([^/?#:]+)', 1)), '^www\.', ''
    ), ''
);
create macro ops.url_parameter(url, parameter) as case when strpos(url, parameter || '=') > 0 then
    nullif(url_decode(replace(regexp_extract(url, '[?&]' || parameter || '=([^&#]*)', 1), '+', ' ')), '')
end;
create macro json_part(part) as coalesce(to_json(part)::varchar, 'null');
create macro jsonb_build_array(a) as '[' || json_part(a) || ']',
    (a, b) as '[' || json_part(a) || ', ' || json_part(b) || ']',
    (a, b, c) as '[' || json_part(a) || ', ' || json_part(b) || ', ' || json_part(c) || ']',
    (a, b, c, d) as '[' || json_part(a) || ', ' || json_part(b) || ', ' || json_part(c) || ', ' || json_part(d) || ']',
    (a, b, c, d, e) as '[' || json_part(a) || ', ' || json_part(b) || ', ' || json_part(c) || ', ' || json_part(d)
        || ', ' || json_part(e) || ']';
create macro first_of(state) as jsonb_build_array(state::json ->> 0);
create macro first_two_of(state) as jsonb_build_array(state::json ->> 0, state::json ->> 1);
create macro trim_scale(number) as regexp_replace(regexp_replace(number::varchar, '(\.\d*?)0+$', '\1'), '\.$', '');
"""
# Every node takes the smallest label of its neighbours, then its label's own label, until nothing changes.
LABELS = """
create or replace temp table edges as
select left_node as node, right_node as neighbour from given union select right_node, left_node from given;
create or replace temp table labels as
select node, least(node, min(neighbour)) as label from edges group by node
"""
NEAREST = """
create or replace temp table nearest as
select labels.node, least(labels.label, min(other.label)) as label
from labels
inner join edges using (node)
inner join labels as other on other.node = edges.neighbour
group by labels.node, labels.label;
create or replace temp table jumped as
select own.node, least(own.label, root.label) as label
from nearest as own inner join nearest as root on root.node = own.label
"""
CHANGED = "select count(*) from jumped inner join labels using (node) where jumped.label != labels.label"


def compared(models: Sequence[Model]) -> list[Model]:
    """Of all models those that both engines run or are given, parents first."""
    return [model for model in models if not LEFT_OUT.match(model.name)]


class Duck:
    """A DuckDB file with the landed rows of a built warehouse. State: its open connection.

    `export` reads the warehouse once; `work` computes all models anew and may be repeated.
    """

    def __init__(self, file: Path) -> None:
        self._parquet = file.with_suffix(".parquet")
        self._parquet.mkdir()
        self.connection = duckdb.connect(str(file))
        # Threads by what this process may use, not by what the machine has.
        self.connection.execute(f"set timezone = 'UTC'; set threads = {processors()}")
        for schema in ("staging", "build", "reports", "ops"):
            self.connection.execute(f"create schema if not exists {schema}")
        self._steps: list[tuple[Model, str, str | None]] = []

    def export(self, pg: psycopg.Connection[Any], models: Sequence[Model]) -> None:
        """Landed tables, seeds and models handed over, as Parquet; the SQL of the others, translated."""
        (salt,) = pg.execute("select salt from ops.key_salt").fetchall()[0]
        self.connection.execute(MACROS.replace("{salt}", str(salt)))
        self.connection.execute(f"create macro reports.touch_weight({WEIGHT_OF}) as {_weight(pg)}")
        known = {(model.schema, model.name) for model in models}
        for model in models:
            if model.query is None or model.name in HANDED_OVER:
                self._take(pg, model.schema, model.name)
                continue
            if model.is_view and model.name.startswith("stg_") and self._landed_nothing(pg, model):
                self._empty(pg, model)
                continue
            text = model.query
            for words, others in INSTEAD:
                text = words.sub(others, text)
            for schema, table in re.findall(r'"(staging)"\."(\w+)"', text) + re.findall(r"\b(staging)\.(\w+)", text):
                if (schema, table) not in known:
                    known.add((schema, table))
                    self._take(pg, schema, table)
            graph = COMPONENTS.search(text)
            query = translated(COMPONENTS.sub("ops.components", text))
            self._steps.append((model, query, translated(graph[1]) if graph else None))

    def work(self, seconds_of: dict[str, float], clock: Callable[[], float]) -> None:
        """Every model, parents first. `seconds_of` collects them by part."""
        for model, _, _ in reversed(self._steps):
            self.connection.execute(f"drop {_kind(model)} if exists {_quoted(model)} cascade")
        self.connection.execute("checkpoint")
        for model, query, edges in self._steps:
            began = clock()
            if edges is not None:
                self._components(edges)
            self.connection.execute(f"create {_kind(model)} {_quoted(model)} as {query}")
            seconds_of[model.part] = seconds_of.get(model.part, 0.0) + clock() - began

    def row(self, query: str) -> tuple[Any, ...]:
        """The first row of a query."""
        return tuple(self.connection.execute(query).fetchall()[0])

    def close(self) -> None:
        self.connection.close()

    def _take(self, pg: psycopg.Connection[Any], schema: str, table: str) -> None:
        """A table of the warehouse as a Parquet file, and a view of the same name on it."""
        columns = [_scaled(pg, schema, table, column) for column in columns_of(pg, schema, table)]
        csv, parquet = self._parquet / "rows.csv", self._parquet / f"{schema}.{table}.parquet"
        picked = sql.SQL(", ").join(
            (sql.SQL("to_json({})") if column.type.endswith("[]") else sql.SQL("{}")).format(
                sql.Identifier(column.name)
            )
            for column in columns
        )
        statement = sql.SQL("copy (select {} from {}) to stdout (format csv)").format(
            picked, sql.Identifier(schema, table)
        )
        with csv.open("wb") as file, pg.cursor() as cursor, cursor.copy(statement) as rows:
            for block in rows:
                file.write(block)
        read = {column.name: "json" if column.type.endswith("[]") else duck_type(column) for column in columns}
        chosen = ", ".join(f'"{column.name}"::{duck_type(column)} as "{column.name}"' for column in columns)
        if csv.stat().st_size > 0:
            how = f"header = false, quote = '\"', escape = '\"', nullstr = '', columns = {json.dumps(read)}"
            source = f"read_csv('{csv}', {how})"
        else:
            nulls = ", ".join(f'null::{kind} as "{name}"' for name, kind in read.items())
            source = f"(select {nulls} where false)"
        self.connection.execute(f"copy (select {chosen} from {source}) to '{parquet}' (format parquet)")  # noqa: S608
        self.connection.execute(f'create view "{schema}"."{table}" as from read_parquet(\'{parquet}\')')
        csv.unlink()

    def _landed_nothing(self, pg: psycopg.Connection[Any], model: Model) -> bool:
        return not pg.execute(
            sql.SQL("select exists (select from {})").format(sql.Identifier(model.schema, model.name))
        ).fetchall()[0][0]

    def _empty(self, pg: psycopg.Connection[Any], model: Model) -> None:
        """A vendor that landed nothing: its view without its SQL, which takes its own JSON apart."""
        columns = columns_of(pg, model.schema, model.name)
        nothing = ", ".join(f'null::{duck_type(column)} as "{column.name}"' for column in columns)
        self.connection.execute(f'create view "{model.schema}"."{model.name}" as select {nothing} where false')

    def _components(self, edges: str) -> None:
        """`ops.components`: node and component, which is its smallest node (as ops.connected_components)."""
        self.connection.execute(f"create or replace temp table given as {edges}")
        self.connection.execute(LABELS)
        changed = 1
        while changed:
            self.connection.execute(NEAREST)
            (changed,) = self.row(CHANGED)
            self.connection.execute("create or replace temp table labels as from jumped")
        self.connection.execute("create or replace table ops.components as select node, label as component from labels")


def duck_type(column: Column) -> str:
    """DuckDB's type for a column of PostgreSQL."""
    return TYPES.get(column.type, column.type)


def translated(query: str) -> str:
    """PostgreSQL's SQL in DuckDB's. An unsigned length fits no series."""
    return sqlglot.transpile(query, read="postgres", write="duckdb")[0].replace("CARDINALITY(", "LEN(")


def _weight(pg: psycopg.Connection[Any]) -> str:
    """The expression that reports.touch_weight returns."""
    (body,) = pg.execute("select pg_get_function_sqlbody('reports.touch_weight'::regproc)").fetchall()[0]
    return translated("select " + str(body).strip().removeprefix("RETURN ")).removeprefix("SELECT ")


def _scaled(pg: psycopg.Connection[Any], schema: str, table: str, column: Column) -> Column:
    """A numeric without scale gets the one that its values have: keys are made of its text."""
    if column.type != "numeric":
        return column
    asked = sql.SQL("select coalesce(max(scale({})), 0) from {}")
    (scale,) = pg.execute(asked.format(sql.Identifier(column.name), sql.Identifier(schema, table))).fetchall()[0]
    return Column(column.name, f"numeric(38, {scale})")


def _kind(model: Model) -> str:
    return "view" if model.is_view else "table"


def _quoted(model: Model) -> str:
    return f'"{model.schema}"."{model.name}"'
