"""What landed since the last build, told without reading what every landed row says.

PostgreSQL keeps with each row version the number of the transaction that wrote it (`xmin`). What the last build saw,
later transactions did not write. So schema `fresh` gets copies of the views from landed rows to `int_family_records`;
those of simple staging views read fresh rows only. A staging view is simple if PostgreSQL's plan of it has nothing but
scans, one after another, and it calls no function of ours: then no other row changes what a row says. The others are
read whole, and so are kinds that make one record of several rows.

Refused: `_loaded_at`, which the loader tells before it commits, and which a row changed by hand does not move.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from psycopg import sql

Connection = psycopg.Connection[Any]

# Deals' stages and items are one record per deal.
_OF_SEVERAL_ROWS = ("int_deal_stages_unioned", "int_deal_items_unioned")
_SCANS = ("Seq Scan", "Append", "Result", "Subquery Scan")
# PostgreSQL compares numbers of transactions that lie closer than half of a round of 2^32.
_COMPARABLE = 2**31

_LOOK: LiteralString = """
select
    pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
    (select system_identifier::text from pg_control_system()) || ' ' || oid
from pg_database
where datname = current_database()
"""
_VIEWS_READ_BY: LiteralString = """
select distinct views.relname::text
from pg_rewrite as rule
inner join pg_depend as depend on depend.objid = rule.oid and depend.classid = 'pg_rewrite'::regclass
inner join pg_class as views on depend.refobjid = views.oid and depend.refclassid = 'pg_class'::regclass
where rule.ev_class = %s::regclass and views.oid <> rule.ev_class and views.relkind = 'v'
order by 1
"""
# Functions of ours may read tables; PostgreSQL notes no dependency on its own ones.
_CALLS_OURS: LiteralString = """
select exists (
    select from pg_rewrite as rule
    inner join pg_depend as depend on depend.objid = rule.oid and depend.classid = 'pg_rewrite'::regclass
    where rule.ev_class = %s::regclass and depend.refclassid = 'pg_proc'::regclass
)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a build saw: all that transactions before `transaction` committed, in this `cluster` and database. A copy
    elsewhere counts its own transactions."""

    transaction: int
    cluster: str


def look(connection: Connection) -> Seen:
    """What the statements of this connection see from now on, at the least."""
    transaction, cluster = connection.execute(_LOOK).fetchall()[0]
    return Seen(transaction=transaction, cluster=cluster)


def narrow(connection: Connection, last: Seen) -> list[str]:
    """Make schema `fresh` with `int_family_records`: of all rows that changed since `last`, and others beside.

    Returns the landed tables of which it reads fresh rows only. It holds for the caller's transaction.
    """
    connection.execute("drop schema if exists fresh cascade")
    connection.execute("create schema fresh")
    # Plans of several processes, or by an index, have other nodes for the same scan.
    connection.execute("set local max_parallel_workers_per_gather = 0; set local enable_indexscan = off")
    connection.execute("set local enable_bitmapscan = off")
    narrowed: set[str] = set()
    age = _age(connection, last)
    for kind in _views_read_by(connection, "build", "int_family_records"):
        if age is None or kind in _OF_SEVERAL_ROWS:
            continue
        for view in _views_read_by(connection, "build", kind):
            tables = _scanned(connection, view)
            for table in tables - narrowed:
                connection.execute(
                    sql.SQL("create view {} as select * from {} where age(xmin) <= {}").format(
                        sql.Identifier("fresh", table), sql.Identifier("staging", table), sql.Literal(age)
                    )
                )
            narrowed |= tables
            if tables:
                _copy(connection, "staging", view)
        _copy(connection, "build", kind)
    _copy(connection, "build", "int_family_records")
    for setting in ("search_path", "max_parallel_workers_per_gather", "enable_indexscan", "enable_bitmapscan"):
        connection.execute(sql.SQL("set local {} to default").format(sql.Identifier(setting)))
    return sorted(narrowed)


def _age(connection: Connection, last: Seen) -> int | None:
    """The age of the oldest row that the last build may not have seen; None where that cannot be told."""
    now = look(connection)
    if last.cluster != now.cluster or not 0 <= now.transaction - last.transaction < _COMPARABLE:
        return None
    # xmin and age() are of 32 bits
    return int(connection.execute("select age((%s::bigint)::text::xid)", (last.transaction % 2**32,)).fetchall()[0][0])


def _views_read_by(connection: Connection, schema: str, view: str) -> list[str]:
    name = sql.Identifier(schema, view).as_string(connection)
    return [read for (read,) in connection.execute(_VIEWS_READ_BY, (name,))]


def _scanned(connection: Connection, view: str) -> set[str]:
    """The landed tables that a staging view scans, if it does nothing else; else none."""
    name = sql.Identifier("staging", view)
    if connection.execute(_CALLS_OURS, (name.as_string(connection),)).fetchall() == [(True,)]:
        return set()
    ((found,),) = connection.execute(sql.SQL("explain (format json) select * from {}").format(name)).fetchall()
    nodes = list(_nodes(found[0]["Plan"]))
    simple = all(
        node["Node Type"] in _SCANS and node.get("Parent Relationship") not in ("InitPlan", "SubPlan") for node in nodes
    )
    return {node["Relation Name"] for node in nodes if "Relation Name" in node} if simple else set()


def _nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


def _copy(connection: Connection, schema: str, view: str) -> None:
    """PostgreSQL tells a view without schemas of names that the path finds; so a copy reads copies if there are any."""
    name = sql.Identifier(schema, view).as_string(connection)
    connection.execute("set local search_path = build, staging")
    ((definition,),) = connection.execute("select pg_get_viewdef(%s::regclass)", (name,)).fetchall()
    connection.execute("set local search_path = fresh, build, staging")
    # its own words
    connection.execute(sql.SQL("create view {} as ").format(sql.Identifier("fresh", view)) + sql.SQL(definition))
