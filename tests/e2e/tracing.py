"""Random cells of every report that has definitions, traced: the rows must make the figure."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from warehouse.define import Definition, read_definitions

Connection = psycopg.Connection[Any]
# Parameters beside the period, so that every branch of a trace is asked for.
VARIANTS: dict[str, tuple[dict[str, Any], ...]] = {
    "channels_and_sources": (
        {}, {"level": "campaign", "attribution_model": "markov"}, {"level": "total", "with_referrals": True},
        {"level": "source", "attribution_model": "shapley", "audience": "all", "basis": "period"},
        {"level": "campaign", "attribution_model": "linear", "audience": "repeat"},
    ),
    "attribution": ({"level": "channel"}, {"level": "campaign", "conversion": "payment", "lookback_days": 30}),
    "ad_payback": ({}, {"level": "total"}, {"level": "campaign"}),
    "administrator_conversion": ({}, {"audience": "primary", "hide_employee_referrals": True}),
    "service_sales": ({}, {"level": "total", "grain": "week"}, {"level": "item_type", "grain": "day"}),
    "lead_plan": ({"target": 20}, {"target": 5, "lead_share": 0.5}),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """One traced cell: what was asked, and the rows of the trace by `what`."""

    definition: Definition
    cell: Mapping[str, Any]
    rows: Mapping[str, list[tuple[Any, ...]]]

    @property
    def figure(self) -> Any:  # noqa: ANN401
        return self.rows["figure"][0][8]["value"]

    @property
    def from_rows(self) -> Any:  # noqa: ANN401
        return self.rows["figure"][0][8]["from_rows"]

    def contributions(self, what: str = "row") -> Decimal:
        """Sum of what the rows of the asked column itself contribute."""
        return sum((row[7] for row in self.rows.get(what, ()) if row[1] == self.cell["column"]), Decimal(0))


def trace(connection: Connection, definition: Definition, cell: Mapping[str, Any]) -> Traced:
    found = connection.execute("select * from ops.trace(%s, %s)", (definition.report, Jsonb(cell))).fetchall()
    rows: dict[str, list[tuple[Any, ...]]] = {}
    for row in found:
        rows.setdefault(row[0], []).append(row)
    return Traced(definition=definition, cell=cell, rows=rows)


def report_rows(connection: Connection, definition: Definition, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of a report as JSON objects."""
    arguments = sql.SQL(", ").join(
        sql.SQL("{} => {}::{}").format(
            sql.Identifier(name), sql.Literal(str(value)), sql.SQL(definition.parameters[name].type)
        )
        for name, value in asked.items()
    )
    called = sql.SQL("{}{}").format(
        sql.Identifier("reports", definition.report),
        sql.SQL("") if definition.is_view else sql.SQL("({})").format(arguments),
    )
    return [row for (row,) in connection.execute(sql.SQL("select to_jsonb(told) from {} as told").format(called))]


def random_cells(
    connection: Connection, period: tuple[str, str], seed: int, cells: int, reports: frozenset[str] | None = None
) -> Iterator[Traced]:
    """So many cells of each report (of these) and variant, traced; reports without rows here give none."""
    rng = random.Random(seed)  # noqa: S311
    for definition in read_definitions():
        if reports is not None and definition.report not in reports:
            continue
        for variant in VARIANTS.get(definition.report, ({},)):
            asked = {**_period(definition, period, connection), **variant}
            rows = report_rows(connection, definition, asked)
            for row in rng.sample(rows, min(cells, len(rows))):
                yield trace(
                    connection, definition, {**asked, **_keys(definition, row), "column": _column(definition, row, rng)}
                )


def require_sums(traced: Traced) -> None:
    """The rows make the figure; what is a plain sum is the sum of its rows' contributions, to the last decimal."""
    place = f"{traced.definition.report} {dict(traced.cell)}"
    assert traced.from_rows == traced.figure, f"{place}: {traced.from_rows} from rows, {traced.figure} shown"
    metric = traced.definition.metrics.get(traced.cell["column"])
    if metric is None or metric.source is None or metric.aggregate is not None or traced.figure is None:
        return
    places = 6 if "6" in metric.formula else 2
    exact = metric.formula in ("{.}", "trim_scale({.})")
    for what in {"row", "record"} & set(traced.rows) if metric.records else {"row"}:
        total = traced.contributions(what)
        shown = Decimal(str(traced.figure))
        assert (total if exact else round(total, places)) == shown or abs(total - shown) <= Decimal(5) / 10 ** (
            places + 1
        ), f"{place}: {what}s sum to {total}, shown is {shown}"


def _period(definition: Definition, period: tuple[str, str], connection: Connection) -> dict[str, Any]:
    if definition.report == "client_path":
        found = connection.execute(
            "select person_key from reports.client_path_steps"
            " group by person_key order by count(amount) desc, 1 limit 1"
        ).fetchall()
        return {"person_key": found[0][0] if found else "nobody"}
    return {
        name: value
        for name, value in zip(("date_from", "date_to"), period, strict=True)
        if name in definition.parameters
    }


def _keys(definition: Definition, row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in definition.keys}


def _column(definition: Definition, row: Mapping[str, Any], rng: random.Random) -> str:
    shown = [name for name, metric in definition.metrics.items() if not metric.hidden]
    if definition.any_column is not None:
        shown += [
            name for name in row if name not in definition.keys and name not in definition.any_column.get("except", ())
        ]
    return rng.choice(shown)
