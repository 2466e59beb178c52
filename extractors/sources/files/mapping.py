"""mapping.yml: somebody's own files read as our kinds, without code. docs/how_to/add_a_clinics_files.md explains it.

Every scalar of the file is read as text, so that `No: arrived` is the word No, not the truth value false.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from psycopg import Connection

from extractors.core.errors import ConfigError, PayloadError
from extractors.kinds import KIND_BY_NAME, Kind
from extractors.sources.files.aliases import normal, unused_name
from extractors.sources.files.cells import Cell, to_decimal, to_text
from extractors.sources.files.rows import Binding, Getter, Surroundings, known_zones
from extractors.sources.files.tables import Options, Table

_SOURCES = ("column", "constant", "concat", "difference", "row_number")
_SHAPES = ("values", "default", "formats", "as")
_COUNTRY = re.compile(r"[A-Z]{2}\Z")
_CURRENCY = re.compile(r"[A-Z]{3}\Z")


@dataclass(frozen=True, slots=True)
class Part:
    """Where a cell comes from: one of a column's header, a constant, parts put together, a difference, the row number."""

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

    Columns that another output of the file uses are not extra here; and where a row of the file is more than this kind's
    (`once_per_key` beside another output), what is extra belongs to the other one.
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
    """Files whose name fits `pattern` (case does not matter), how they are read, and the kinds made of them."""

    pattern: str
    options: Options
    zone: ZoneInfo | None
    outputs: tuple[Output, ...]

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


def read_mapping(path: Path) -> Mapped:
    """Read and check a mapping. Raises ConfigError that names the place of the mistake."""
    try:
        # BaseLoader builds nothing but texts, lists and dictionaries: safer than SafeLoader, and `No` stays a word.
        given = yaml.load(path.read_text(encoding="utf-8-sig"), Loader=yaml.BaseLoader)  # noqa: S506
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"{path.name} cannot be read: {error}") from error
    where = path.name
    top = _dictionary(given or {}, where, ("settings", "rows", "files", "ignore"))
    return Mapped(
        settings=_settings(top.get("settings") or {}, f"{where}: settings"),
        inline=tuple(
            _inline(kind, rows, f"{where}: rows.{kind}", path.name)
            for kind, rows in _dictionary(top.get("rows") or {}, f"{where}: rows").items()
        ),
        files=tuple(
            _file(entry, f"{where}: files[{place}]") for place, entry in enumerate(_list(top.get("files"), where), 1)
        ),
        ignore=tuple(_list(top.get("ignore"), f"{where}: ignore")),
    )


def apply_settings(connection: Connection, settings: Mapping[str, str]) -> None:
    """Write the settings of a mapping into the warehouse; others stay as they are."""
    for name, value in settings.items():
        connection.execute(
            "insert into staging.settings (name, value) values (%s, %s)"
            " on conflict (name) do update set value = excluded.value"
            " where settings.value is distinct from excluded.value",
            [name, value],
        )


def _settings(given: Any, where: str) -> dict[str, str]:
    settings = _dictionary(given, where, ("reporting_currency", "country", "phone_region", "default_time_zone"))
    for name, value in settings.items():
        if name == "reporting_currency":
            right = _CURRENCY.match(str(value))
        elif name == "default_time_zone":
            right = value in known_zones()  # type: ignore[assignment]
        else:
            right = _COUNTRY.match(str(value))
        if not right:
            raise ConfigError(f"{where}.{name}: '{value}' is not understood; e.g. RUB, RU or Europe/Moscow.")
    return settings


def _file(given: Any, where: str) -> FileMapping:
    entry = _dictionary(
        given, where,
        ("file", "encoding", "separator", "sheet", "header_row", "time_zone", "date_formats", "outputs", "kind",
         "columns", "once_per_key"),
    )  # fmt: skip
    pattern = entry.get("file")
    if not pattern:
        raise ConfigError(f"{where}: say `file:`, a name or a pattern like 'export_*.csv'.")
    where = f"{where} ({pattern})"
    zone = entry.get("time_zone")
    if zone is not None and zone not in known_zones():
        raise ConfigError(f"{where}: unknown time_zone '{zone}'; write its IANA name, e.g. Europe/Moscow.")
    header_row = entry.get("header_row")
    if header_row is not None and not (header_row.isdecimal() and int(header_row) > 0):
        raise ConfigError(f"{where}: header_row is the number of the row with the headers, from 1.")
    separator = {"tab": "\t", "\\t": "\t"}.get(entry.get("separator", ""), entry.get("separator"))
    if separator is not None and len(separator) != 1:
        raise ConfigError(f"{where}: separator is one character, or tab.")
    formats = _formats(entry.get("date_formats"), where)
    outputs = _list(entry.get("outputs"), where)
    if bool(outputs) == ("kind" in entry):
        raise ConfigError(f"{where}: say either `kind` and `columns`, or a list of `outputs` with these.")
    if not outputs:
        outputs = [{name: entry[name] for name in ("kind", "columns", "once_per_key") if name in entry}]
    return FileMapping(
        pattern=str(pattern),
        options=Options(entry.get("encoding"), separator, entry.get("sheet"), int(header_row) if header_row else None),
        zone=ZoneInfo(zone) if zone else None,
        outputs=_share_extras([_output(output, formats, where) for output in outputs]),
    )


