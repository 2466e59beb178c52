"""Reading mapping.yml and saying where it is wrong. docs/how_to/add_a_clinics_files.md explains the file.

Every scalar is read as text, so that `No: arrived` is the word No, not the truth value false.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from psycopg import Connection

from extractors.core.errors import ConfigError
from extractors.kinds import KIND_BY_NAME, Kind
from extractors.sources.files.mapping import FileMapping, Inline, Mapped, Output, Part, Target
from extractors.sources.files.readers import known_zones
from extractors.sources.files.tables import Options

_SOURCES = ("column", "constant", "concat", "difference", "row_number")
_SHAPES = ("values", "default", "formats", "as")
_COUNTRY = re.compile(r"[A-Z]{2}\Z")
_CURRENCY = re.compile(r"[A-Z]{3}\Z")


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


def _settings(given: object, where: str) -> dict[str, str]:
    settings = _dictionary(given, where, ("reporting_currency", "country", "phone_region", "default_time_zone"))
    for name, value in settings.items():
        if name == "reporting_currency":
            right = _CURRENCY.match(value) is not None
        elif name == "default_time_zone":
            right = value in known_zones()
        else:
            right = _COUNTRY.match(value) is not None
        if not right:
            raise ConfigError(f"{where}.{name}: '{value}' is not understood; e.g. RUB, RU or Europe/Moscow.")
    return settings


def _file(given: object, where: str) -> FileMapping:
    entry = _dictionary(
        given, where,
        ("file", "encoding", "separator", "sheet", "header_row", "time_zone", "date_formats", "outputs", "kind",
         "columns", "once_per_key"),
    )  # fmt: skip
    folder, _, pattern = str(entry.get("file") or "").rpartition("/")
    if not pattern or ".." in Path(folder).parts or Path(folder).is_absolute():
        raise ConfigError(f"{where}: say `file:`, a name or a pattern like 'export_*.csv', in a folder 'data/*.csv'.")
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
        pattern=pattern,
        folder=folder,
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


def _output(given: object, formats: tuple[str, ...], where: str) -> Output:
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


def _target(name: str, value: object, formats: tuple[str, ...], where: str) -> Target:
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


def _part(value: object, where: str, also: tuple[str, ...] = ()) -> Part:
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


def _inline(kind_name: str, rows: object, where: str, file: str) -> Inline:
    kind = _kind(kind_name, where)
    known = tuple(column.name for column in kind.file_columns)
    dictionaries = [_dictionary(row, where, known) for row in _list(rows, where)]
    headers = tuple(dict.fromkeys(name for row in dictionaries for name in row))
    cells = tuple(tuple(row.get(name) for name in headers) for row in dictionaries)
    return Inline(kind=kind, name=file, headers=headers, rows=cells)


def _kind(name: object, where: str) -> Kind:
    kind = KIND_BY_NAME.get(str(name))
    if kind is None:
        raise ConfigError(f"{where}: there is no kind '{name}'. Kinds: {', '.join(KIND_BY_NAME)}.")
    return kind


def _dictionary(given: object, where: str, known: tuple[str, ...] | None = None) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise ConfigError(f"{where}: names with values are expected here, like `name: value`.")
    unknown = [name for name in given if known is not None and name not in known]
    if unknown:
        raise ConfigError(f"{where}: '{unknown[0]}' is not known here. Known: {', '.join(known or ())}.")
    return given


def _list(given: object, where: str) -> list[Any]:
    if given is None or given == "":
        return []
    if not isinstance(given, list):
        raise ConfigError(f"{where}: a list is expected here, its entries begin with a dash.")
    return given


def _formats(given: object, where: str) -> tuple[str, ...]:
    formats = (given,) if isinstance(given, str) and given else tuple(_list(given, where))
    if any("%" not in text for text in formats):
        raise ConfigError(f"{where}: a date format is written with %, e.g. '%m/%d/%Y'.")
    return formats


def _truth(given: object, where: str) -> bool:
    if given in (None, "true", "false"):
        return given == "true"
    raise ConfigError(f"{where}: '{given}' is neither true nor false.")
