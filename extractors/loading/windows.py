"""Writes one window of a vendor's stream: COPY, then only what differs.

    nothing of the window is landed yet     COPY straight into the landed table
    else, or where a row comes twice        COPY into a temporary table; of its rows those that are not landed, or say
                                            something else, are inserted or updated
    at the end                              rows of the window that did not come are deleted

Rows are drawn, copied and merged some thousands at a time, so memory does not grow with the window, and the next ones
are read and packed while the server works on the last. Everything happens inside the caller's transaction: a run killed
at any point leaves nothing half done, and the same window twice writes nothing the second time. The keys that changed
go to `ops.changed_keys` (extractors/loading/changes.py, docs/decisions/keys_that_changed.md). Why it is done so, and
what else was tried: docs/decisions/loading_speed.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from extractors.core.errors import ConfigError, GuardError
from extractors.core.rows import RejectedRow, Row
from extractors.core.spec import StreamSpec, Window
from extractors.loading.changes import Changes
from extractors.loading.packing import STAMPS, Coming, Order, Packed, Packer, copying
from extractors.loading.restated import count_copied, of_days_before
from extractors.loading.steady import refuse_changed_accounts

# A fetch that takes away more than half of at least this many rows is taken for a vendor's fault, not for news.
GUARD_FROM_ROWS = 200
GUARD_SHARE = 0.5
# A dictionary (stages, doctors, funnels) that is suddenly empty is one too, however short it was.
GUARD_LIST_ROWS = 3
# Rows that are copied and merged together. More was not faster (docs/decisions/loading_speed.md).
CHUNK_ROWS = 8_000
# Share of the next rows that is packed while the server merges; the others while it copies those.
AHEAD = 0.6
STAMP_NAMES = tuple(name for name, _ in STAMPS)
# How the merge is planned. Without it a table that has few rows when a window begins would be read as a whole for every
# row; and a plan that the planner was forced to looks costly enough to be compiled, which takes longer than it.
ONE_BY_ONE = "select set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true)"
AS_USUAL = "set local enable_seqscan to default"


@dataclass(frozen=True, slots=True)
class Written:
    """What one window did to its table. `received`: rows that came, a row that came twice counted once. `restated`: of
    what was written and deleted, what is news of days that had been read before (loading/restated.py)."""

    received: int
    written: int
    deleted: int
    restated: int = 0


def write_window(
    connection: psycopg.Connection[Any],
    spec: StreamSpec,
    window: Window,
    batches: Iterable[list[Row]],
    *,
    run_id: str,
    now: datetime,
    allow_shrink: bool = False,
    allow_account_change: bool = False,
    accounts: Sequence[str] | None = None,
    read_to: date | None = None,
) -> Written:
    """Bring the landed table to what the rows of `batches` say of `window`. They are drawn while they are copied.

    `accounts`: the window is the truth of these accounts only, rows of others are left alone; null: of all. `read_to`:
    the last day that was read before; null: none.

    Raises GuardError when the window would lose more than half of its rows or an account changed its currency or time
    zone, ConfigError when the table is missing. Whatever is raised, the caller's transaction must be rolled back.
    """
    target = sql.Identifier("staging", spec.table)
    columns = _list([*spec.column_names, "_extra", *STAMP_NAMES])
    received = written = deleted = restated = 0
    changes = Changes(spec, window)
    news = of_days_before(spec, window, read_to)
    with connection.cursor() as cursor:
        # Two runs of one stream would each delete what the other has just written. A row that is there is locked, not
        # written. A lock on the landed table itself would put off its autovacuum; an advisory one anybody may take.
        cursor.execute(
            "insert into ops.landing_turns (landed_table) values (%s)"
            " on conflict (landed_table) do update set landed_table = excluded.landed_table where false",
            (spec.table,),
        )
        inside = _inside(spec, window, accounts)
        landed = _count_landed(cursor, spec, target, inside)
        cursor.execute(
            sql.SQL(
                "create temporary table incoming on commit drop as select {} from {} with no data;"
                " create temporary table seen on commit drop as select {} from {} with no data"
            ).format(columns, target, _list(spec.key), target)
        )
        coming = Coming(map(Packer(connection, spec, (run_id, now)).pack, batches))
        # The currency of an account is compared before its rows are among the landed ones.
        if landed == 0 and not spec.steady:
            received = written = _copy_straight(connection, cursor, target, columns, coming)
            if written:
                changes.everything()
                restated = count_copied(cursor, spec, window, read_to, target, inside, written)
        order = Order()
        seen = 0  # rows in `seen`
        keys: set[Any] = set()
        ahead = list(coming.new_keys(keys, int(CHUNK_ROWS * AHEAD)))
        while ahead:
            with copying(cursor, sql.Identifier("incoming"), columns) as write:
                for batch in chain(ahead, coming.new_keys(keys, CHUNK_ROWS)):
                    write(batch)
            received += len(keys)
            order.add(keys)
            if not allow_account_change:
                refuse_changed_accounts(cursor, spec, window)
            # The statements are sent, and while the server works the next rows are read.
            with connection.cursor() as merging, connection.cursor() as seeing:
                with connection.pipeline():
                    cursor.execute(ONE_BY_ONE)
                    # the table grows: plan it anew
                    merging.execute(merge_statement(spec, target, news), prepare=False)
                    if landed and spec.replace != "key":
                        seeing.execute(
                            sql.SQL("insert into seen select {} from incoming as target where {}").format(
                                _list(spec.key), inside
                            )
                        )
                    cursor.execute("truncate incoming")
                    cursor.execute(AS_USUAL)
                    keys = set()
                    ahead = list(coming.new_keys(keys, int(CHUNK_ROWS * AHEAD)))
                written += merging.rowcount
                seen += max(seeing.rowcount, 0)
                merged = merging.fetchall()
                restated += sum(row[-1] for row in merged)
                changes.add("written", [row[:-1] for row in merged])
        # All that came is landed now. Where each key came once and there are no more rows than came, none vanished.
        if landed and spec.replace != "key" and (
            order.may_repeat or _count_landed(cursor, spec, target, inside) != seen
        ):
            deleted = _delete_vanished(cursor, spec, target, window, landed, inside, allow_shrink, changes)
        cursor.execute("drop table incoming, seen")
        changes.note(cursor, run_id=run_id, now=now)
    return Written(received, written, deleted, restated + deleted)


def _count_landed(cursor: psycopg.Cursor[Any], spec: StreamSpec, target: sql.Identifier, inside: sql.Composable) -> int:
    """Rows of the window that are there already; where nothing can vanish, whether there is any row at all."""
    query = "select count(*) from {} as target where {}"
    if spec.replace == "key":
        query = "select count(*) from (select from {} as target where {} limit 1) as landed"
    try:
        cursor.execute(sql.SQL(query).format(target, inside))
    except psycopg.errors.UndefinedTable:
        raise ConfigError(
            f"{spec.source} {spec.name}: the table staging.{spec.table} does not exist. Run `python -m "
            "warehouse.migrate`."
        ) from None
    return int((cursor.fetchone() or (0,))[0])


def _copy_straight(
    connection: psycopg.Connection[Any],
    cursor: psycopg.Cursor[Any],
    target: sql.Identifier,
    columns: sql.Composable,
    coming: Coming,
) -> int:
    """Copy into the landed table as long as every key is new there; returns how many rows that were.

    The chunk that holds a key which is there already is put back, none of it is copied.
    """
    copied = 0
    while True:
        chunk: list[Packed] = []
        count = 0
        try:
            with connection.transaction(), copying(cursor, target, columns) as write:
                for batch in coming:
                    chunk.append(batch)  # first: the server may refuse it half-way
                    write(batch)
                    count += len(batch.keys)
                    if count >= CHUNK_ROWS:
                        break
        except psycopg.errors.UniqueViolation:
            coming.put_back(chunk)
            return copied
        copied += count
        if count < CHUNK_ROWS:
            return copied


def merge_statement(spec: StreamSpec, target: sql.Identifier, news: sql.Composable) -> sql.Composed:
    """From `incoming`, which holds each key once, into the landed table. Returns keys written, each with `news` of it.

    Each row looks its own key up (`offset 0` keeps the planner from joining the tables as wholes). One that is landed
    and says the same is only read: `on conflict … where` would lock it, and write that to disk and to the log.
    On Citus a MERGE into a distributed table is refused (docs/how_to/scale_out.md).
    """
    names = (*spec.column_names, "_extra", *STAMP_NAMES)
    data = [name for name in names if name not in spec.key]
    said = [name for name in data if name not in STAMP_NAMES]
    return sql.SQL(
        "insert into {target} as target ({names}) select {coming} from incoming"
        " left join lateral (select ({old}) is distinct from ({new}) as differs from {target} as landed"
        " where {same_key} offset 0) as compared on true where compared.differs is not false"
        " on conflict ({key}) do update set {changes} returning {written}, {news}"
    ).format(
        target=target,
        names=_list(names),
        coming=_list(names, "incoming"),
        old=_list(said, "landed"),
        new=_list(said, "incoming"),
        same_key=_same(spec.key, "landed", "incoming"),
        key=_list(spec.key),
        changes=sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in data),
        written=_list(spec.key, "target"),
        news=news,
    )


def _delete_vanished(
    cursor: psycopg.Cursor[Any],
    spec: StreamSpec,
    target: sql.Identifier,
    window: Window,
    landed: int,
    inside: sql.Composable,
    allow_shrink: bool,
    changes: Changes,
) -> int:
    """Delete what the window had and did not come again; GuardError where that is too much to be true."""
    cursor.execute("analyze seen")
    cursor.execute(
        sql.SQL(
            "delete from {target} as target where {inside} and not exists (select from seen where {same_key})"
            " returning {key}"
        ).format(
            target=target, inside=inside, same_key=_same(spec.key, "target", "seen"), key=_list(spec.key, "target")
        )
    )
    deleted = cursor.rowcount
    if not deleted:
        return 0
    changes.add("deleted", cursor.fetchall())
    left = _count_landed(cursor, spec, target, inside)
    shrinks = landed >= GUARD_FROM_ROWS and left < landed * GUARD_SHARE
    vanishes = spec.replace == "all" and left == 0 and landed >= GUARD_LIST_ROWS
    if not allow_shrink and (shrinks or vanishes):
        raise GuardError(
            f"{spec.source} {spec.name} {window}: the vendor sent {left} rows where {landed} are loaded. Nothing"
            " was written. If that is right, run it again with the setting `allow_shrink`."
        )
    return deleted


def write_rejected(
    connection: psycopg.Connection[Any],
    spec: StreamSpec,
    rejected: Sequence[RejectedRow],
    *,
    run_id: str,
    now: datetime,
) -> None:
    """Keep rows that were set aside, each once however often its window is read again."""
    if not rejected:
        return
    values = [
        (spec.source, spec.name, row.number, row.column or None, row.reason, Jsonb(row.row), run_id, now)
        for row in rejected
    ]
    with connection.cursor() as cursor:
        cursor.executemany(
            "delete from staging.rejected_rows where source = %s and stream = %s"
            " and column_name is not distinct from %s and reason = %s and row = %s and fixed is null"
            " and resolved_at is null",
            [(value[0], value[1], value[3], value[4], value[5]) for value in values],
        )
        cursor.executemany(
            "insert into staging.rejected_rows"
            " (source, stream, row_number, column_name, reason, row, run_id, rejected_at)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s)",
            values,
        )


def _list(names: Iterable[str], table: str | None = None) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(table, name) if table else sql.Identifier(name) for name in names)


def _inside(spec: StreamSpec, window: Window, accounts: Sequence[str] | None) -> sql.Composable:
    """Whether a landed row belongs to the window, and to the accounts that were asked."""
    conditions: list[sql.Composable] = [sql.SQL("true")]
    if spec.window_column is not None:
        conditions.append(
            sql.SQL("target.{} between {} and {}").format(
                sql.Identifier(spec.window_column), sql.Literal(window.first), sql.Literal(window.last)
            )
        )
    if accounts is not None and spec.account is not None:
        conditions.append(
            sql.SQL("target.{} = any({})").format(sql.Identifier(spec.account), sql.Literal(list(accounts)))
        )
    return sql.SQL(" and ").join(conditions)


def _same(key: Iterable[str], one: str, other: str) -> sql.Composed:
    return sql.SQL(" and ").join(
        sql.SQL("{} = {}").format(sql.Identifier(one, name), sql.Identifier(other, name)) for name in key
    )
