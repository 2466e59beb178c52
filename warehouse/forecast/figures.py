"""What a recurring dip cost: days of its occurrences against the days around them."""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from warehouse.forecast.dips import FoundDip, Window
from warehouse.forecast.weeks import first_day

NEIGHBOUR_DAYS = 56
LEAST_NEIGHBOUR_DAYS = 28


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One year's dip, both days included, and the days beside it that it is compared with."""

    date_from: date
    date_to: date
    beside: tuple[tuple[date, date], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """Sums over all occurrences: what was sold in them, and what would have been at the level of the days beside."""

    actual: float
    expected: float

    @property
    def share(self) -> float:
        """How much was missing, of what was expected; 0 where nothing was missing."""
        return max(1 - self.actual / self.expected, 0.0) if self.expected > 0 else 0.0


def season_name(window: Window) -> str:
    """`August`, `July-August`, or days `07-10..08-06` of a common year."""
    if window.months:
        first, last = window.months
        name = calendar.month_name[first]
        return name if first == last else f"{name}-{calendar.month_name[last]}"
    start = first_day(2001, window.week)
    end = first_day(2001, window.week + window.length) - timedelta(days=1)
    return f"{start:%m-%d}..{end:%m-%d}"


def occurrence(window: Window, year: int) -> Occurrence:
    """The dip that begins in that year. Whole months are compared with two months on each side."""
    if window.months is None:
        start = first_day(year, window.week)
        end = first_day(year, window.week + window.length) - timedelta(days=1)
        before, after = start - timedelta(days=NEIGHBOUR_DAYS), end + timedelta(days=NEIGHBOUR_DAYS)
    else:
        first, last = window.months
        start = date(year, first, 1)
        end = _month(year + (last < first), last + 1) - timedelta(days=1)
        before, after = _month(year, first - 2), _month(year + (last < first), last + 3) - timedelta(days=1)
    one = timedelta(days=1)
    return Occurrence(date_from=start, date_to=end, beside=((before, start - one), (end + one, after)))


def _month(year: int, month: int) -> date:
    """First day of a month; 0 is the December before, 13 the January after."""
    return date(year + (month - 1) // 12, (month - 1) % 12 + 1, 1)


def occurrences(window: Window, date_from: date, date_to: date) -> list[Occurrence]:
    """All that lie whole within the days known and have a known side, oldest first."""
    found = []
    for year in range(date_from.year - 1, date_to.year + 1):
        one = occurrence(window, year)
        sides = tuple(
            (max(start, date_from), min(end, date_to))
            for start, end in one.beside
            if (min(end, date_to) - max(start, date_from)).days + 1 >= LEAST_NEIGHBOUR_DAYS
        )
        if one.date_from >= date_from and one.date_to <= date_to and sides:
            found.append(Occurrence(date_from=one.date_from, date_to=one.date_to, beside=sides))
    return found


def next_occurrence(window: Window, after: date) -> Occurrence:
    """The first one that begins after a day."""
    coming = (occurrence(window, year) for year in (after.year, after.year + 1))
    return min((one for one in coming if one.date_from > after), key=lambda one: one.date_from)


def shortfall(days: Mapping[date, float], found: Sequence[Occurrence]) -> Shortfall:
    """What the occurrences lacked. The level beside is the mean of the two sides, so a trend cancels out."""
    actual = expected = 0.0
    for one in found:
        length = (one.date_to - one.date_from).days + 1
        sides = [_total(days, start, end) / ((end - start).days + 1) for start, end in one.beside]
        actual += _total(days, one.date_from, one.date_to)
        expected += length * sum(sides) / len(sides)
    return Shortfall(actual=actual, expected=expected)


def _total(days: Mapping[date, float], date_from: date, date_to: date) -> float:
    return sum(
        days.get(date_from + timedelta(days=offset), 0.0) for offset in range((date_to - date_from).days + 1)
    )


def kept(found: Sequence[FoundDip], others: Sequence[FoundDip]) -> list[FoundDip]:
    """Those of `others` that overlap none of `found`."""
    return [dip for dip in others if not any(dip.window.overlaps(known.window) for known in found)]
