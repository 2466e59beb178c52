"""The neutral rows as import files: what `make load` and the files source read."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from extractors.kinds import KIND_BY_NAME, Kind
from simulators.world.model import World

# What none of the four vendors serves. Contacts and ad_spend are shared with vendors: see `file_rows`.
FILE_KINDS = ("clinics", "employees", "counterparties", "tracking_addresses", "ad_spend", "contacts", "schedule_slots")


def file_rows(world: World) -> dict[str, list[dict[str, Any]]]:
    """The neutral rows that come from files because no vendor has them."""
    rows = world.neutral_rows()
    chosen = {kind: rows[kind] for kind in FILE_KINDS}
    chosen["ad_spend"] = [row for row in rows["ad_spend"] if row["source"] != "yandex"]
    chosen["contacts"] = [row for row in rows["contacts"] if row["contact_id"].startswith("desk:")]
    return chosen


def write_files(world: World, folder: Path, *, everything: bool = False) -> dict[str, int]:
    """Writes `<kind>.csv` (UTF-8, comma) into `folder`; kinds without rows get no file. Returns rows per kind."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = world.neutral_rows() if everything else file_rows(world)
    written = {}
    for kind, kind_rows in rows.items():
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
