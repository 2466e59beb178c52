"""Drops what earlier versions' models left in `build` and the `stg_` views that no model makes any more.

Both hold only what a build can make again. Landed tables, and what else lies in `staging`, are never touched; what
something of somebody's rests on, or somebody reads just now, stays and is tried again by the next build of everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import sql

# Beside dbt's models: what builds of a day keep (`family_…`), and what forecasts do.
_FOUND = r"""
select nspname, relname, case relkind when 'v' then 'view' when 'm' then 'materialized view' else 'table' end
from pg_class
inner join pg_namespace on pg_namespace.oid = relnamespace
where
    (
        nspname = 'build' and relkind in ('r', 'p', 'v', 'm') and not relispartition
        and relname not like 'family\_%%' and relname <> 'forecast_clinics'
        or nspname = 'staging' and relkind = 'v' and relname like 'stg\_%%'
    )
    and not relname = any (%s)
order by relkind <> 'v', relname
"""


def drop_leftovers(connection: psycopg.Connection[Any], manifest: Mapping[str, Any]) -> list[str]:
    """Drop them, in the caller's transaction; their names. Waits for nobody longer than a moment."""
    named = {
        str(node.get("alias") or node["name"])
        for node in manifest["nodes"].values()
        if node["resource_type"] in ("model", "seed", "snapshot")
    }
    if not named:
        return []
    connection.execute("set local lock_timeout = '300ms'")
    left = connection.execute(_FOUND, (sorted(named),)).fetchall()
    dropped: list[str] = []
    while left:
        outcomes = [(each, _drop(connection, *each)) for each in left]
        gone = [f"{schema}.{name}" for (schema, name, _), outcome in outcomes if outcome == "dropped"]
        dropped += gone
        # What one of these rested on can go now.
        left = [each for each, outcome in outcomes if outcome == "depended on"] if gone else []
    connection.execute("set local lock_timeout = 0")
    return sorted(dropped)


def _drop(connection: psycopg.Connection[Any], schema: str, name: str, kind: str) -> str:
    """Without `cascade`: what rests on it is dropped before it, or is not ours."""
    try:
        with connection.transaction():
            connection.execute(sql.SQL("drop {} {}").format(sql.SQL(kind), sql.Identifier(schema, name)))
    except psycopg.errors.DependentObjectsStillExist:
        return "depended on"
    except psycopg.errors.LockNotAvailable:
        return "read just now"
    return "dropped"
