"""A file taken back: rows that it said last leave, as if nobody had put it into the inbox.

`_file` tells which file a landed row is of: the one that wrote it or changed it last. A row that an older file said too
and that this one overwrote is not brought back by itself: the older file has to be loaded again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection, sql

from extractors.core.errors import ConfigError
from extractors.kinds import KINDS, Kind
from extractors.unblocked import unblocked


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed:
    """Rows of a kind that a file said last, and when the newest of them was written."""

    file: str
    kind: str
    rows: int
    loaded_at: datetime


def landed_files(connection: Connection[Any], file: str | None = None) -> list[Landed]:
    """What lies of which file, the last loaded first; of one file, in the order of the kinds."""
    found = [
        Landed(file=name, kind=kind.name, rows=rows, loaded_at=loaded_at)
        for kind in KINDS
        for name, rows, loaded_at in connection.execute(
            sql.SQL(
                "select _file, count(*), max(_loaded_at) from {} where _file is not null"
                " and (%(file)s::text is null or _file = %(file)s) group by _file"
            ).format(_table(kind)),
            {"file": file},
        )
    ]
    return found if file is not None else sorted(found, key=lambda each: (each.loaded_at, each.file), reverse=True)


def unload(connection: Connection[Any], file: str) -> dict[str, int]:
    """Delete the file's landed rows, and those of it that were set aside, in one transaction. Returns rows by kind.

    Raises ConfigError where rows of others are of a clinic that only it tells.
    """
    gone: dict[str, int] = {}
    with connection.transaction():
        held = {each.kind for each in landed_files(connection, file)}
        for kind in KINDS:
            if kind.name not in held:
                continue
            with unblocked(connection):  # as a load of the kind does: a second one waits
                connection.execute(sql.SQL("lock table {} in share row exclusive mode").format(_table(kind)))
            done = connection.execute(sql.SQL("delete from {} where _file = %s").format(_table(kind)), [file])
            gone[kind.name] = done.rowcount
        connection.execute(
            "delete from staging.rejected_rows where source = 'files' and file = %s and resolved_at is null", [file]
        )
        if "clinics" in gone and (left := _without_clinic(connection)):
            raise ConfigError(
                f"Nothing was taken back: {', '.join(left)} have rows of clinics that only {file} tells. Take the files"
                " of those rows back first. A clinic that closes keeps its row: docs/runbooks/add_a_clinic.md"
            )
    return gone


def _without_clinic(connection: Connection[Any]) -> list[str]:
    """Landed tables with rows of a clinic that is not there any more."""
    tables = connection.execute(
        "select relname::text from pg_class inner join pg_attribute on attrelid = pg_class.oid"
        " where relnamespace = 'staging'::regnamespace and relkind in ('r', 'p') and attname = 'clinic_id'"
        " and not attisdropped and relname <> 'files__clinics' order by 1"
    ).fetchall()
    return [
        table
        for (table,) in tables
        if connection.execute(
            sql.SQL(
                "select exists (select from {} as landed where clinic_id is not null and not exists ("
                "select from staging.files__clinics as clinics where clinics.clinic_id = landed.clinic_id))"
            ).format(sql.Identifier("staging", table))
        ).fetchone()
        == (True,)
    ]


def _table(kind: Kind) -> sql.Identifier:
    return sql.Identifier("staging", kind.table)
