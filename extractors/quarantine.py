"""Rows that were set aside (`staging.rejected_rows`): listed, corrected, dismissed, and landed after all.

A replay reads the row, corrected or as it came, with the parser and the settings of today and merges it by its key.
What a person corrected replaces the landed row of that key; what nobody touched never does, because the landed one may
be newer. Nothing is doubled: keys are unique, and a row that is landed is marked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from extractors.core.errors import ChairsideError, ConfigError
from extractors.core.forgotten import FORGOTTEN, cleaned
from extractors.core.redact import by_shape, shape
from extractors.core.rows import Reading, read_rows
from extractors.core.spec import Context, StreamSpec, Window
from extractors.loading.windows import write_window
from extractors.registry import source as source_named
from extractors.run import make_context
from extractors.sources.files.replay import WITHOUT_ID, replay_row
from extractors.turns import turn

REPLAYED = "replayed"
MOST_LISTED = 200
Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """One row of the quarantine. `row`: as it came; `fixed`: corrected by a person, or null."""

    rejected_row_id: int
    source: str
    stream: str
    file: str | None
    row_number: int | None
    column_name: str | None
    reason: str
    row: Mapping[str, Any]
    fixed: Mapping[str, Any] | None
    rejected_at: datetime

    def lines(self, *, shown: bool) -> Iterable[str]:
        """For people. Unless `shown`, values only by their shape: letters as x, digits as 0."""
        where = ", ".join(
            str(part) for part in (self.file, self.row_number and f"row {self.row_number}", self.column_name) if part
        )
        state = " (corrected, not replayed)" if self.fixed is not None else ""
        yield f"{self.rejected_row_id}: {self.source} {self.stream}{f', {where}' if where else ''}{state}"
        yield f"   {self.reason if shown else by_shape(self.reason)}"
        for name, value in sorted((self.fixed or self.row).items()):
            yield f"   {name} = {value if shown else shape(value)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What became of the rows: numbers that are landed now, and those that wait, with why."""

    landed: tuple[int, ...]
    waiting: Mapping[int, str]


def waiting(connection: Connection, *, source: str | None = None, number: int | None = None) -> list[SetAside]:
    """Rows that are neither landed nor dismissed, of a source or all, oldest first; none of forgotten people."""
    columns = sql.SQL(", ").join(map(sql.Identifier, SetAside.__dataclass_fields__))
    with connection.cursor(row_factory=class_row(SetAside)) as cursor:
        return cursor.execute(
            sql.SQL(
                "select {} from staging.rejected_rows where resolved_at is null and row is not null"
                " and not row ? {} and (%(source)s::text is null or source = %(source)s)"
                " and (%(number)s::bigint is null or rejected_row_id = %(number)s) order by rejected_row_id"
            ).format(columns, sql.Literal(FORGOTTEN)),
            {"source": source, "number": number},
        ).fetchall()


def fix(connection: Connection, number: int, changes: Mapping[str, Any]) -> None:
    """Correct some values of a waiting row. ConfigError: no such row waits, or it has no such column."""
    one = _one(connection, number)
    if unknown := sorted(changes.keys() - one.row.keys()):
        raise ConfigError(f"Row {number} has no {', '.join(unknown)}. It has: {', '.join(sorted(one.row))}.")
    connection.execute(
        "update staging.rejected_rows set fixed = coalesce(fixed, row) || %s, fixed_by = session_user"
        " where rejected_row_id = %s", (Jsonb(dict(changes)), number),
    )  # fmt: skip


def dismiss(connection: Connection, number: int, why: str, *, now: datetime) -> None:
    """Take a row out of the list for good; met again, it is not listed again. ConfigError: no such row waits."""
    _one(connection, number)
    connection.execute(
        "update staging.rejected_rows set resolved_at = %s, resolution = %s, fixed_by = session_user"
        " where rejected_row_id = %s", (now, f"dismissed: {why}", number),
    )  # fmt: skip


def _one(connection: Connection, number: int) -> SetAside:
    found = waiting(connection, number=number)
    if not found:
        raise ConfigError(no_such_row(number))
    return found[0]


def no_such_row(number: int) -> str:
    return f"No row {number} waits. `make quarantine` lists those that do."


