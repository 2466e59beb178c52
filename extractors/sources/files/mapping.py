"""A mapping as values: somebody's own files as our kinds. docs/how_to/add_a_clinics_files.md explains mapping.yml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo

from extractors.core.errors import PayloadError
from extractors.kinds import Kind
from extractors.sources.files.aliases import normal, unused_name
from extractors.sources.files.cells import Cell, to_decimal, to_text
from extractors.sources.files.readers import Binding, Getter
from extractors.sources.files.rows import Surroundings
from extractors.sources.files.tables import Options, Table


@dataclass(frozen=True, slots=True)
class Part:
    """Where a cell comes from: a header, a constant, parts put together, a difference or the row number."""

    column: str | None = None
    constant: str | None = None
    concat: tuple[Part, ...] = ()
    separator: str = ""
    difference: tuple[Part, ...] = ()
    row_number: bool = False

    def headers(self) -> Iterator[str]:
        if self.column is not None:
            yield self.column
        for part in (*self.concat, *self.difference):
            yield from part.headers()


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One column of a kind, and how it is filled."""

    column: str
    part: Part
    words: Mapping[str, str] = field(default_factory=dict)
    default: str | None = None
    formats: tuple[str, ...] = ()
    integer_text: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One kind made of a file. With `once_per_key` further rows of a key are expected, and not refused.

    Columns that another output of the file uses are not extra here; and where a row of the file is more than this
    kind's (`once_per_key` beside another output), what is extra belongs to the other one.
    """

    kind: Kind
    targets: tuple[Target, ...]
    once_per_key: bool = False
    keeps_extras: bool = True
    used_elsewhere: frozenset[str] = frozenset()

    def headers(self) -> frozenset[str]:
        return frozenset(header for target in self.targets for header in target.part.headers())

    def bind(self, headers: Sequence[str], *, where: str) -> tuple[list[Binding], dict[str, int]]:
        """Targets tied to a file's headers, and the headers that no target uses.

        Raises PayloadError when a header is not there.
        """
        places = {normal(header): position for position, header in reversed(list(enumerate(headers))) if header}
        places |= {header: position for position, header in reversed(list(enumerate(headers))) if header}
        missing = [
            header
            for target in self.targets
            for header in target.part.headers()
            if header not in places and normal(header) not in places
        ]
        if missing:
            raise PayloadError(
                f"{where}: no column {', '.join(dict.fromkeys(missing))}, named by the mapping for {self.kind.name}. "
                f"The headers are: {', '.join(header for header in headers if header)}."
            )
        find = {
            header: places[header] if header in places else places[normal(header)]
            for target in self.targets
            for header in target.part.headers()
        }
        bindings = [
            Binding(
                target.column, getter(target.part, find), target.words, target.default, target.formats,
                target.integer_text,
            )
            for target in self.targets
        ]  # fmt: skip
        extras: dict[str, int] = {}
        for position, header in enumerate(headers):
            if self.keeps_extras and header not in self.used_elsewhere and position not in find.values():
                extras[unused_name(header, position, extras)] = position
        return bindings, extras


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMapping:
    """Files whose name fits `pattern` (case does not matter), how they are read, and the kinds made of them.

    `folder`: where in the inbox they may lie; empty: nowhere but in the inbox itself.
    """

    pattern: str
    options: Options
    zone: ZoneInfo | None
    outputs: tuple[Output, ...]
    folder: str = ""

    def claims(self, name: str) -> bool:
        return fnmatchcase(name.casefold(), self.pattern.casefold())

    def zoned(self, around: Surroundings) -> Surroundings:
        return replace(around, zone=self.zone) if self.zone is not None else around


@dataclass(frozen=True, slots=True, kw_only=True)
class Inline:
    """Rows that the mapping itself holds, read as a file of that kind."""

    kind: Kind
    name: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]

    def table(self) -> Table:
        return Table(self.headers, iter(list(enumerate(self.rows, 1))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """A whole mapping; without one, an empty one."""

    settings: Mapping[str, str] = field(default_factory=dict)
    inline: tuple[Inline, ...] = ()
    files: tuple[FileMapping, ...] = ()
    ignore: tuple[str, ...] = ()

    def ignores(self, name: str) -> bool:
        return any(fnmatchcase(name.casefold(), pattern.casefold()) for pattern in self.ignore)


def cell_at(position: int) -> Getter:
    def get(cells: Sequence[Cell], number: int) -> Cell:
        return cells[position] if position < len(cells) else None

    return get


def getter(part: Part, places: Mapping[str, int]) -> Getter:
    """A function from a row's cells and number to the cell that `part` describes."""
    if part.column is not None:
        return cell_at(places[part.column])
    if part.row_number:
        return lambda cells, number: str(number)
    if part.concat:
        pieces = [(getter(piece, places), piece.column is not None) for piece in part.concat]

        def concatenated(cells: Sequence[Cell], number: int) -> Cell:
            texts = [(to_text(get(cells, number)), varies) for get, varies in pieces]
            if any(varies for _, varies in texts) and not any(text for text, varies in texts if varies):
                return None  # nothing but constants: there is nothing to say
            return part.separator.join(text for text, _ in texts if text is not None)

        return concatenated
    if part.difference:
        first, second = (getter(piece, places) for piece in part.difference)

        def subtracted(cells: Sequence[Cell], number: int) -> Cell:
            whole, less = to_decimal(first(cells, number), money=True), to_decimal(second(cells, number), money=True)
            return None if whole is None or less is None else whole - less

        return subtracted
    return lambda cells, number: part.constant
