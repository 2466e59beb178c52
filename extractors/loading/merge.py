"""Replacing rows of a landed table by the rows of a temporary one, so that what is equal stays untouched.

A row that does not differ keeps its place on disk, its `_run_id` and its `_loaded_at`: loading the same file twice
writes nothing. Comparison leaves the columns about the loading itself out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import Connection, sql

Name = sql.Identifier


@dataclass(frozen=True, slots=True)
class Merge:
    """What to merge: the landed table, the temporary one, and their shared columns.

    key: columns of the unique index (nulls equal). values: the other columns that make a row different.
    meta: columns that are written along but do not make a row different.
    """

    table: sql.Composable
    new_rows: sql.Composable
    key: tuple[str, ...]
    values: tuple[str, ...]
    meta: tuple[str, ...]


def names(columns: Sequence[str], prefix: str | None = None) -> sql.Composed:
    return sql.SQL(", ").join(Name(prefix, column) if prefix else Name(column) for column in columns)


def row_text(columns: Sequence[str], prefix: str) -> sql.Composed:
    """One text that is equal exactly when all the columns are, nulls included; unlike `is not distinct from` on many
    columns it can be hashed, so that a join by it is not quadratic."""
    return sql.SQL("(row({})::text)").format(names(columns, prefix))


def merge(connection: Connection, plan: Merge, *, count_by: str) -> dict[str, int]:
    """Insert new rows, update those that differ. Returns how many rows were written per value of `count_by`.

    The temporary table must hold each key once.
    """
    every = (*plan.key, *plan.values, *plan.meta)
    changed = (*plan.values, *plan.meta)
    statement = sql.SQL(
        """
        with written as (
            insert into {table} as landed ({every})
            select {every} from {new_rows}
            on conflict ({key}) do update set {assignments}
            where ({old_values}) is distinct from ({new_values})
            returning landed.{count_by} as counted
        )
        select counted, count(*) from written group by counted
        """
    ).format(
        table=plan.table,
        new_rows=plan.new_rows,
        every=names(every),
        key=names(plan.key),
        assignments=sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(Name(column)) for column in changed),
        old_values=names(plan.values, "landed"),
        new_values=names(plan.values, "excluded"),
        count_by=Name(count_by),
    )
    return {row[0]: row[1] for row in connection.execute(statement)}
