"""Which rows of the families differ: those that `build` has and the day has not, and the other way round.

Most rows of a family are what they were: a new session moves few of a person's rows. So old rows are read once, in the
order in which they lie on disk, and compared with the new ones by a hash of the whole row. What differs is written
down in `build.family_differing`, by place (`ctid`); `merge` moves just that. Nothing in `build` changes here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from queue import Empty, SimpleQueue
from typing import LiteralString

from psycopg import sql

from warehouse.dbt import PLANNING
from warehouse.increment.fresh import Connection
from warehouse.increment.plan import RECORD, Kept
from warehouse.increment.scope import run
from warehouse.increment.steps import AT_A_TIME

# Old rows are found by index and read page after page, whatever the planner thinks of a list of unknown length.
READING = f"{PLANNING} -c enable_indexscan=off -c enable_seqscan=off"

_PREPARE: LiteralString = """
drop schema if exists old cascade;
create schema old;
drop table if exists build.family_differing;
create unlogged table build.family_differing (model text, kind text, key text, is_old boolean, place tid);
"""
# Rows that are as often on both sides stay, also where several are equal. Of others all of that content are replaced.
# Equal numbers are equal whatever zeros they end in, as for any reader.
_COMPARE: LiteralString = """
insert into build.family_differing (model, kind, key, is_old, place)
with

found as materialized (
    {old}
    union all
    select {new_key} as key, false as is_old, new.ctid as place, hash_record_extended(new, 0) as content
    from {day} as new
),

moved as (
    select content from found
    group by content
    having count(*) filter (where is_old) <> count(*) filter (where not is_old)
)

select {model}, {kind}, found.key, found.is_old, found.place
from found inner join moved on found.content = moved.content
"""


def prepare(connection: Connection) -> None:
    """Schema `old` for copies of old rows, and a table for what differs. What a build that was killed left goes."""
    run(connection, _PREPARE)


def keep_old(connection: Connection, kept: Kept) -> None:
    """Copy the families' old rows of a model into schema `old`, for whoever reads them, and compare them. Once."""
    copy = sql.Identifier("old", kept.model)
    if connection.execute("select to_regclass(%s)", (copy.as_string(connection),)).fetchall() != [(None,)]:
        return
    _index(connection, kept)
    connection.execute(
        sql.SQL(
            "create unlogged table {} as"
            " select old.*, old.ctid as family_place, hash_record_extended(old, 0) as family_content from "
        ).format(copy)
        + _old_rows(kept)
    )
    _compare(
        connection, kept,
        sql.SQL("select {} as key, true as is_old, family_place as place, family_content as content from {}").format(
            _key(kept, "old"), sql.SQL("{} as old").format(copy)
        ),
    )  # fmt: skip


def compare(connection: Connection, kept: Kept) -> None:
    """Write down which of the families' rows of a model differ."""
    _index(connection, kept)
    _compare(
        connection, kept,
        sql.SQL(
            "select {} as key, true as is_old, old.ctid as place, hash_record_extended(old, 0) as content from "
        ).format(_key(kept, "old"))
        + _old_rows(kept),
    )  # fmt: skip


def columns_of(connection: Connection, model: str) -> list[str]:
    """Of a table in `build`, in order."""
    rows = connection.execute(
        "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped"
        " order by attnum",
        (f"build.{model}",),
    )
    return [name for (name,) in rows.fetchall()]


def side_by_side(
    session: Callable[[], AbstractContextManager[Connection]], tasks: Sequence[Callable[[Connection], None]]
) -> None:
    """Do tasks that need nothing of each other, two at a time, each connection its own in one transaction."""
    waiting: SimpleQueue[Callable[[Connection], None]] = SimpleQueue()
    for task in tasks:
        waiting.put(task)

    def work() -> None:
        with session() as connection:
            try:
                while True:
                    waiting.get_nowait()(connection)
            except Empty:
                return

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for done in [pool.submit(work) for _ in range(AT_A_TIME)]:
            done.result()


def _compare(connection: Connection, kept: Kept, old: sql.Composed) -> None:
    by_key = kept.of != RECORD
    connection.execute(
        sql.SQL(_COMPARE).format(
            old=old, new_key=_key(kept, "new"), day=sql.Identifier("day", kept.model), model=sql.Literal(kept.model),
            kind=sql.Literal(kept.of if by_key else None),
        )
    )  # fmt: skip


def _key(kept: Kept, side: str) -> sql.Composable:
    """What a publication finds a row by; it looks at no model that is kept by records."""
    if kept.of == RECORD:
        return sql.SQL("null::text")
    return sql.SQL("{}.{}").format(sql.Identifier(side), sql.Identifier(kept.columns[0]))


def _old_rows(kept: Kept) -> sql.Composed:
    """The families' rows `old` that a model has in `build`: what follows `from`."""
    table = sql.Identifier("build", kept.model)
    if kept.of == RECORD:
        kind, record_id = map(sql.Identifier, kept.columns)
        return sql.SQL(
            "(select record_kind, array_agg(record_id) as ids from build.family_scope group by record_kind) as records"
            " inner join {} as old on old.{} = records.record_kind and old.{} = any (records.ids)"
        ).format(table, kind, record_id)
    (column,) = kept.columns
    return sql.SQL("{} as old where old.{} = any (array(select key from build.family_keys where kind = {}))").format(
        table, sql.Identifier(column), sql.Literal(kept.of)
    )


def _index(connection: Connection, kept: Kept) -> None:
    """Made by the first build of a day, not by a build of everything, which has no use for it."""
    connection.execute(
        sql.SQL("create index if not exists {} on {} ({})").format(
            sql.Identifier(f"{kept.model}_families"),
            sql.Identifier("build", kept.model),
            sql.Identifier(kept.columns[-1]),
        )
    )
