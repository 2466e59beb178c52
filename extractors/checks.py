"""What the rows of a window must be like together. Raised inside the window's transaction, these leave it undone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from extractors.core.errors import GuardError, PayloadError
from extractors.core.redact import by_shape
from extractors.core.rows import Reading, Row
from extractors.core.spec import Context, StreamSpec, Window
from extractors.loading.windows import Written

# An account's window that loses all of so many rows is taken for a vendor's fault, even where it is too small for the
# guard of shrinking tables.
EMPTIED_ROWS = 20


def checked(
    stream: StreamSpec, window: Window, context: Context, batches: Iterable[list[Row]], reading: Reading
) -> Iterator[list[Row]]:
    """The batches. Raises PayloadError for a row of another account than was asked (it would be left alone by the next
    window of either), and at the end where all rows were set aside for one column: then not the rows are at fault, and
    the landed ones must not go for it."""
    place = None
    if stream.account is not None and context.account is not None:
        place = stream.column_names.index(stream.account)
    for batch in batches:
        if place is not None and any(row[place] != context.account for row in batch):
            raise PayloadError(
                f"{stream.source} {stream.name} {window}: there is a row of another account than was asked for. Nothing"
                f" was written. Compare docs/sources/{stream.source}.md with the vendor's documentation."
            )
        yield batch
    _refuse_all_set_aside(stream, window, reading)


def _refuse_all_set_aside(stream: StreamSpec, window: Window, reading: Reading) -> None:
    columns = {rejected.column for rejected in reading.rejected}
    if reading.rows_read > 1 and len(reading.rejected) == reading.rows_read and len(columns) == 1 and columns != {""}:
        first = reading.rejected[0]
        raise PayloadError(
            f"{stream.source} {stream.name} {window}: none of the {reading.rows_read} rows can be used; of the first,"
            f" {first.column}: {by_shape(first.reason)}. Nothing was written. Either the connection does not fit (look"
            f" at docs/sources/{stream.source}.md), or the vendor changed its format."
        )


def refuse_emptied(stream: StreamSpec, window: Window, context: Context, written: Written) -> None:
    """Raises GuardError where nothing came and everything that was there would go."""
    if written.received == 0 and written.deleted >= EMPTIED_ROWS and not context.settings.get("allow_shrink"):
        raise GuardError(
            f"{stream.source} {stream.name} {window}: the vendor sent 0 rows where {written.deleted} are loaded."
            " Nothing was written. If that is right, run it again with the setting `allow_shrink`."
        )
