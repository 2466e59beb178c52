"""What a load of import files did, as values and as text for a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

SHOWN_REASONS = 8  # per file in a summary; all are in staging.rejected_rows


@dataclass(frozen=True, slots=True)
class Reason:
    """Why rows were set aside, values by their shape; how many there are, and the number of the first."""

    text: str
    rows: int
    first_row: int


class Reasons:
    """Why rows of a file were set aside, gathered. State: how often each reason came, and the row of its first."""

    def __init__(self) -> None:
        self._rows: Counter[str] = Counter()
        self._first: dict[str, int] = {}

    def add(self, text: str, row_number: int) -> None:
        self._rows[text] += 1
        self._first.setdefault(text, row_number)

    @property
    def total(self) -> int:
        return self._rows.total()

    def most_common(self) -> tuple[Reason, ...]:
        return tuple(Reason(text, rows, self._first[text]) for text, rows in self._rows.most_common(SHOWN_REASONS))


@dataclass(frozen=True, slots=True, kw_only=True)
class FileResult:
    """One file as one kind.

    read = written + unchanged + rejected + repeated + superseded. `written` were inserted or changed; `repeated` are
    further rows of a key in a mapping with `once_per_key`; `superseded` have their key in a later file of the folder.
    `removed` rows of earlier loads were replaced by none of this one. `error`: nothing of the file was loaded.
    """

    file: str
    kind: str
    read: int = 0
    written: int = 0
    unchanged: int = 0
    rejected: int = 0
    repeated: int = 0
    superseded: int = 0
    removed: int = 0
    extra_columns: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()
    warnings: tuple[tuple[str, int], ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSummary:
    """A whole folder. `skipped` are files that are no kind and that no mapping claims."""

    run_id: str
    files: tuple[FileResult, ...]
    skipped: tuple[str, ...] = ()
    warnings: tuple[str, ...] = field(default=())

    @property
    def ok(self) -> bool:
        """Whether everything went in, or is in staging.rejected_rows with its reason."""
        return not self.errors

    @property
    def errors(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(file.error for file in self.files if file.error is not None))

    @property
    def rows_read(self) -> int:
        return sum(file.read for file in self.files)

    @property
    def rows_written(self) -> int:
        return sum(file.written for file in self.files)

    @property
    def rows_rejected(self) -> int:
        return sum(file.rejected for file in self.files)

    def lines(self) -> Iterator[str]:
        """The summary as text: a table of files, then what to look at."""
        width = max([len(_label(file)) for file in self.files], default=10)
        yield f"{'file':<{width}} {'read':>9} {'written':>9} {'unchanged':>9} {'rejected':>9}"
        for file in self.files:
            numbers = (file.read, file.written, file.unchanged, file.rejected)
            yield f"{_label(file):<{width}} " + " ".join(f"{number:>9,}" for number in numbers)
            if file.repeated:
                yield f"    {file.repeated:,} rows repeat a key (once_per_key)"
            if file.superseded:
                yield f"    {file.superseded:,} rows have their key in a later file, which wins"
            if file.removed:
                yield f"    {file.removed:,} rows of an earlier load are gone"
            if file.extra_columns:
                yield f"    extra columns kept in _extra: {', '.join(file.extra_columns)}"
            for why in file.reasons:
                where = f"row {why.first_row}" if why.rows == 1 else f"the first is row {why.first_row}"
                yield f"    rejected {why.rows:,} ({where}): {why.text}"
            for text, count in file.warnings:
                yield f"    note {count:,}: {text}"
        for name in self.skipped:
            yield f"skipped: {name}: unknown file; its name is no kind and mapping.yml does not claim it"
        for text in self.warnings:
            yield f"note: {text}"
        for text in self.errors:
            yield f"ERROR: {text}"
        if self.rows_rejected:
            were = "row was" if self.rows_rejected == 1 else "rows were"
            yield (
                f"{self.rows_rejected:,} {were} set aside in staging.rejected_rows. `make quarantine` lists what waits;"
                " how it gets back: docs/how_to/rows_that_were_set_aside.md"
            )


def _label(file: FileResult) -> str:
    return file.file if file.file.startswith(file.kind) else f"{file.file} → {file.kind}"
