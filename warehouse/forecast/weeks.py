"""A series of sales by week of the year: 52 weeks of seven days from 1 January, the last one of eight or nine.

Weeks of a year begin on the same day every year, so that a season stands in the same weeks; each holds every day of
the week once, so that a closed Sunday does not matter. Not ISO weeks: those move against the calendar.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

WEEKS = 52
Floats = npt.NDArray[np.float64]

# A week at either end counts if this many of its days are known; it is then scaled up to seven.
ENOUGH_DAYS = 5
# Of an even month 23 % fall on any seven days.
EVEN_SHARE = 0.3
SPREAD_SHARE = 0.5


def week_of(day: date) -> int:
    """Week of the year, 0 to 51."""
    return min((day.timetuple().tm_yday - 1) // 7, WEEKS - 1)


def first_day(year: int, week: int) -> date:
    """First day of a week of the year; weeks from 52 on are of the years after."""
    year, week = year + week // WEEKS, week % WEEKS
    return date(year, 1, 1) + timedelta(days=7 * week)


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekSeries:
    """What was sold per week, scaled to seven days. `values[i]` is of week `(first_week + i) % 52`.

    `is_monthly`: only months are known, their weeks are shares of them.
    """

    first_year: int
    first_week: int
    values: Floats
    is_monthly: bool = False

    def start_of(self, index: int) -> date:
        """First day of the week at an index, beyond the last one too."""
        return first_day(self.first_year, self.first_week + index)


def by_week(days: Mapping[date, float], date_from: date, date_to: date) -> WeekSeries:
    """Sum up days to weeks, from `date_from` to `date_to` inclusive; days that are missing had no sale."""
    start = (date_from.year, week_of(date_from))
    count = (date_to.year - start[0]) * WEEKS + week_of(date_to) - start[1] + 1
    sums, known = np.zeros(count), np.zeros(count)
    for offset in range((date_to - date_from).days + 1):
        day = date_from + timedelta(days=offset)
        index = (day.year - start[0]) * WEEKS + week_of(day) - start[1]
        sums[index] += days.get(day, 0.0)
        known[index] += 1
    values = sums * 7 / np.maximum(known, 1)
    begin = 0 if known[0] >= ENOUGH_DAYS else 1
    end = count if known[-1] >= ENOUGH_DAYS else count - 1
    return WeekSeries(first_year=start[0], first_week=start[1] + begin, values=values[begin : max(end, begin)])


def series_of(days: Mapping[date, float], date_from: date, date_to: date) -> WeekSeries:
    """Weeks of the days, less what comes back every month: weeks between two paydays, or two bills, are no season.

    An uneven month is divided by its usual shape; one that mostly falls on seven of its days is spread evenly.
    """
    known, sums = np.zeros(32), np.zeros(32)
    for offset in range((date_to - date_from).days + 1):
        day = date_from + timedelta(days=offset)
        known[day.day] += 1
        sums[day.day] += days.get(day, 0.0)
    shape = sums / np.maximum(known, 1)
    top = np.sort(shape)[-7:].sum() / shape.sum() if shape.sum() > 0 else 0.0
    if top <= EVEN_SHARE:
        return by_week(days, date_from, date_to)
    if top <= SPREAD_SHARE:
        usual = np.maximum(shape / shape[1:].mean(), 0.2)
        return by_week({day: value / float(usual[day.day]) for day, value in days.items()}, date_from, date_to)
    months: dict[tuple[int, int], float] = {}
    for day, value in days.items():
        months[day.year, day.month] = months.get((day.year, day.month), 0.0) + value
    spread = {
        date(year, month, number): value / monthrange(year, month)[1]
        for (year, month), value in months.items()
        for number in range(1, monthrange(year, month)[1] + 1)
    }
    return replace(by_week(spread, date_from, date_to), is_monthly=True)
