"""From read rows to `staging.files__<kind>`: all files of a kind in one transaction.

The rows of every file go into one temporary table by COPY, chunk by chunk. There, in SQL, so that memory stays small:
second rows of a key are taken out, rows whose key a later file has too give way, and what is left is merged. A file
that cannot be read as a whole leaves no trace, the others go on (savepoints).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any

import psycopg
from psycopg import Connection, sql

from extractors.core.corrections import read_corrections
from extractors.core.errors import ChairsideError, PayloadError
from extractors.core.forgotten import FORGOTTEN, REASON_FORGOTTEN, cleaner, read_forgotten
from extractors.core.redact import by_shape
from extractors.kinds import Kind
from extractors.loading.merge import names
from extractors.sources.files.cells import Cell
from extractors.sources.files.new_rows import (
    NEW_ROWS,
    Outcome,
    cycles,
    make_way,
    merge_new_rows,
    older_files,
    second_rows,
)
from extractors.sources.files.rows import Refusal, Row, RowReader, to_plain
from extractors.sources.files.summary import FileResult, Reasons
from extractors.sources.files.tables import Table
from extractors.unblocked import unblocked

CHUNK = 5_000  # rows held in memory at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One file as one kind. `open` begins to read it anew; `reader` finds the kind's columns in its headers."""

    file: str
    kind: Kind
    open: Callable[[], Table]
    reader: Callable[[Table], tuple[RowReader, tuple[str, ...]]]
    once_per_key: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    run_id: str
    now: datetime


def land(
    connection: Connection, kind: Kind, sources: Sequence[Source], stamp: Stamp, *, replayed: bool = False
) -> list[FileResult]:
    """Load all files of one kind, in order; of two files with the same key the later one wins.

    `replayed`: the sources are single rows of files, so the files' other rows and refusals stay.
    """
    with connection.transaction():
        table = sql.Identifier("staging", kind.table)
        # Readers go on; a second load of the kind waits, or both would take the same keys for new.
        with unblocked(connection):
            connection.execute(sql.SQL("lock table {} in share row exclusive mode").format(table))
        _create_new_rows(connection, kind, stamp)
        results: list[FileResult] = []
        cleared: set[str] = set()
        for number, source in enumerate(sources):
            try:
                with connection.transaction():
                    if source.file not in cleared and not replayed:
                        _forget_refusals(connection, source)
                    results.append(_copy(connection, source, number, stamp))
                cleared.add(source.file)
            except ChairsideError as error:
                results.append(FileResult(file=source.file, kind=kind.name, error=str(error)))
            except psycopg.DataError as error:
                text = str(error).splitlines()[0]
                results.append(FileResult(file=source.file, kind=kind.name, error=f"{source.file}: {text}"))
        for number, outcome in second_rows(connection, kind).items():
            if sources[number].once_per_key:
                results[number] = replace(results[number], repeated=len(outcome))
            else:
                results[number] = _take_out(connection, sources[number], results[number], kind.key[0], outcome, stamp)
        for number, count in older_files(connection, kind).items():
            results[number] = replace(results[number], superseded=count)
        for number, outcome in cycles(connection, kind).items():
            results[number] = _take_out(
                connection, sources[number], results[number], "merged_into_patient_id", outcome, stamp
            )
        removed = make_way(connection, kind, table) if kind.replace_by and not replayed else {}
        staged: dict[int, int] = dict(
            connection.execute("select _file_no, count(*) from pg_temp.new_rows group by 1").fetchall()
        )
        written = merge_new_rows(connection, kind, table)
        connection.execute("drop table pg_temp.new_rows")
    return [
        replace(
            result,
            written=written.get(number, 0),
            unchanged=staged.get(number, 0) - written.get(number, 0),
            removed=removed.get(number, 0),
        )
        for number, result in enumerate(results)
    ]


def _create_new_rows(connection: Connection, kind: Kind, stamp: Stamp) -> None:
    connection.execute(
        sql.SQL("create temporary table new_rows (like {} including defaults, _file_no integer) on commit drop").format(
            sql.Identifier("staging", kind.table)
        )
    )
    connection.execute(
        sql.SQL("alter table pg_temp.new_rows alter _run_id set default {}, alter _loaded_at set default {}").format(
            sql.Literal(stamp.run_id), sql.Literal(stamp.now)
        )
    )


def _forget_refusals(connection: Connection, source: Source) -> None:
    connection.execute(
        "delete from staging.rejected_rows where source = 'files' and file = %s and stream = %s and fixed is null"
        " and resolved_at is null",
        [source.file, source.kind.name],
    )