def _share_extras(outputs: Sequence[Output]) -> tuple[Output, ...]:
    whole_rows = any(not output.once_per_key for output in outputs)
    used = frozenset(header for output in outputs for header in output.headers())
    return tuple(
        replace(output, keeps_extras=not (output.once_per_key and whole_rows), used_elsewhere=used - output.headers())
        for output in outputs
    )


def _output(given: Any, formats: tuple[str, ...], where: str) -> Output:
    entry = _dictionary(given, where, ("kind", "columns", "once_per_key"))
    kind = _kind(entry.get("kind"), where)
    where = f"{where}, {kind.name}"
    columns = _dictionary(entry.get("columns") or {}, where)
    known = {column.name: column for column in kind.file_columns}
    targets = []
    for name, value in columns.items():
        if name not in known:
            raise ConfigError(f"{where}: {kind.name} has no column '{name}'. It has: {', '.join(known)}.")
        dates = formats if known[name].type in ("date", "timestamp") else ()
        targets.append(_target(name, value, dates, f"{where}.{name}"))
    missing = [column.name for column in kind.file_columns if column.required and column.name not in columns]
    if missing:
        raise ConfigError(f"{where}: {', '.join(missing)} must be filled; add a source column or a constant.")
    return Output(kind=kind, targets=tuple(targets), once_per_key=_truth(entry.get("once_per_key"), where))


def _target(name: str, value: Any, formats: tuple[str, ...], where: str) -> Target:
    part = _part(value, where, _SHAPES)
    shape = value if isinstance(value, dict) else {}
    if shape.get("as") not in (None, "integer_text"):
        raise ConfigError(f"{where}: `as` may only be integer_text.")
    words = _dictionary(shape.get("values") or {}, f"{where}.values")
    if any(not isinstance(word, str) for word in words.values()):
        raise ConfigError(f"{where}.values: write one word for another, e.g. `Won: won`.")
    return Target(
        column=name,
        part=part,
        words=words,
        default=shape.get("default"),
        formats=_formats(shape.get("formats"), where) or (() if part.constant is not None else formats),
        integer_text=shape.get("as") == "integer_text",
    )


def _part(value: Any, where: str, also: tuple[str, ...] = ()) -> Part:
    if isinstance(value, str):
        return Part(column=value)
    entry = _dictionary(value, where, (*_SOURCES, "separator", *also))
    given = [name for name in _SOURCES if name in entry]
    if len(given) != 1:
        raise ConfigError(f"{where}: say exactly one of {', '.join(_SOURCES)}.")
    concat = tuple(_part(piece, where) for piece in _list(entry.get("concat"), where))
    difference = tuple(_part(piece, where) for piece in _list(entry.get("difference"), where))
    if given[0] == "difference" and len(difference) != 2:
        raise ConfigError(f"{where}: difference takes two columns, the second is subtracted from the first.")
    return Part(
        column=entry.get("column"),
        constant=entry.get("constant"),
        concat=concat,
        separator=entry.get("separator", ""),
        difference=difference,
        row_number=_truth(entry.get("row_number"), where),
    )


def _inline(kind_name: str, rows: Any, where: str, file: str) -> Inline:
    kind = _kind(kind_name, where)
    dictionaries = [_dictionary(row, where, tuple(column.name for column in kind.file_columns)) for row in _list(rows, where)]
    headers = tuple(dict.fromkeys(name for row in dictionaries for name in row))
    return Inline(
        kind=kind, name=file, headers=headers, rows=tuple(tuple(row.get(name) for name in headers) for row in dictionaries)
    )


def _kind(name: Any, where: str) -> Kind:
    kind = KIND_BY_NAME.get(str(name))
    if kind is None:
        raise ConfigError(f"{where}: there is no kind '{name}'. Kinds: {', '.join(KIND_BY_NAME)}.")
    return kind


def _dictionary(given: Any, where: str, known: tuple[str, ...] | None = None) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise ConfigError(f"{where}: names with values are expected here, like `name: value`.")
    unknown = [name for name in given if known is not None and name not in known]
    if unknown:
        raise ConfigError(f"{where}: '{unknown[0]}' is not known here. Known: {', '.join(known or ())}.")
    return given


def _list(given: Any, where: str) -> list[Any]:
    if given is None or given == "":
        return []
    if not isinstance(given, list):
        raise ConfigError(f"{where}: a list is expected here, its entries begin with a dash.")
    return given


def _formats(given: Any, where: str) -> tuple[str, ...]:
    formats = (given,) if isinstance(given, str) and given else tuple(_list(given, where))
    if any("%" not in text for text in formats):
        raise ConfigError(f"{where}: a date format is written with %, e.g. '%m/%d/%Y'.")
    return formats


def _truth(given: Any, where: str) -> bool:
    if given in (None, "true", "false"):
        return given == "true"
    raise ConfigError(f"{where}: '{given}' is neither true nor false.")
