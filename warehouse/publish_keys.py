"""Foreign keys between published tables: declared for BI tools that find joins by them, and only where they hold.

They are deferred, because a changed row is deleted and inserted again. Whether one holds is asked of the build tables,
before the rows change, so that a publication never fails at commit.
"""

from __future__ import annotations

from collections.abc import Mapping

from psycopg import sql

from warehouse.publish_manifest import ForeignKey
from warehouse.publish_tables import Connection, TablePlan, scalar


def drop_broken_foreign_keys(connection: Connection, plan: TablePlan, plans: Mapping[str, TablePlan]) -> list[str]:
    """Before the rows change: foreign keys that are no longer wanted, or that the new rows would break."""
    said: list[str] = []
    wanted = wanted_foreign_keys(plan, plans)
    holding = {_constraint_name(key) for key in wanted if _holds(connection, plan, key, plans)}
    for (name,) in connection.execute(
        "select conname from pg_catalog.pg_constraint where contype = 'f' and conrelid = to_regclass(%s)",
        (plan.target.as_string(connection),),
    ).fetchall():
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
    query = sql.SQL(
        "select exists (select from {child} as child where {not_null}"
        " and not exists (select from {parent} as parent where {equal}))"
    ).format(
        child=plan.build,
        parent=plans[key.to].build,
        not_null=sql.SQL(" and ").join(
            sql.SQL("child.{} is not null").format(sql.Identifier(column)) for column in key.columns
        ),
        equal=sql.SQL(" and ").join(
            sql.SQL("parent.{} = child.{}").format(sql.Identifier(to), sql.Identifier(own))
            for own, to in zip(key.columns, key.to_columns, strict=True)
        ),
    )
    return not scalar(connection, query)


def _constraint_name(key: ForeignKey) -> str:
    return "_".join([*key.columns, "in", key.to])[:63]
