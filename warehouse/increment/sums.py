"""Sums over everybody's rows follow a build of a day by a difference: what the families add now, less what they added.

What they added before is told by the same SQL: dbt compiled it for schema `day`; here it reads schema `was`, which
shows the families' old rows of `build`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from psycopg import sql

from warehouse.increment import days
from warehouse.increment.compare import columns_of, keep_old
from warehouse.increment.fresh import Connection
from warehouse.increment.plan import Plan, Summed
from warehouse.increment.recipe import Step


def recall(connection: Connection, plan: Plan, queries: Mapping[str, Step]) -> None:
    """Make schema `was`: the families' old rows, and what sums were made of them. Before any row of `build` changes,
    after `merge.name_keys`.

    `queries`: the families' models by name.
    """
    connection.execute("drop schema if exists was cascade")
    connection.execute("create schema was")
    for model in plan.recalled:
        kept = plan.kept_by_name.get(model)
        into = sql.Identifier("was", model)
        if kept:
            keep_old(connection, kept)
            old = sql.Identifier("old", model)
            connection.execute(sql.SQL("analyze {}").format(old))
            columns = _list(columns_of(connection, model))
            connection.execute(sql.SQL("create view {} as select {} from {}").format(into, columns, old))
            continue
        # dbt's own text, compiled from this project's files
        query = sql.SQL(queries[model].reading("was"))
        connection.execute(sql.SQL("create unlogged table {} as ").format(into) + query)


def apply(connection: Connection, plan: Plan) -> None:
    """Move every sum in `build` by the difference. A row without anything left to sum leaves."""
    for summed in plan.summed:
        _apply(connection, summed)
        _tell_publication(connection, summed)
        days.note(connection, plan, summed)
    connection.execute("drop schema was, old cascade")


def _apply(connection: Connection, summed: Summed) -> None:
    rest = _list([name for name in columns_of(connection, summed.model) if name not in summed.sums])
    totals = sql.SQL(", ").join(sql.SQL("sum({0}) as {0}").format(sql.Identifier(name)) for name in summed.sums)
    lost = sql.SQL(", ").join(sql.SQL("-{0} as {0}").format(sql.Identifier(name)) for name in summed.sums)
    table, same = sql.Identifier("build", summed.model), _same(summed.key)
    fields = {
        "build": table, "day": sql.Identifier("day", summed.model), "was": sql.Identifier("was", summed.model),
        "rest": rest, "sums": _list(summed.sums), "totals": totals, "lost": lost, "same": same,
        "moved": _any("sum({}) <> 0", summed.sums),
        "added": sql.SQL(", ").join(
            sql.SQL("{0} = total.{0} + difference.{0}").format(sql.Identifier(name)) for name in summed.sums
        ),
        "nothing": sql.SQL("not ({})").format(_any("total.{} <> 0", summed.sums)),
    }  # fmt: skip
    # Made by the first build of a day, as indexes of families are.
    connection.execute(
        sql.SQL("create index if not exists {} on {} ({})").format(
            sql.Identifier(f"{summed.model}_sums"), table, _list(summed.key)
        )
    )
    for statement in (
        "drop table if exists pg_temp.difference",
        "create temporary table difference on commit drop as"
        " select {rest}, {totals} from (select {rest}, {sums} from {day} union all select {rest}, {lost} from {was})"
        " as both_sides group by {rest} having {moved}",
        "analyze pg_temp.difference",
        "update {build} as total set {added} from pg_temp.difference as difference where {same}",
        "insert into {build} ({rest}, {sums}) select {rest}, {sums} from pg_temp.difference as difference"
        " where not exists (select from {build} as total where {same})",
        "delete from {build} as total using pg_temp.difference as difference where {same} and {nothing}",
    ):
        connection.execute(sql.SQL(statement).format(**fields))


def _tell_publication(connection: Connection, summed: Summed) -> None:
    """Which rows moved. Those that several columns name, a publication compares as a whole."""
    if len(summed.key) == 1:
        connection.execute(
            sql.SQL(
                "insert into build.family_unpublished (kind, key)"
                " select {}, {} from pg_temp.difference on conflict do nothing"
            ).format(sql.Literal(summed.model), sql.Identifier(*summed.key))
        )


def _list(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(name) for name in names)


def _same(key: Sequence[str]) -> sql.Composed:
    return sql.SQL(" and ").join(sql.SQL("total.{0} = difference.{0}").format(sql.Identifier(name)) for name in key)


def _any(condition: str, names: Sequence[str]) -> sql.Composed:
    return sql.SQL(" or ").join(sql.SQL(condition).format(sql.Identifier(name)) for name in names)
