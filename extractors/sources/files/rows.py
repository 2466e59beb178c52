"""From a row of cells to a row of one kind, or to a refusal that says which column and why."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from extractors.kinds import Kind
from extractors.phones import to_e164
from extractors.sources.files.cells import LAST_MOMENT_YEAR, Cell, CellError, shown
from extractors.sources.files.readers import Binding, reader

Row = tuple[Any, ...]

PERIODS = (("date_from", "date_to"), ("valid_from", "valid_to"), ("starts_at", "ends_at"))
PHONE_OF = {
    "phone_e164": "phone",
    "phones_e164": "phones",
    "called_address_e164": "called_address",
    "address_e164": "address",
}
_TOTAL = re.compile(r"(?:(?:итого|всего)\b.*|(?:общий итог|total|totals|grand total|сумма)\s*:?)\Z", re.I | re.S)
_AMOUNTS = frozenset({"money", "number", "integer"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that is not loaded: the column to blame (null: the row as a whole) and why."""

    row_number: int
    column: str | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a row needs to know besides itself.

    zones: clinic → its zone, in order of clinic_id; the first one serves rows without a clinic.
    deal_clinics: deal → its clinic, for kinds that know only the deal; empty when all clinics share a zone.
    zone: a zone that the mapping gives for the whole file; it beats the clinics'.
    """

    zones: Mapping[str, ZoneInfo]
    region: str
    default_zone: ZoneInfo | None = None
    deal_clinics: Mapping[str, str] = field(default_factory=dict)
    zone: ZoneInfo | None = None


class RowReader:
    """Reads the rows of one kind out of one file; counts what is worth a warning."""

    def __init__(
        self,
        kind: Kind,
        bindings: Sequence[Binding],
        extras: Mapping[str, int],
        around: Surroundings,
        *,
        width: int,
        separated: bool,
    ) -> None:
        self.warnings: Counter[str] = Counter()
        self._kind = kind
        self._around = around
        self._width = width
        self._separated = separated
        self._extras = tuple(extras.items())
        self._names = [column.name for column in kind.columns]
        self._positions = {name: position for position, name in enumerate(self._names)}
        self._steps = [
            (
                self._positions[binding.column],
                kind.column(binding.column),
                binding,
                reader(kind, binding, self.warnings),
            )
            for binding in bindings
        ]
        bound = {binding.column for binding in bindings}
        self._required = [column.name for column in kind.columns if column.required]
        self._derived = [
            (position, self._positions[PHONE_OF[column.name]], column.type == "texts")
            for position, column in enumerate(kind.columns)
            if column.derived
        ]
        self._moments = [position for position, column in enumerate(kind.columns) if column.type == "timestamp"]
        self._clinic = self._positions.get("clinic_id") if kind.name != "clinics" else None
        self._deal = self._positions.get("deal_id") if self._clinic is None else None
        self._key = [name for name in kind.key if name in bound]
        self._id = self._positions[kind.key[0]] if len(kind.key) == 1 else None
        self._periods = [
            (self._positions[first], self._positions[last], last)
            for first, last in PERIODS
            if first in self._positions and last in self._positions
        ]
        first_zone = next(iter(around.zones.values()), None)
        self._fallback = around.zone or first_zone or around.default_zone

    def read(self, number: int, cells: Sequence[Cell]) -> Row | Refusal:
        """Values in the order of the kind's columns and `_extra` (JSON text or null) as the last one."""
        values: list[Any] = [None] * len(self._names)
        problems: list[tuple[str, str]] = []
        kept: dict[str, Any] = {}
        for position, column, binding, read in self._steps:
            try:
                cell = binding.get(cells, number)
                if (cell is None or cell == "") and binding.default is None:
                    continue
                values[position] = read(cell, kept)
            except CellError as error:
                problems.append((column.name, str(error)))
        faulty = {name for name, _ in problems}
        for name in self._required:
            if values[self._positions[name]] is None and name not in faulty:
                problems.append((name, "required, and the cell is empty"))
        if self._is_total(values, cells, number, failed=bool(problems)):
            return Refusal(number, None, "total row; sums are computed from the rows above")
        beyond = {
            f"column_{position}": cell
            for position, cell in enumerate(cells[self._width :], self._width + 1)
            if cell not in (None, "")
        }
        if beyond and self._separated:
            problems.insert(0, ("", "more cells than headers; is a value with the separator in it not quoted?"))
        self._place(values, problems)
        for first, last, name in self._periods:
            if values[first] is not None and values[last] is not None and not problems and values[last] < values[first]:
                problems.append((name, f"the period ends ({values[last]}) before it begins ({values[first]})"))
        if problems:
            column_name, reason = problems[0]
            others = "".join(f"; also {name or 'the row'}: {text}" for name, text in problems[1:])
            return Refusal(number, column_name or None, reason + others)
        self._normalise_phones(values)
        kept |= {name: to_plain(cell) for name, cell in beyond.items()}
        for name, position in self._extras:
            if position < len(cells) and (text := to_plain(cells[position])) not in (None, ""):
                kept[name] = text
        values.append(json.dumps(kept, ensure_ascii=False) if kept else None)
        return tuple(values)

    def _place(self, values: list[Any], problems: list[tuple[str, str]]) -> None:
        """Check the row's clinic, and turn local times into moments by the clinic's zone."""
        zone = self._around.zone
        clinic = values[self._clinic] if self._clinic is not None else None
        if clinic is None and self._deal is not None and values[self._deal] is not None:
            clinic = self._around.deal_clinics.get(values[self._deal])
        if clinic is not None:
            of_clinic = self._around.zones.get(clinic)
            if of_clinic is None and self._clinic is not None:
                hint = "add it to clinics" if self._around.zones else "no clinics are loaded, add a clinics file"
                problems.append(("clinic_id", f"unknown clinic {shown(clinic)}; {hint}"))
                return
            zone = zone or of_clinic
        zone = zone or self._fallback
        for position in self._moments:
            moment: datetime | None = values[position]
            if moment is None:
                continue
            if moment.tzinfo is None:
                if zone is None:
                    problems.append((self._names[position], "a local time, and no clinic is known to tell its zone"))
                    continue
                # In the doubled hour of a clock change fold=0 is the earlier moment; a time inside the skipped hour
                # gets the offset from before the change, so it moves forward by the length of the gap.
                values[position] = moment = moment.replace(tzinfo=zone)
            if moment.year > LAST_MOMENT_YEAR:
                problems.append((self._names[position], f"the year {moment.year} is after {LAST_MOMENT_YEAR}"))

    def _is_total(self, values: Sequence[Any], cells: Sequence[Cell], number: int, *, failed: bool) -> bool:
        if not failed and (self._id is None or not isinstance(values[self._id], str)):
            return False
        first = next((cell for cell in cells if cell is not None and cell != ""), None)
        if isinstance(first, str) and _TOTAL.match(first.strip()):
            return failed or values[self._id or 0] == first.strip()
        if not failed or any(values[self._positions[name]] is not None for name in self._key):
            return False
        try:
            filled = [
                column.type
                for _, column, binding, _ in self._steps
                if (cell := binding.get(cells, number)) is not None and cell != ""
            ]
        except CellError:
            return False
        return bool(filled) and all(type_ in _AMOUNTS for type_ in filled)

    def _normalise_phones(self, values: list[Any]) -> None:
        for target, source, many in self._derived:
            written = values[source]
            if written is None:
                continue
            if many:
                found = [to_e164(phone, self._around.region) for phone in written]
                values[target] = list(dict.fromkeys(phone for phone in found if phone))
                unread = found.count(None)
            else:
                values[target] = None if "@" in written else to_e164(written, self._around.region)
                unread = values[target] is None and "@" not in written
            if unread:
                name = self._names[source]
                self.warnings[f"{name}: no phone number, kept as text and linked to nobody"] += int(unread)


def to_plain(cell: Cell) -> str | int | float | None:
    """A cell as it goes into JSON: as written, numbers as numbers."""
    if cell is None or isinstance(cell, bool | int):
        return cell
    if isinstance(cell, str):
        return cell.replace("\x00", "\ufffd")
    if isinstance(cell, float) and cell == cell and cell not in (float("inf"), float("-inf")):
        return cell
    return str(cell)
