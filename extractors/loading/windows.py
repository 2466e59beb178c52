"""Writes one window of a vendor's stream: COPY into a temporary table, then only what differs into the landed one.

Everything here happens inside the caller's transaction, so a run killed at any point leaves nothing half done. The
same window twice writes nothing the second time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from extractors.core.errors import ConfigError, GuardError, PayloadError
from extractors.core.rows import RejectedRow, Row
from extractors.core.spec import StreamSpec, Window
from extractors.loading.steady import refuse_changed_accounts

# A fetch that takes away more than half of at least this many rows is taken for a vendor's fault, not for news.
GUARD_FROM_ROWS = 200
GUARD_SHARE = 0.5
# A dictionary (stages, doctors, funnels) that is suddenly empty is one too, however short it was.
GUARD_LIST_ROWS = 3


@dataclass(frozen=True, slots=True)
class Written:
    """What one window did to its table."""

    received: int
    written: int
    deleted: int


def write_window(
    connection: psycopg.Connection[Any],
    spec: StreamSpec,
    window: Window,
    rows: Iterable[Row],
    *,
    run_id: str,
    now: datetime,
    allow_shrink: bool = False,
    allow_account_change: bool = False,
) -> Written:
    """Bring the landed table to what `rows` say of `window`. The rows are drawn while they are copied.

    Raises GuardError when the window would lose more than half of its rows or an account changed its currency or time
    zone, ConfigError when the table is missing.
    """
    target = sql.Identifier("staging", spec.table)
    names = [*spec.column_names, "_extra"]
    with connection.cursor() as cursor:
        # Two runs of one stream would each delete what the other has just written.
        cursor.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", (spec.table,))
        try:
            cursor.execute(
                sql.SQL("create temporary table incoming on commit drop as select {} from {} with no data").format(
                    _list(names), target
                )
            )
        except psycopg.errors.UndefinedTable:
            raise ConfigError(
                f"{spec.source} {spec.name}: the table staging.{spec.table} does not exist. Run `python -m "
                "warehouse.migrate`."
            ) from None
        received = _copy(cursor, spec, names, rows)
        cursor.execute("analyze incoming")
        received -= _keep_last_of_repeated(cursor, spec)
        if not allow_account_change:
            refuse_changed_accounts(cursor, spec, window)
        deleted = 0
        if spec.replace != "key":
            deleted = _delete_vanished(cursor, spec, target, window, received, allow_shrink)
        cursor.execute(_merge(spec, target, names), {"run_id": run_id, "now": now})
        written = cursor.rowcount
        cursor.execute("drop table incoming")
    return Written(received, written, deleted)


def _copy(cursor: psycopg.Cursor[Any], spec: StreamSpec, names: Sequence[str], rows: Iterable[Row]) -> int:
    types = [type_ for _, type_ in spec.columns] + ["jsonb"]
    json_at = [index for index, type_ in enumerate(types) if type_ == "jsonb"]
    count = 0
    copying = sql.SQL("copy incoming ({}) from stdin (format binary)").format(_list(names))
    with cursor.copy(copying) as copy:
        copy.set_types(types)
        for row in rows:
            if any(row[index] is not None for index in json_at):
                row = tuple(
                    Jsonb(value) if index in json_at and value is not None else value for index, value in enumerate(row)
                )
            try:
                copy.write_row(row)
            except (OverflowError, ValueError, TypeError) as error:
                problem = type(error).__name__  # its text may quote the row
                raise PayloadError(
                    f"{spec.source} {spec.name}: row {count + 1} holds a value its column cannot keep ({problem}). "
                    "Nothing of the window was written."
                ) from None
            count += 1
    return count


def _keep_last_of_repeated(cursor: psycopg.Cursor[Any], spec: StreamSpec) -> int:
    """A vendor's pages shift while they are read, so a row may come twice; the one read last is the newer."""
    key = _list(spec.key)
    cursor.execute(sql.SQL("select from incoming group by {} having count(*) > 1 limit 1").format(key))
    if cursor.fetchone() is None:
        return 0
    cursor.execute(
        sql.SQL(
            "delete from incoming using (select ctid as row_at, row_number() over (partition by {} order by ctid desc)"
            " as position from incoming) as numbered where incoming.ctid = row_at and position > 1"
        ).format(key)
    )
    return cursor.rowcount


def _delete_vanished(
    cursor: psycopg.Cursor[Any],
    spec: StreamSpec,
    target: sql.Identifier,
    window: Window,
    received: int,
    allow_shrink: bool,
) -> int:
    inside: sql.Composable = sql.SQL("true")
    if spec.window_column is not None:
        inside = sql.SQL("target.{} between %(first)s and %(last)s").format(sql.Identifier(spec.window_column))
    bounds = {"first": window.first, "last": window.last}
    cursor.execute(
        sql.SQL("select count(*) from {} as target where {}").format(target, inside), bounds
    )
    before = (cursor.fetchone() or (0,))[0]
    shrinks = before >= GUARD_FROM_ROWS and received < before * GUARD_SHARE
    vanishes = spec.replace == "all" and received == 0 and before >= GUARD_LIST_ROWS
    if not allow_shrink and (shrinks or vanishes):
        raise GuardError(
            f"{spec.source} {spec.name} {window}: the vendor sent {received} rows where {before} are loaded. Nothing"
            " was written. If that is right, run it again with the setting `allow_shrink`."
        )
    cursor.execute(
        sql.SQL(
            "delete from {target} as target where {inside}"
            " and not exists (select from incoming where {same_key})"
        ).format(target=target, inside=inside, same_key=_same(spec.key)),
        bounds,
    )
    return cursor.rowcount


def _merge(spec: StreamSpec, target: sql.Identifier, names: Sequence[str]) -> sql.Composed:
    """Insert what is new, update what differs; a row that says the same is not touched."""
    data = [name for name in names if name not in spec.key]
    stamped = [*names, "_run_id", "_loaded_at"]
    return sql.SQL(
        "merge into {target} as target using incoming on {same_key}"
        " when matched and ({old}) is distinct from ({new}) then update set {changes},"
        " _run_id = %(run_id)s, _loaded_at = %(now)s"
        " when not matched then insert ({stamped}) values ({values}, %(run_id)s, %(now)s)"
    ).format(
        target=target,
        same_key=_same(spec.key),
        old=_list(data, "target"),
        new=_list(data, "incoming"),
        changes=sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(name), sql.Identifier("incoming", name)) for name in data
        ),
        stamped=_list(stamped),
        values=_list(names, "incoming"),
    )


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


def _same(key: Iterable[str]) -> sql.Composed:
    return sql.SQL(" and ").join(
        sql.SQL("{} = {}").format(sql.Identifier("target", name), sql.Identifier("incoming", name)) for name in key
    )
