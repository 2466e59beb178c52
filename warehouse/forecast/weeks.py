"""A series of sales by week of the year: 52 weeks of seven days from 1 January, the last one of eight or nine.

Weeks of a year begin on the same day every year, so that a season stands in the same weeks; each holds every day of
the week once, so that a closed Sunday does not matter. Not ISO weeks: those move against the calendar.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache

import numpy as np
import numpy.typing as npt

WEEKS = 52
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

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

    first_week: int
    values: Floats
    is_monthly: bool = False


@dataclass(frozen=True, slots=True)
class _Calendar:
    """Of each day of a span: its day of the month, and the number of its week counted from that of the first day."""

    day_of_month: Ints
    week: Ints


@lru_cache(maxsize=512)
def _calendar(date_from: date, date_to: date) -> _Calendar:
    days = np.arange(np.datetime64(date_from), np.datetime64(date_to) + 1)
    years, months = days.astype("datetime64[Y]"), days.astype("datetime64[M]")
    week_of_year = np.minimum((days - years).astype(np.intp) // 7, WEEKS - 1)
    week = years.astype(np.intp) * WEEKS + week_of_year
    return _Calendar((days - months).astype(np.intp) + 1, week - week[0])


def _by_day(days: Mapping[date, float], date_from: date, date_to: date) -> Floats:
    """What was sold on each day of the span; days that are missing had no sale."""
    values = np.zeros((date_to - date_from).days + 1)
    for day, value in days.items():
        if date_from <= day <= date_to:
            values[(day - date_from).days] = value
    return values


def by_week(days: Mapping[date, float], date_from: date, date_to: date) -> WeekSeries:
    """Sum up days to weeks, from `date_from` to `date_to` inclusive; days that are missing had no sale."""
    return _weeks(_by_day(days, date_from, date_to), date_from, date_to)


def _weeks(values: Floats, date_from: date, date_to: date) -> WeekSeries:
    week = _calendar(date_from, date_to).week
    known = np.bincount(week)
    scaled = np.bincount(week, weights=values) * 7 / known
    begin = 0 if known[0] >= ENOUGH_DAYS else 1
    end = len(known) if known[-1] >= ENOUGH_DAYS else len(known) - 1
    return WeekSeries(first_week=week_of(date_from) + begin, values=scaled[begin : max(end, begin)])


def series_of(days: Mapping[date, float], date_from: date, date_to: date) -> WeekSeries:
    """Weeks of the days, less what comes back every month: weeks between two paydays, or two bills, are no season.

    An uneven month is divided by its usual shape; one that mostly falls on seven of its days is spread evenly.
    """
    values, day_of_month = _by_day(days, date_from, date_to), _calendar(date_from, date_to).day_of_month
    known = np.bincount(day_of_month, minlength=32)
    shape = np.bincount(day_of_month, weights=values, minlength=32) / np.maximum(known, 1)
    top = np.sort(shape)[-7:].sum() / shape.sum() if shape.sum() > 0 else 0.0
    if top <= EVEN_SHARE:
        return _weeks(values, date_from, date_to)
    if top <= SPREAD_SHARE:
        usual = np.maximum(shape / shape[1:].mean(), 0.2)
        return _weeks(values / usual[day_of_month], date_from, date_to)
    months: dict[tuple[int, int], float] = {}
    for day, value in days.items():
        months[day.year, day.month] = months.get((day.year, day.month), 0.0) + value
    spread = {
        date(year, month, number): value / monthrange(year, month)[1]
        for (year, month), value in months.items()
        for number in range(1, monthrange(year, month)[1] + 1)
    }
    return replace(by_week(spread, date_from, date_to), is_monthly=True)