def replay(
    url: str,
    *,
    settings_of: Callable[[str], Mapping[str, Any]],
    run_id: str,
    now: datetime,
    source: str | None = None,
    number: int | None = None,
    mapping: Path | None = None,
) -> Replayed:
    """Land what can be read now, each row in a transaction of its own. `settings_of`: of a vendor's connection;
    `mapping`: of import files, if they were loaded with one.

    Raises ConfigError where a connection or the mapping is missing; rows before it are landed.
    """
    landed: list[int] = []
    left: dict[int, str] = {}
    with psycopg.connect(url, autocommit=True) as connection:
        rows = waiting(connection, source=source, number=number)
        if number is not None and not rows:
            raise ConfigError(no_such_row(number))
        for name in sorted({one.source for one in rows}):
            of_source = [one for one in rows if one.source == name]
            if name == "files":
                replay_one = partial(_replay_file_row, mapping=mapping, run_id=run_id, now=now)
                waits = _replay_all(connection, of_source, replay_one, now)
            else:
                context = make_context(source_named(name), settings_of(name), run_id=run_id, now=now)
                with turn(url, name):
                    waits = _replay_all(connection, of_source, partial(_replay_vendor_row, context=context), now)
            left |= waits
            landed += [one.rejected_row_id for one in of_source if one.rejected_row_id not in waits]
    return Replayed(landed=tuple(landed), waiting=left)


def _replay_all(
    connection: Connection, rows: Sequence[SetAside], replay_one: Callable[..., str | None], now: datetime
) -> dict[int, str]:
    """Each in its own transaction; the numbers of those that wait still, and why."""
    left: dict[int, str] = {}
    for one in rows:
        try:
            with connection.transaction():
                why = replay_one(connection, one)
                if why is None:
                    connection.execute(
                        "update staging.rejected_rows set resolved_at = %s, resolution = %s where rejected_row_id = %s",
                        (now, REPLAYED, one.rejected_row_id),
                    )
        except ConfigError:
            raise
        except ChairsideError as error:
            why = str(error)
        except psycopg.DataError as error:  # its detail quotes the row
            why = f"the warehouse refused it ({error.diag.message_primary or type(error).__name__})"
        if why is not None:
            left[one.rejected_row_id] = by_shape(why)
    return left


def _replay_file_row(
    connection: Connection, one: SetAside, *, mapping: Path | None, run_id: str, now: datetime
) -> str | None:
    return replay_row(
        connection, one.stream, one.file or "", one.row_number or 0, one.fixed or one.row, mapping,
        is_fixed=one.fixed is not None, run_id=run_id, now=now,
    )  # fmt: skip


def _replay_vendor_row(connection: Connection, one: SetAside, *, context: Context) -> str | None:
    """Why it waits still; null: it is landed."""
    stream = source_named(one.source).stream(one.stream)
    reading = Reading()
    rows = list(read_rows(stream, [[dict(one.fixed or one.row)]], context, reading))
    if reading.rejected:
        said = reading.rejected[0]
        return f"{said.column}: {said.reason}" if said.column else said.reason
    if one.fixed is None and _is_landed(connection, stream, rows[0]):
        return "its key is landed already, maybe newer: correct it (`make fix`), or dismiss it"
    # Merged by its key: the window around it is not the truth of anything here.
    merging = replace(stream, replace="key", window_column=None, window_days=None)
    columns = (*stream.column_names, "_extra")
    write_window(
        connection, merging, Window(context.now.date(), context.now.date()),
        cleaned(connection, stream.table, columns, [rows]), run_id=context.run_id, now=context.now,
    )  # fmt: skip
    return None


def _is_landed(connection: Connection, stream: StreamSpec, row: Sequence[Any]) -> bool:
    same = sql.SQL(" and ").join(
        sql.SQL("{} is not distinct from {}").format(
            sql.Identifier(name), sql.Literal(row[stream.column_names.index(name)])
        )
        for name in stream.key
    )
    found = connection.execute(
        sql.SQL("select exists (select from {} where {})").format(sql.Identifier("staging", stream.table), same)
    )
    return found.fetchone() == (True,)


__all__ = [
    "MOST_LISTED", "WITHOUT_ID", "Replayed", "SetAside", "dismiss", "fix", "no_such_row", "replay", "shape", "waiting",
]  # fmt: skip
