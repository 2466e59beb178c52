"""Changing rows of tables that lie on nodes of Citus.

There a row's `ctid` is a place in one of many shards, or on one of many nodes, and names no row. So rows are found by
what they held: rows that held the same become the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb


def write_by_cells(
    connection: psycopg.Connection[Any],
    table: sql.Identifier,
    kinds: Mapping[str, str],
    changed: Sequence[tuple[Sequence[Any], Sequence[Any]]],
    *,
    spread_by: str | None,
) -> None:
    """Write each pair of old and new cells. `kinds`: column to type, in the order of the cells.

    No update may move a row to another worker: one whose cell of the column `spread_by` changes is written anew.
    """
    held = sql.SQL(" and ").join(
        sql.SQL("{}{} is not distinct from {}").format(
            sql.Identifier(name), sql.SQL("::jsonb" if kind == "json" else ""), sql.Placeholder(f"old_{name}")
        )
        for name, kind in kinds.items()
    )
    every = [
        column.name
        for column in connection.execute(sql.SQL("select * from {} limit 0").format(table)).description or ()
    ]
    for old, new in {repr(pair): pair for pair in changed}.values():
        becomes = {
            name: sql.Placeholder(f"new_{name}")
            for name, was, is_now in zip(kinds, old, new, strict=True)
            if was != is_now
        }
        given = {f"old_{name}": _wrapped(cell, kinds[name]) for name, cell in zip(kinds, old, strict=True)}
        given |= {f"new_{name}": _wrapped(cell, kinds[name]) for name, cell in zip(kinds, new, strict=True)}
        if spread_by in becomes:
            query = sql.SQL(
                "with gone as (delete from {table} where {held} returning *)"
                " insert into {table} ({every}) select {cells} from gone"
            )
        else:
            query = sql.SQL("update {table} set {changes} where {held}")
        connection.execute(
            query.format(
                table=table,
                held=held,
                every=sql.SQL(", ").join(map(sql.Identifier, every)),
                cells=sql.SQL(", ").join(becomes.get(name, sql.Identifier(name)) for name in every),
                changes=sql.SQL(", ").join(
                    sql.SQL("{} = {}").format(sql.Identifier(name), cell) for name, cell in becomes.items()
                ),
            ),
            given,
        )


def _wrapped(cell: Any, kind: str) -> Any:  # noqa: ANN401 - a value of any column
    return Jsonb(cell) if cell is not None and kind in ("json", "jsonb") else cell
