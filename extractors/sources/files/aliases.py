"""What columns and words may be called: the contract's names, and the Russian ones of aliases.yml."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from extractors.core.errors import PayloadError
from extractors.kinds import Column, Kind

_FOLDER = Path(__file__).parent
_JOINERS = re.compile(r"[\s\ufeff\u200b_\-‐-―./\\,:;*()\[\]«»\"']+")


def normal(text: str) -> str:
    """A header or word as it is compared: no case, ё as е, runs of spaces and joiners as one space."""
    folded = unicodedata.normalize("NFKC", text.replace("№", " ")).casefold().replace("ё", "е")
    return _JOINERS.sub(" ", folded).strip()


@dataclass(frozen=True, slots=True)
class Headers:
    """Which column of the file is which of the kind's columns, and which are extra (name → position)."""

    columns: Mapping[str, int]
    extras: Mapping[str, int]


@cache
def _texts() -> Mapping[str, Any]:
    texts: Mapping[str, Any] = yaml.safe_load((_FOLDER / "aliases.yml").read_text(encoding="utf-8"))
    return texts


@cache
def header_aliases(kind: Kind) -> Mapping[str, str]:
    """Normal header → column of `kind`. Contract names win over aliases. Raises ValueError on an ambiguous alias."""
    exact = {normal(column.name): column.name for column in kind.file_columns}
    found: dict[str, str] = dict(exact)
    texts = _texts()["headers"]
    special: Mapping[str, Sequence[str]] = texts.get(kind.name) or {}
    common: Mapping[str, Sequence[str]] = texts["common"]
    own = {normal(alias): name for name, aliases in special.items() for alias in aliases}
    if sum(len(aliases) for aliases in special.values()) != len(own):
        raise ValueError(f"aliases.yml: {kind.name} has an alias twice")
    # A kind's own meaning of a word goes before the common one.
    shared: dict[str, str] = {}
    for column in kind.file_columns:
        for alias in common.get(column.name, ()):
            word = normal(alias)
            if word in own or word in exact:
                continue
            if shared.setdefault(word, column.name) != column.name:
                raise ValueError(f"aliases.yml: {kind.name}: '{alias}' stands for {shared[word]} and {column.name}")
    for word, name in (*shared.items(), *own.items()):
        if found.setdefault(word, name) != name:
            raise ValueError(f"aliases.yml: {kind.name}: '{word}' stands for {found[word]} and {name}")
    return found


@cache
def value_aliases(kind: Kind, column: Column) -> Mapping[str, str]:
    """Normal word → our word, for columns with a vocabulary; empty for others."""
    texts = _texts()["values"]
    words = texts.get(f"{kind.name}.{column.name}") or texts.get(column.name) or {}
    if isinstance(words, str):
        words = texts[words]
    found = {normal(word): word for word in (*column.one_of, *words)}
    for ours, aliases in words.items():
        for alias in aliases:
            if found.setdefault(normal(alias) or alias, ours) != ours:
                raise ValueError(f"aliases.yml: {kind.name}.{column.name}: '{alias}' stands for two words")
    return found


def match_headers(kind: Kind, headers: Sequence[str], *, where: str) -> Headers:
    """Find the kind's columns among a file's headers.

    Raises PayloadError when a required column is missing, or two headers stand for one column.
    """
    aliases = header_aliases(kind)
    columns: dict[str, int] = {}
    extras: dict[str, int] = {}
    exact = {normal(header): position for position, header in reversed(list(enumerate(headers)))}
    for position, header in enumerate(headers):
        name = aliases.get(normal(header))
        if name is None:
            extras[unused_name(header, position, extras)] = position
            continue
        own = exact.get(normal(name))
        if own is not None and own != position:
            extras[unused_name(header, position, extras)] = position  # the contract's own name stands elsewhere
        elif name in columns:
            raise PayloadError(
                f"{where}: the columns '{headers[columns[name]]}' and '{header}' both stand for {name}. "
                "Rename one of them, or say which one is meant in mapping.yml."
            )
        else:
            columns[name] = position
    missing = [column.name for column in kind.file_columns if column.required and column.name not in columns]
    if missing:
        plural = "s" if len(missing) > 1 else ""
        raise PayloadError(
            f"{where}: no column{plural} {', '.join(missing)}, required for {kind.name}. "
            f"The headers are: {', '.join(header for header in headers if header)}. "
            f"Add the column{plural}, or say where to find it in mapping.yml."
        )
    return Headers(columns, extras)


def unused_name(header: str, position: int, taken: Mapping[str, int]) -> str:
    """A name for an extra column that no other extra column has."""
    name = header or f"column_{position + 1}"
    return name if name not in taken else f"{name} ({position + 1})"