def _copy(connection: Connection, source: Source, number: int, stamp: Stamp) -> FileResult:
    table = source.open()
    reader, extra_columns = source.reader(table)
    values = (*(column.name for column in source.kind.columns), "_extra")
    copy_in = sql.SQL("copy {} ({}) from stdin").format(NEW_ROWS, names((*values, "_file", "_row", "_file_no")))
    forgotten = read_forgotten(connection)
    clean = None if forgotten is None else cleaner(forgotten, source.kind.table, values)
    corrections = read_corrections(connection, "files", source.kind.name)
    read = 0
    reasons = Reasons()
    for chunk in _chunks(table.rows):
        good: list[tuple[int, Row]] = []
        bad: list[tuple[Refusal, Sequence[Cell]]] = []
        for row_number, cells in chunk:
            raw = whole_row(table.headers, cells) if corrections else {}
            fixed = corrections.of(raw)
            row = reader.read(row_number, cells if fixed is None else tuple(fixed[name] for name in raw))
            if fixed is not None and not isinstance(row, Refusal):
                corrections.was_read(raw)
            if isinstance(row, Refusal):
                reasons.add(by_shape(_short(row)), row_number)
                if not corrections.knows(raw):
                    bad.append((row, cells))
            else:
                good.append((row_number, row))
        with connection.cursor() as cursor, cursor.copy(copy_in) as copy:
            for row_number, row in good:
                copy.write_row((*(clean(row) if clean else row), source.file, row_number, number))
        _refuse(connection, source, table.headers, bad, stamp)
        read += len(chunk)
        corrections.settle(connection, stamp.now)
    return FileResult(
        file=source.file,
        kind=source.kind.name,
        read=read,
        rejected=reasons.total,
        extra_columns=extra_columns,
        reasons=reasons.most_common(),
        warnings=tuple(reader.warnings.most_common()),
    )


def _chunks(rows: Iterator[tuple[int, Sequence[Cell]]]) -> Iterator[list[tuple[int, Sequence[Cell]]]]:
    while chunk := list(islice(rows, CHUNK)):
        yield chunk


def _short(refusal: Refusal) -> str:
    return f"{refusal.column}: {refusal.reason}" if refusal.column else refusal.reason


def _refuse(
    connection: Connection,
    source: Source,
    headers: Sequence[str],
    refusals: Sequence[tuple[Refusal, Sequence[Cell]]],
    stamp: Stamp,
) -> None:
    if not refusals:
        return
    forgotten = read_forgotten(connection)
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "copy staging.rejected_rows"
            " (source, stream, file, row_number, column_name, reason, row, run_id, rejected_at) from stdin"
        ) as copy,
    ):
        for refusal, cells in refusals:
            row, reason = whole_row(headers, cells), refusal.reason.replace("\x00", "\ufffd")
            if forgotten is not None and forgotten.concerns("files", row):
                row, reason = {FORGOTTEN: True}, REASON_FORGOTTEN
            copy.write_row(
                (
                    "files", source.kind.name, source.file, refusal.row_number, refusal.column,
                    reason, json.dumps(row, ensure_ascii=False), stamp.run_id, stamp.now,
                )
            )  # fmt: skip


def whole_row(headers: Sequence[str], cells: Sequence[Cell]) -> dict[str, Any]:
    """A row as it came, header to cell; a cell without a header, or under a second equal one, gets its number.

    A row that ends early has its last columns too, empty: whoever corrects it fills them.
    """
    row: dict[str, Any] = {}
    for position in range(max(len(cells), len(headers))):
        header = headers[position] if position < len(headers) else ""
        name = header if header and header not in row else f"{header or 'column'}_{position + 1}"
        row[name] = to_plain(cells[position]) if position < len(cells) else None
    return row


def _take_out(
    connection: Connection, source: Source, result: FileResult, column: str, outcome: Outcome, stamp: Stamp
) -> FileResult:
    """Write refusals of rows that were read well but may not stand. Their text is drawn from the file once more."""
    table = source.open()
    reasons = Reasons()
    wanted = ((row, cells) for row, cells in table.rows if row in outcome)
    for chunk in _chunks(wanted):
        refusals = [(Refusal(row, column, outcome[row]), cells) for row, cells in chunk]
        _refuse(connection, source, table.headers, refusals, stamp)
        for refusal, _ in refusals:
            reasons.add(f"{column}: {re.split(r' of row|: row', refusal.reason)[0]}", refusal.row_number)
    if reasons.total != len(outcome):
        raise PayloadError(f"{source.file}: the file changed while it was read. Load it again.")
    return replace(
        result, rejected=result.rejected + len(outcome), reasons=(*result.reasons, *reasons.most_common())
    )
