"""How the cell of a column becomes its value: by the column's type, its vocabulary, and what a mapping says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from extractors.kinds import Column, Kind
from extractors.sources.files.aliases import normal, value_aliases
from extractors.sources.files.cells import (
    Cell,
    CellError,
    shown,
    split_list,
    to_boolean,
    to_day,
    to_decimal,
    to_id,
    to_integer,
    to_moment,
    to_phone,
    to_text,
)

Getter = Callable[[Sequence[Cell], int], Cell]
Reader = Callable[[Cell, dict[str, Any]], Any]

_CURRENCY = re.compile(r"[A-Z]{3}\Z")
_EMAIL = re.compile(r"[^@\s;,]+@[^@\s;,]+\Z")
_FLOAT_ID = re.compile(r"(\d+)\.0+\Z")
_MANY = ";,\n"  # no phone and no address holds one of these
_DIALLED = ("called_address", "address")  # texts that are phones more often than not


@dataclass(frozen=True, slots=True)
class Binding:
    """Where a column's cell comes from and what is done to it before it is read.

    `words` translates whole cells (as written, then without case); `default` stands in for an empty cell, and for a
    word that is not in `words`. `formats` (of strptime) replace the usual date forms. `integer_text` reads
    `29872499824296.0` as `29872499824296`.
    """

    column: str
    get: Getter
    words: Mapping[str, str] = field(default_factory=dict)
    default: str | None = None
    formats: tuple[str, ...] = ()
    integer_text: bool = False


@cache
def known_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def reader(kind: Kind, binding: Binding, warnings: Counter[str]) -> Reader:
    """How a binding's cell becomes a value. What is set aside from a cell goes into `kept`, the row's `_extra`."""
    read = _typed(kind, kind.column(binding.column), binding.formats, warnings)
    words = binding.words
    if not words and binding.default is None and not binding.integer_text:
        return read
    folded = {word.casefold(): ours for word, ours in words.items()}

    def translated(cell: Cell, kept: dict[str, Any]) -> Any:  # noqa: ANN401  a value of whatever type the column has
        text = to_text(cell)
        if text is not None and binding.integer_text and (match := _FLOAT_ID.match(text)):
            cell = text = match[1]
        if text is not None and words:
            ours = words.get(text, folded.get(text.casefold()))
            if ours is not None:
                return read(ours, kept)
            if binding.default is not None:
                return read(binding.default, kept)
        return read(binding.default if text is None else cell, kept)

    return translated


def _typed(kind: Kind, column: Column, formats: tuple[str, ...], warnings: Counter[str]) -> Reader:
    vocabulary = value_aliases(kind, column)
    match column.type:
        case "id":
            return lambda cell, kept: to_id(cell)
        case "ids":
            return lambda cell, kept: [part for text in split_list(cell) if (part := to_id(text))] or None
        case "texts":
            return lambda cell, kept: split_list(cell) or None
        case "phone":
            return lambda cell, kept: to_phone(cell)
        case "phones":
            return lambda cell, kept: [part for text in split_list(cell, _MANY) if (part := to_phone(text))] or None
        case "email":
            return lambda cell, kept: next(iter(_emails([to_text(cell)], column.name, kept, warnings)), None)
        case "emails":
            return lambda cell, kept: _emails(split_list(cell, _MANY), column.name, kept, warnings) or None
        case "timestamp":
            return lambda cell, kept: to_moment(cell, formats)
        case "date":
            return lambda cell, kept: to_day(cell, formats)
        case "money":
            return lambda cell, kept: to_decimal(cell, money=True)
        case "number":
            return lambda cell, kept: _positive(to_decimal(cell)) if column.name == "rate" else to_decimal(cell)
        case "integer":
            return lambda cell, kept: to_integer(cell)
        case "boolean":
            return lambda cell, kept: to_boolean(cell)
        case "text":
            pass
    if column.name == "currency":
        return lambda cell, kept: _currency(cell, vocabulary)
    if column.name == "time_zone":
        return lambda cell, kept: _zone(cell, vocabulary)
    if column.one_of:
        return lambda cell, kept: _word(cell, vocabulary, column)
    if vocabulary:
        return lambda cell, kept: _open_word(cell, vocabulary)
    if column.name in _DIALLED:
        return lambda cell, kept: to_phone(cell)
    return lambda cell, kept: to_text(cell)


def _emails(texts: Sequence[str | None], name: str, kept: dict[str, Any], warnings: Counter[str]) -> list[str]:
    """The addresses among `texts`. What is none (a dash, "нет") would link strangers: it is kept in _extra."""
    found: list[str] = []
    others: list[str] = []
    for text in texts:
        if text is not None:
            (found if _EMAIL.match(text) else others).append(text)
    if others:
        kept[name] = "; ".join(others)
        warnings[f"{name}: no e-mail address, kept in _extra and linked to nobody"] += len(others)
    return [address.lower() for address in found]


def _word(cell: Cell, vocabulary: Mapping[str, str], column: Column) -> str | None:
    text = to_text(cell)
    if text is None:
        return None
    ours = vocabulary.get(normal(text))
    if ours is None:
        raise CellError(f"{shown(text)} is not one of {', '.join(column.one_of)}")
    return ours


def _open_word(cell: Cell, vocabulary: Mapping[str, str]) -> str | None:
    text = to_text(cell)
    return None if text is None else vocabulary.get(normal(text), text)


def _currency(cell: Cell, vocabulary: Mapping[str, str]) -> str | None:
    text = to_text(cell)
    if text is None:
        return None
    code = vocabulary.get(normal(text), text.upper())
    if not _CURRENCY.match(code):
        raise CellError(f"{shown(text)} is no currency; write its three letters, e.g. RUB")
    return code


def _zone(cell: Cell, vocabulary: Mapping[str, str]) -> str | None:
    text = to_text(cell)
    if text is None:
        return None
    name = vocabulary.get(normal(text), text)
    if name not in known_zones():
        raise CellError(f"unknown time zone {shown(text)}; write its IANA name, e.g. Europe/Moscow")
    return name


def _positive(number: Decimal | None) -> Decimal | None:
    if number is not None and number <= 0:
        raise CellError("a rate is above zero")
    return number
