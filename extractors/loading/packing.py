"""Rows of a stream as the bytes of a binary COPY, which take a fifth of what the rows take in Python.

A batch is packed as soon as it is read and its rows are let go. So the next batches can be made while the server is
busy with the last, and a chunk that the server refused can be sent again, the other way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any

import psycopg
from psycopg import sql
from psycopg._copy_base import format_row_binary  # what Copy.write_row calls; that cannot pack without sending
from psycopg.adapt import Transformer

from extractors.core.errors import PayloadError
from extractors.core.rows import Row
from extractors.core.spec import StreamSpec

# PostgreSQL's manual, COPY, "Binary Format": no flags, no further header.
SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
STAMPS = (("_run_id", "text"), ("_loaded_at", "timestamptz"))


@dataclass(frozen=True, slots=True)
class Packed:
    """Rows of different keys, packed. `keys`: one of each row."""

    data: bytearray
    keys: set[Any]


class Packer:
    """Packs rows of one window with their stamps. State: how many were packed, for naming a row that cannot be."""

    def __init__(self, connection: psycopg.Connection[Any], spec: StreamSpec, stamps: tuple[str, datetime]) -> None:
        self._spec = spec
        self._stamps = stamps
        self._key = itemgetter(*(spec.column_names.index(name) for name in spec.key))
        self._packed = 0
        types = [type_ for _, type_ in (*spec.columns, ("_extra", "jsonb"), *STAMPS)]
        self._transformer = Transformer(connection)
        self._transformer.set_dumper_types(
            [connection.adapters.types.get_oid(type_) for type_ in types], psycopg.pq.Format.BINARY
        )

    def pack(self, rows: Sequence[Row]) -> Packed:
        """Of a key that comes twice in `rows` the one read last is packed: a vendor's pages shift while they are read.

        Raises PayloadError where a value does not fit its column.
        """
        keys = set(map(self._key, rows))
        if len(keys) != len(rows):
            rows = list({self._key(row): row for row in rows}.values())
        data = bytearray()
        row: Row = ()
        transformer, stamps = self._transformer, self._stamps
        try:
            for row in rows:
                format_row_binary(row + stamps, transformer, data)
        except (OverflowError, ValueError, TypeError) as error:
            problem = type(error).__name__  # its text may quote the row
            number = self._packed + 1 + next(place for place, one in enumerate(rows) if one is row)
            raise PayloadError(
                f"{self._spec.source} {self._spec.name}: row {number} holds a value its column cannot keep ({problem})."
                " Nothing of the window was written."
            ) from None
        self._packed += len(rows)
        return Packed(data, keys)


class Order:
    """Whether keys that came in chunks can have come twice. State: the span of all keys so far.

    Vendors page by a number or a time that rises or falls, so a chunk's keys mostly lie beyond all that came before.
    """

    def __init__(self) -> None:
        self._span: tuple[Any, Any] | None = None
        self.may_repeat = False

    def add(self, keys: set[Any]) -> None:
        if not keys:
            return
        try:
            low, high = min(keys), max(keys)
        except TypeError:  # an absent value among them, which the server will refuse
            self.may_repeat = True
            return
        if self._span is not None:
            lowest, highest = self._span
            self.may_repeat = self.may_repeat or not (low > highest or high < lowest)
            low, high = min(low, lowest), max(high, highest)
        self._span = low, high


class Coming:
    """Batches still to be written. State: what was drawn and put back, which is drawn again first."""

    def __init__(self, batches: Iterable[Packed]) -> None:
        self._batches = iter(batches)
        self._put_back: deque[Packed] = deque()

    def __iter__(self) -> Iterator[Packed]:
        return self

    def __next__(self) -> Packed:
        return self._put_back.popleft() if self._put_back else next(self._batches)

    def put_back(self, batches: Sequence[Packed]) -> None:
        self._put_back.extendleft(reversed(batches))

    def new_keys(self, known: set[Any], rows: int) -> Iterator[Packed]:
        """Batches until `known`, which grows by their keys, holds `rows` keys, or one of a batch's keys is known.

        Of rows that are merged together each must have its own key; the later one of the same key is merged later.
        """
        while len(known) < rows and (batch := next(self, None)) is not None:
            if not known.isdisjoint(batch.keys):
                self.put_back([batch])
                return
            known |= batch.keys
            yield batch


@contextmanager
def copying(
    cursor: psycopg.Cursor[Any], table: sql.Identifier, columns: sql.Composable
) -> Iterator[Callable[[Packed], None]]:
    """A COPY into columns of `table`, as a function that takes batches."""
    with cursor.copy(sql.SQL("copy {} ({}) from stdin (format binary)").format(table, columns)) as copy:
        copy.write(SIGNATURE)
        yield lambda batch: copy.write(batch.data)
        copy.write(TRAILER)
