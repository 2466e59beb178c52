"""Writes one window of a vendor's stream: COPY, then only what differs.

    nothing of the window is landed yet     COPY straight into the landed table
    else, or where a row comes twice        COPY into a temporary table, INSERT … ON CONFLICT … WHERE something differs
    at the end                              rows of the window that did not come are deleted

Rows are drawn, copied and merged some thousands at a time, so memory does not grow with the window, and the next ones
are read while the server works on the last. Everything happens inside the caller's transaction: a run killed at any
point leaves nothing half done, and the same window twice writes nothing the second time. The keys that changed go to
`ops.changed_keys` (extractors/loading/changes.py, docs/decisions/keys_that_changed.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from extractors.core.errors import ConfigError, GuardError, PayloadError
from extractors.core.rows import RejectedRow, Row
from extractors.core.spec import StreamSpec, Window
from extractors.loading.changes import Changes
from extractors.loading.steady import refuse_changed_accounts

# A fetch that takes away more than half of at least this many rows is taken for a vendor's fault, not for news.
GUARD_FROM_ROWS = 200
GUARD_SHARE = 0.5
# A dictionary (stages, doctors, funnels) that is suddenly empty is one too, however short it was.
GUARD_LIST_ROWS = 3
# Rows that are copied and merged together, and in memory twice at most. More was not faster (benchmarks/).
CHUNK_ROWS = 8_000
STAMPS = ("_run_id", "_loaded_at")


@dataclass(frozen=True, slots=True)
class Written:
    """What one window did to its table. `received`: rows that came, a row that came twice counted once."""

    received: int
    written: int
    deleted: int


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
) -> Written:
    """Bring the landed table to what the rows of `batches` say of `window`. They are drawn while they are copied.

    `accounts`: the window is the truth of these accounts only, rows of others are left alone; null: of all.

    Raises GuardError when the window would lose more than half of its rows or an account changed its currency or time
    zone, ConfigError when the table is missing. Whatever is raised, the caller's transaction must be rolled back.
    """
    target = sql.Identifier("staging", spec.table)
    names = (*spec.column_names, "_extra")
    stamps = (run_id, now)
    received = written = deleted = 0
    changes = Changes(spec, window)
    with connection.cursor() as cursor:
        # Two runs of one stream would each delete what the other has just written.
        cursor.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", (spec.table,))
        inside = _inside(spec, window, accounts)
        landed = _count_landed(cursor, spec, target, inside)
        cursor.execute(
            sql.SQL(
                "create temporary table incoming on commit drop as select {} from {} with no data;"
                " create temporary table seen on commit drop as select {} from {} with no data"
            ).format(_list(names), target, _list(spec.key), target)
        )
        remaining = iter(batches)
        chunk: list[list[Row]] = []
        # The currency of an account is compared before its rows are among the landed ones.
        if landed == 0 and spec.account is None:
            straight, chunk = _copy_straight(connection, cursor, spec, target, names, remaining, stamps)
            received = written = straight
            if straight:
                changes.everything()
        chunk = chunk or _next_chunk(remaining)
        while chunk:
            rows = _last_of_each_key(spec, chunk)
            with _copying(cursor, spec, sql.Identifier("incoming"), names) as write:
                write(rows, received)
            received += len(rows)
            if not allow_account_change:
                refuse_changed_accounts(cursor, spec, window)
            # The statements are sent, and while the server works the next rows are read.
            with connection.cursor() as merging:
                with connection.pipeline():
                    merging.execute(merge_statement(spec, target, names), stamps)
                    if landed and spec.replace != "key":
                        cursor.execute(sql.SQL("insert into seen select {} from incoming").format(_list(spec.key)))
                    cursor.execute("truncate incoming")
                    chunk = _next_chunk(remaining)
                written += merging.rowcount
                changes.add("written", merging)
        if landed and spec.replace != "key":
            deleted = _delete_vanished(cursor, spec, target, window, landed, inside, allow_shrink, changes)
        cursor.execute("drop table incoming, seen")
        changes.note(cursor, run_id=run_id, now=now)
    return Written(received, written, deleted)


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


def _next_chunk(batches: Iterator[list[Row]]) -> list[list[Row]]:
    """Batches of CHUNK_ROWS rows together, or a little more; nothing when there are no more."""
    chunk: list[list[Row]] = []
    count = 0
    for batch in batches:
        chunk.append(batch)
        count += len(batch)
        if count >= CHUNK_ROWS:
            break
    return chunk


def _last_of_each_key(spec: StreamSpec, chunk: list[list[Row]]) -> list[Row]:
    """A vendor's pages shift while they are read, so a row may come twice; the one read last is the newer.

    Repetitions further apart meet in the table, where the later one wins as well.
    """
    key = itemgetter(*(spec.column_names.index(name) for name in spec.key))
    return list({key(row): row for batch in chunk for row in batch}.values())


def _copy_straight(
    connection: psycopg.Connection[Any],
    cursor: psycopg.Cursor[Any],
    spec: StreamSpec,
    target: sql.Identifier,
    names: Sequence[str],
    batches: Iterator[list[Row]],
    stamps: tuple[str, datetime],
) -> tuple[int, list[list[Row]]]:
    """Copy into the landed table as long as every key is new there.

    Returns how many rows that were, and the chunk that holds a key which is there already: none of it is copied.
    """
    copied = 0
    while True:
        chunk: list[list[Row]] = []
        count = 0
        try:
            with connection.transaction(), _copying(cursor, spec, target, names, stamps) as write:
                for batch in batches:
                    chunk.append(batch)  # first: the server may refuse it half-way
                    write(batch, copied + count)
                    count += len(batch)
                    if count >= CHUNK_ROWS:
                        break
        except psycopg.errors.UniqueViolation:
            return copied, chunk
        copied += count
        if count < CHUNK_ROWS:
            return copied, []


@contextmanager
def _copying(
    cursor: psycopg.Cursor[Any],
    spec: StreamSpec,
    table: sql.Identifier,
    names: Sequence[str],
    stamps: tuple[Any, ...] = (),
) -> Iterator[Callable[[list[Row], int], None]]:
    """A COPY into `table`, as a function that takes rows and how many were copied before them.

    `stamps`: values of `_run_id` and `_loaded_at` for every row, or nothing.
    """
    stamped = [*names, *STAMPS] if stamps else names
    with cursor.copy(sql.SQL("copy {} ({}) from stdin (format binary)").format(table, _list(stamped))) as copy:
        copy.set_types([type_ for _, type_ in spec.columns] + ["jsonb", "text", "timestamptz"][: 1 + len(stamps)])
        write_row = copy.write_row

        def write(rows: list[Row], before: int) -> None:
            number = before
            try:
                for number, row in enumerate(rows, before + 1):  # noqa: B007 - told when a row fails
                    write_row(row + stamps)
            except (OverflowError, ValueError, TypeError) as error:
                problem = type(error).__name__  # its text may quote the row
                raise PayloadError(
                    f"{spec.source} {spec.name}: row {number} holds a value its column cannot keep ({problem}). "
                    "Nothing of the window was written."
                ) from None

        yield write


def merge_statement(spec: StreamSpec, target: sql.Identifier, names: Sequence[str]) -> sql.Composed:
    """From `incoming`, which holds each key once, into the landed table. Parameters: run id, moment.

    On Citus a MERGE into a distributed table is refused (SCALE.md); this is not, and it needs no join to be planned.
    """
    data = [name for name in names if name not in spec.key]
    return sql.SQL(
        "insert into {target} as target ({stamped}) select {names}, %s, %s from incoming"
        " on conflict ({key}) do update set {changes} where ({old}) is distinct from ({new}) returning {written}"
    ).format(
        target=target,
        stamped=_list([*names, *STAMPS]),
        names=_list(names),
        key=_list(spec.key),
        changes=sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(sql.Identifier(n)) for n in (*data, *STAMPS)),
        old=_list(data, "target"),
        new=_list(data, "excluded"),
        written=_list(spec.key, "target"),
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
        ).format(target=target, inside=inside, same_key=_same(spec.key), key=_list(spec.key, "target"))
    )
    deleted = cursor.rowcount
    if not deleted:
        return 0
    changes.add("deleted", cursor)
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
            " and column_name is not distinct from %s and reason = %s and row = %s",
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


def _same(key: Iterable[str]) -> sql.Composed:
    return sql.SQL(" and ").join(
        sql.SQL("{} = {}").format(sql.Identifier("target", name), sql.Identifier("seen", name)) for name in key
    )
