"""A part of a log: column names in the first line, then a visit a line, each line ended.

How the vendor escapes is not confirmed; recorded parts are written as ClickHouse writes TSV, so a backslash begins one
of its escapes. With `escaped` false every cell is taken as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from extractors.core.http import UnreadableBody
from extractors.core.spec import BROKEN

ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "b": "\b", "f": "\f", "0": "\0", "\\": "\\", "'": "'"}
NOTHING = "\\N"
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def read_part(body: bytes, fields: Sequence[str], *, size: int | None, escaped: bool) -> list[Mapping[str, str | None]]:
    """Visits of a part. A line with another number of cells is a broken row, the others are kept.

    `size`: bytes that the vendor announced (null: not compared). Raises UnreadableBody for a part that is shorter,
    whose last line has no end, or whose columns are not the ones asked for, in whatever order.
    """
    if size is not None and len(body) < size:
        raise UnreadableBody(f"{len(body)} bytes where {size} are announced")
    lines = body.decode("utf-8").split("\n")
    if lines.pop() != "":
        raise UnreadableBody("the last line has no end")
    names = lines[0].split("\t") if lines else []
    if sorted(names) != sorted(fields):
        raise UnreadableBody("the columns are not the ones that were asked for")
    return [_row(names, line, escaped) for line in lines[1:]]


def _row(names: Sequence[str], line: str, escaped: bool) -> Mapping[str, str | None]:
    cells = line.split("\t")
    if len(cells) != len(names):
        return {BROKEN: f"{len(cells)} values for {len(names)} columns", "line": line}
    if not escaped or "\\" not in line:
        return dict(zip(names, cells, strict=True))
    return {name: None if cell == NOTHING else unescape(cell) for name, cell in zip(names, cells, strict=True)}


def unescape(cell: str) -> str:
    """The text behind ClickHouse's escapes; an unknown escape is its own letter."""
    return _ESCAPE.sub(lambda found: ESCAPES.get(found[1], found[1]), cell)
