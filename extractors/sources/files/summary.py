"""What a load of import files did, as values and as text for a person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


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
    reasons: tuple[tuple[str, int], ...] = ()
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
            for text, count in file.reasons:
                yield f"    rejected {count:,}: {text}"
            for text, count in file.warnings:
                yield f"    note {count:,}: {text}"
        for name in self.skipped:
            yield f"skipped: {name}: unknown file; its name is no kind and mapping.yml does not claim it"
        for text in self.warnings:
            yield f"note: {text}"
        for text in self.errors:
            yield f"ERROR: {text}"
        if self.rows_rejected:
            yield f"{self.rows_rejected:,} rows were rejected; they are in staging.rejected_rows with their reasons"


def _label(file: FileResult) -> str:
    return file.file if file.file.startswith(file.kind) else f"{file.file} → {file.kind}"
