"""From a vendor's pages to rows ready for COPY; what cannot be understood is set aside, not lost.

The fast way decodes a whole page into typed structs and refuses undeclared fields. When a page does not fit (a new
field, one broken row), that page and the rest of the window go the slow way, row by row: undeclared fields are kept
in `_extra`, a broken row is set aside with its reason. So a tidy vendor costs little and an untidy one loses nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import msgspec

from extractors.core.errors import PayloadError
from extractors.core.spec import BROKEN, Context, Page, RowError, StreamSpec


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that was set aside: where it stood in its window, which column is to blame, why, and the row itself."""

    number: int
    column: str
    reason: str
    row: Mapping[str, Any]


@dataclass(slots=True)
class Reading:
    """What was met while reading one window. State: it grows while the rows are drawn."""

    rows_read: int = 0
    rejected: list[RejectedRow] = field(default_factory=list)
    unknown_fields: Counter[str] = field(default_factory=Counter)
    unfit: Counter[str] = field(default_factory=Counter)  # fields that were missing or of another type


Row = tuple[Any, ...]
# Rows that are made and copied in one go.
BATCH_ROWS = 500
# A field that does not fit in more than this share of at least so many rows stops the stream.
DRIFT_SHARE = 0.5
DRIFT_FROM_ROWS = 20
_NOTHING = msgspec.Raw()
_NO_EXTRA = (None,)
UNREADABLE = (RowError, ValueError, TypeError, ArithmeticError, LookupError)


def read_rows(spec: StreamSpec, pages: Iterable[Page], context: Context, reading: Reading) -> Iterator[Row]:
    """`read_pages`, row by row."""
    return chain.from_iterable(read_pages(spec, pages, context, reading))


def read_pages(spec: StreamSpec, pages: Iterable[Page], context: Context, reading: Reading) -> Iterator[list[Row]]:
    """Rows of `spec.columns` plus `_extra` (a dictionary or null) as the last value, some hundreds at a time.

    Raises PayloadError when one field is absent or of another type in every row, or in most of many: the vendor changed
    its format.
    """
    fields = {item.encode_name: item for item in msgspec.structs.fields(spec.record)}
    fast = _strict_decoder(spec)
    slowly = False
    for page in pages:
        if isinstance(page, bytes | msgspec.Raw):
            if not slowly:
                try:
                    records = fast.decode(page)
                except msgspec.ValidationError:
                    slowly = True
                else:
                    for first in range(0, len(records), BATCH_ROWS):
                        yield _map_batch(spec, records, first, page, context, reading)
                    continue
            page = _plain_rows(page, spec)
        for first in range(0, len(page), BATCH_ROWS):
            batch = []
            for given in page[first : first + BATCH_ROWS]:
                reading.rows_read += 1
                read = _read_slowly(spec, given, fields, context, reading)
                if read is not None:
                    batch.append(read)
            yield batch
    _refuse_drift(spec, reading)


def _refuse_drift(spec: StreamSpec, reading: Reading) -> None:
    """One field that most rows spoil is no fault of the rows: setting them all aside would empty the table."""
    for name, count in reading.unfit.items():
        whole = count == reading.rows_read and count > 1
        if whole or (count >= DRIFT_FROM_ROWS and count > reading.rows_read * DRIFT_SHARE):
            fits = reading.rows_read - count
            part = f"{fits or 'none'} of the {reading.rows_read} rows"
            raise PayloadError(
                f"{spec.source} {spec.name}: the field {name} is as declared in {part} of the answer. Nothing was"
                f" written. The vendor changed its format: compare docs/sources/{spec.source}.md with the vendor's"
                " documentation."
            )


def _map_batch(
    spec: StreamSpec, records: Sequence[Any], first: int, page: bytes | msgspec.Raw, context: Context, reading: Reading
) -> list[Row]:
    """Rows of BATCH_ROWS records of a page that fits, from `first` on."""
    batch = records[first : first + BATCH_ROWS]
    before = reading.rows_read
    reading.rows_read += len(batch)
    make_row = spec.row
    try:
        return [make_row(record, context) + _NO_EXTRA for record in batch]
    except UNREADABLE:
        pass  # one of them; again, to find it
    rows = []
    for place, record in enumerate(batch):
        try:
            rows.append(make_row(record, context) + _NO_EXTRA)
        except UNREADABLE as error:
            given = _plain_rows(page, spec)[first + place]
            _set_aside(reading, *_blame(error), given, number=before + place + 1)
    return rows


def _strict_decoder(spec: StreamSpec) -> msgspec.json.Decoder[Any]:
    """Decodes a page of rows whose fields are all declared, and nothing else.

    What is skipped stays raw: taking it apart cost a third of the decoding (benchmarks/). Records live for a page and
    never refer to each other, so the garbage collector need not watch them.
    """
    strict = msgspec.defstruct(
        spec.record.__name__, [(name, msgspec.Raw, _NOTHING) for name in spec.skipped], bases=(spec.record,),
        forbid_unknown_fields=True, gc=False,
    )
    return msgspec.json.Decoder(list[strict], strict=False)  # type: ignore[valid-type]


def _plain_rows(page: bytes | msgspec.Raw, spec: StreamSpec) -> list[Mapping[str, Any]]:
    try:
        return msgspec.json.decode(page, type=list[Mapping[str, Any]])
    except msgspec.DecodeError:
        pass
    raise PayloadError(f"{spec.source} {spec.name}: a page is not a list of objects. The vendor changed its format.")


def _read_slowly(
    spec: StreamSpec, given: Mapping[str, Any], fields: Mapping[str, Any], context: Context, reading: Reading
) -> Row | None:
    if BROKEN in given:
        _set_aside(reading, "", str(given[BROKEN]), {name: value for name, value in given.items() if name != BROKEN})
        return None
    missing = [name for name, item in fields.items() if item.required and name not in given]
    if missing:
        reading.unfit.update(missing)
        _set_aside(reading, missing[0], "the field is missing", given)
        return None
    extra = without_nul(
        {name: value for name, value in given.items() if name not in fields and name not in spec.skipped}
    )
    reading.unknown_fields.update(extra.keys())  # a mapping would be taken for counts
    try:
        record = msgspec.convert(given, spec.record, strict=False)
        return (*spec.row(record, context), extra or None)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at ")
        column = path.strip("`$.")
        reading.unfit.update([column.partition(".")[0].partition("[")[0]])
        _set_aside(reading, column, reason, given)
    except UNREADABLE as error:
        _set_aside(reading, *_blame(error), given)
    return None


def _blame(error: Exception) -> tuple[str, str]:
    """Column and reason. What `row` did not foresee is told by its kind only: its text may quote the row."""
    if isinstance(error, RowError):
        return error.column, error.reason
    return "", f"the row cannot be read ({type(error).__name__})"


def _set_aside(
    reading: Reading, column: str, reason: str, row: Mapping[str, Any], *, number: int | None = None
) -> None:
    place = reading.rows_read if number is None else number
    reading.rejected.append(RejectedRow(place, column, without_nul(reason), without_nul(row)))


def without_nul(value: Any) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """The same without nul bytes, which PostgreSQL can keep in no text and no jsonb."""
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, Mapping):
        return {without_nul(name): without_nul(one) for name, one in value.items()}
    return [without_nul(one) for one in value] if isinstance(value, list | tuple) else value
