"""Corrections of rows that were set aside: read in their place, whenever a load meets the same raw row again.

So a corrected row is not lost when its window or its file is read once more; and a row that the vendor itself has
corrected is another raw row, to which no correction belongs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import psycopg

from extractors.core.rows import Reading, Row, read_rows
from extractors.core.spec import Context, StreamSpec

LOADED = "loaded"


class Corrections:
    """What people did about rows of one stream or kind of file. State: which of these rows came again, and which of the
    corrected ones were read well."""

    def __init__(self, rows: Mapping[str, tuple[int, Mapping[str, Any] | None]]) -> None:
        """`rows`: by raw row (`canonical`) its number and the corrected one; null: dismissed."""
        self._rows = rows
        self._came: set[int] = set()
        self._read: set[int] = set()

    def __bool__(self) -> bool:
        return bool(self._rows)

    def of(self, raw: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The corrected row; null where nobody corrected this one."""
        known = self._known(raw)
        return known[1] if known else None

    def knows(self, raw: Mapping[str, Any]) -> bool:
        """Whether the row was corrected or dismissed, so that it need not be listed again."""
        return self._known(raw) is not None

    def was_read(self, raw: Mapping[str, Any]) -> None:
        """The corrected row was understood."""
        self._read.add(self._rows[canonical(raw)][0])

    def settle(self, connection: psycopg.Connection[Any], now: object) -> None:
        """Those that were read well are landed now, and none that came again grows old (ops.expire_raw); part of the
        transaction that landed them."""
        if self._came:
            connection.execute(
                "update staging.rejected_rows set rejected_at = greatest(rejected_at, %s)"
                " where rejected_row_id = any(%s)", (now, sorted(self._came)),
            )  # fmt: skip
        if self._read:
            connection.execute(
                "update staging.rejected_rows set resolved_at = %s, resolution = %s"
                " where rejected_row_id = any(%s) and resolved_at is null", (now, LOADED, sorted(self._read)),
            )  # fmt: skip

    def _known(self, raw: Mapping[str, Any]) -> tuple[int, Mapping[str, Any] | None] | None:
        known = self._rows.get(canonical(raw)) if self._rows else None
        if known is not None:
            self._came.add(known[0])
        return known


def read_corrections(connection: psycopg.Connection[Any], source: str, stream: str) -> Corrections:
    """Corrections and dismissals of one stream, or of one kind of import file."""
    rows = connection.execute(
        "select rejected_row_id, row, case when resolution like 'dismissed: %%' then null else fixed end"
        " from staging.rejected_rows where source = %s and stream = %s"
        " and (fixed is not null or resolution like 'dismissed: %%') order by 1", (source, stream),
    ).fetchall()
    return Corrections({canonical(raw): (number, fixed) for number, raw, fixed in rows})


def canonical(row: Mapping[str, Any]) -> str:
    """A row as one text, the same before and after PostgreSQL kept it as jsonb."""
    return json.dumps(_plain(row), sort_keys=True, ensure_ascii=False, default=str)


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever JSON can hold
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def corrected(
    corrections: Corrections, stream: StreamSpec, context: Context, batches: Iterable[list[Row]], reading: Reading
) -> Iterator[list[Row]]:
    """The batches, and at the end the corrected rows of those that were set aside on the way."""
    yield from batches
    if not corrections:
        return
    rows: list[Row] = []
    left = []
    for rejected in reading.rejected:
        fixed = corrections.of(rejected.row)
        again = Reading()
        read = [] if fixed is None else list(read_rows(stream, [[fixed]], context, again))
        rows += read
        if read:
            corrections.was_read(rejected.row)
        else:
            left.append(rejected)
    reading.rejected[:] = left
    if rows:
        yield rows
