"""The neutral rows as import files: what `make load` and the files source read."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from extractors.kinds import KIND_BY_NAME, Kind
from simulators.world.model import World
from simulators.world.neutral import sourced_rows


def file_rows(world: World, vendors: Collection[str]) -> dict[str, list[dict[str, Any]]]:
    """The neutral rows that come from files because none of these vendors has them."""
    return {
        kind: [row for owner, row in rows if owner not in vendors] for kind, rows in sourced_rows(world).items()
    }


def write_files(world: World, folder: Path, vendors: Collection[str] = ()) -> dict[str, int]:
    """Writes `<kind>.csv` (UTF-8, comma) with what these vendors do not serve; without vendors that is everything.

    Kinds without rows get no file. Returns rows per kind.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    for kind, kind_rows in file_rows(world, vendors).items():
        if kind_rows:
            _write(folder / f"{kind}.csv", KIND_BY_NAME[kind], kind_rows)
            written[kind] = len(kind_rows)
    return written


def _write(path: Path, kind: Kind, rows: Iterable[dict[str, Any]]) -> None:
    names = [column.name for column in kind.file_columns]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows([_cell(row[name]) for name in names] for row in rows)


def _cell(value: Any) -> str:  # noqa: ANN401 - a cell is whatever the kind's column holds
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ";".join(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value)
