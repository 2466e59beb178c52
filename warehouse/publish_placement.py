"""Where published tables lie on Citus (docs/how_to/scale_out.md). On plain PostgreSQL nothing here does anything.

`meta.distributed_by` of a model names the column by which rows are spread over the workers, or `reference`: the whole
table on every node. A model without it stays on the coordinator alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import psycopg
from psycopg import sql

from extractors.core.errors import ConfigError
from warehouse.publish_manifest import REFERENCE, PublishedModel
from warehouse.publish_tables import Connection, TablePlan, scalar

TARGET = "CHAIRSIDE_TARGET"
TARGETS = ("postgres", "citus")


def require_target(url: str, target: str) -> None:
    """What `TARGET` says, checked against the server. ConfigError where the warehouse is not of that sort."""
    if target not in TARGETS:
        raise ConfigError(f"TARGET is {' or '.join(TARGETS)}, not {target!r}")
    if target == "postgres":
        return
    with psycopg.connect(url) as connection:
        workers = _workers(connection)
    if not workers:
        raise ConfigError(
            "TARGET=citus, but WAREHOUSE_URL names no coordinator of Citus with workers. A superuser creates the"
            " extension and adds the workers, see docs/how_to/scale_out.md"
        )


def spreads_out(connection: Connection) -> bool:
    """Whether this publication spreads its tables over workers: CHAIRSIDE_TARGET=citus asks for it, and there are some.

    The first thing of its transaction, in which replicated and spread tables are made and changed together.
    """
    if os.environ.get(TARGET, "postgres") != "citus" or not _workers(connection):
        return False
    connection.execute("set local citus.multi_shard_modify_mode = 'sequential'")
    return True


def _workers(connection: Connection) -> int:
    if scalar(connection, "select to_regclass('pg_catalog.pg_dist_node')") is None:
        return 0
    workers: int = scalar(connection, "select count(*) from pg_catalog.pg_dist_node where groupid <> 0")
    return workers


def spread(models: Iterable[PublishedModel]) -> tuple[PublishedModel, ...]:
    """The models as they are published on Citus: the column that rows are spread by in the key, no foreign keys.

    A key over shards cannot be unique without that column, and a foreign key rests on the other's key.
    """
    return tuple(
        replace(model, key=model.spread_key, foreign_keys=(), family=None, row_key=None, placement=model.distributed_by)
        for model in models
    )


def place(connection: Connection, table: sql.Identifier, placement: str | None) -> None:
    """Spread an empty table, or replicate it. Does nothing without a placement."""
    if placement is None:
        return
    name = table.as_string(connection)
    if placement == REFERENCE:
        connection.execute("select pg_catalog.create_reference_table(%s)", (name,))
    else:
        connection.execute("select pg_catalog.create_distributed_table(%s, %s)", (name, placement))


def placed_tables(connection: Connection) -> dict[str, str | None]:
    """Tables that lie on workers, as `schema.name`, with the column that their rows are spread by; null: whole on every
    node. None on plain PostgreSQL.

    There a row's `ctid` is a place in one of many shards, or on one of many nodes: it names no row.
    """
    if scalar(connection, "select to_regclass('pg_catalog.pg_dist_partition')") is None:
        return {}
    found = connection.execute(
        "select nspname || '.' || relname, pg_catalog.column_to_column_name(logicalrelid, partkey)"
        " from pg_catalog.pg_dist_partition"
        " inner join pg_catalog.pg_class on pg_class.oid = logicalrelid"
        " inner join pg_catalog.pg_namespace on pg_namespace.oid = relnamespace"
    ).fetchall()
    return dict(found)


@contextmanager
def copies_of(connection: Connection, plans: Iterable[TablePlan]) -> Iterator[None]:
    """For the block: each built table once more, lying as its published table does. Nothing on plain PostgreSQL.

    The build itself is the coordinator's work: its steps join whole clinics with each other. Created empty, spread,
    then filled, so that rows go straight to where they stay.
    """
    placed = [plan for plan in plans if plan.model.placement is not None]
    for plan in placed:
        connection.execute(sql.SQL("create table {} (like {})").format(plan.build, plan.workshop))
        place(connection, plan.build, plan.model.placement)
        connection.execute(sql.SQL("insert into {} select * from {}").format(plan.build, plan.workshop))
    yield
    for plan in placed:
        connection.execute(sql.SQL("drop table {}").format(plan.build))
