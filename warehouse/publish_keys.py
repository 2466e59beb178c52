"""Foreign keys between published tables: declared for BI tools that find joins by them, and only where they hold.

They are deferred, because a changed row is deleted and inserted again. Whether one holds is asked of the build tables,
before the rows change, so that a publication never fails at commit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from psycopg import sql

from warehouse.publish_manifest import ForeignKey
from warehouse.publish_tables import Connection, TablePlan, is_touched, scalar


def drop_broken_foreign_keys(
    connection: Connection, plan: TablePlan, plans: Mapping[str, TablePlan], known: Mapping[str, int]
) -> list[str]:
    """Before the rows change: foreign keys that are no longer wanted, or that the new rows would break.

    `known`: tables of which only rows with touched keys can differ (publish_touched.py), by title.
    """
    said: list[str] = []
    there = connection.execute(
        "select conname from pg_catalog.pg_constraint where contype = 'f' and conrelid = to_regclass(%s)",
        (plan.target.as_string(connection),),
    ).fetchall()
    holding = set()
    for key in wanted_foreign_keys(plan, plans):
        name = _constraint_name(key)
        if (name,) in there and plan.title in known and plans[key.to].keeps_shape:
            holds = _still_holds(connection, plan, key, plans[key.to], known)
        else:
            holds = _holds(connection, plan, key, plans)
        if holds:
            holding.add(name)
    for (name,) in there:
        if name not in holding:
            connection.execute(sql.SQL("alter table {} drop constraint {}").format(plan.target, sql.Identifier(name)))
            said.append(f"foreign key {name}: dropped")
    return said


def add_foreign_keys(connection: Connection, plan: TablePlan, plans: Mapping[str, TablePlan]) -> list[str]:
    """After the rows: foreign keys that are missing and hold. One that does not hold is said, and left out."""
    said: list[str] = []
    for key in wanted_foreign_keys(plan, plans):
        name = _constraint_name(key)
        exists = scalar(
            connection,
            "select true from pg_catalog.pg_constraint"
            " where contype = 'f' and conrelid = %s::regclass and conname = %s",
            (plan.target.as_string(connection), name),
        )
        if exists:
            continue
        if not _holds(connection, plan, key, plans):
            said.append(f"foreign key {name}: left out, some rows of {key.to} are missing")
            continue
        connection.execute(
            sql.SQL(
                "alter table {} add constraint {} foreign key ({}) references {} ({}) deferrable initially deferred"
            ).format(
                plan.target,
                sql.Identifier(name),
                sql.SQL(", ").join(map(sql.Identifier, key.columns)),
                plans[key.to].target,
                sql.SQL(", ").join(map(sql.Identifier, key.to_columns)),
            )
        )
    return said


def wanted_foreign_keys(plan: TablePlan, plans: Mapping[str, TablePlan]) -> list[ForeignKey]:
    """Those between published tables that point at the other's whole key with the same types."""
    types = {column.name: column.type for column in plan.wanted}
    wanted: list[ForeignKey] = []
    for key in plan.model.foreign_keys:
        other = plans.get(key.to)
        if other is None or set(key.to_columns) != set(other.model.key) or not set(key.columns) <= set(types):
            continue
        other_types = {column.name: column.type for column in other.wanted}
        if all(types[own] == other_types[to] for own, to in zip(key.columns, key.to_columns, strict=True)):
            wanted.append(key)
    return wanted


def _holds(connection: Connection, plan: TablePlan, key: ForeignKey, plans: Mapping[str, TablePlan]) -> bool:
    """Whether the build tables, which the published ones become, satisfy the key."""
    query = sql.SQL("select exists (select from {child} as child where {without})").format(
        child=plan.build, without=_without(key, plans[key.to])
    )
    return not scalar(connection, query)


def _still_holds(
    connection: Connection, plan: TablePlan, key: ForeignKey, parent: TablePlan, known: Mapping[str, int]
) -> bool:
    """`_holds` of a key that held: only a row that differs can break it, and a row that is gone from its parent."""
    touched = sql.Composed([])
    if parent.title in known:
        touched = sql.SQL(" inner join build.family_unpublished as touched on {}").format(is_touched(parent, "old"))
    gone = sql.SQL("(select old.* from {target} as old{touched} where not exists ({same}))").format(
        target=parent.target,
        touched=touched,
        same=sql.SQL("select from {} as new where {}").format(
            parent.build, _equal("new", parent.model.key, "old", parent.model.key)
        ),
    )
    query = sql.SQL(
        "select exists (select from {child} as child inner join build.family_unpublished as touched on {touched}"
        " where {without})"
        # Mostly no row is gone: then nobody need look whether any names it.
        " or exists {gone} and exists (select from {gone} as gone inner join {child} as child on {of_gone})"
    ).format(
        child=plan.build,
        touched=is_touched(plan, "child"),
        without=_without(key, parent),
        gone=gone,
        of_gone=_equal("gone", key.to_columns, "child", key.columns),
    )
    return not scalar(connection, query)


def _without(key: ForeignKey, parent: TablePlan) -> sql.Composed:
    """The condition that a row `child` names a row of the parent that is not there."""
    named = sql.SQL(" and ").join(
        sql.SQL("child.{} is not null").format(sql.Identifier(column)) for column in key.columns
    )
    return sql.SQL("{} and not exists (select from {} as parent where {})").format(
        named, parent.build, _equal("parent", key.to_columns, "child", key.columns)
    )


def _equal(one: str, columns: Sequence[str], other: str, others: Sequence[str]) -> sql.Composed:
    return sql.SQL(" and ").join(
        sql.SQL("{} = {}").format(sql.Identifier(one, own), sql.Identifier(other, its))
        for own, its in zip(columns, others, strict=True)
    )


def _constraint_name(key: ForeignKey) -> str:
    return "_".join([*key.columns, "in", key.to])[:63]
