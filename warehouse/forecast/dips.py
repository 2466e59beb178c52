"""Recurring dips of a series of weeks: seasons that stand below the weeks around them, year after year.

A window of weeks is compared with the eight weeks before and the eight after it, so a trend cancels out and a change
of level shows on one side only. The same window of every year is averaged and set against the noise, which is what
is left between years once the weeks of the year are taken out. docs/decisions/seasonal_dips.md has the reasons and
what was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.stats import norm
from statsmodels.tsa.seasonal import STL

from warehouse.forecast.weeks import WEEKS, Floats, WeekSeries

# Two years less a week at either end, which may be cut.
LEAST_WEEKS = 2 * WEEKS - 2
NEIGHBOURS = 8
LEAST_NEIGHBOURS = 4
# Shorter ones would take the quiet weeks between two paydays for a season.
LENGTHS = (4, 5, 6, 8, 10, 13)
LAGS = 9

# Each is passed by the largest of a whole series without a season in the share of cases beside it: found by simulation
# (tests/warehouse/test_dips_by_simulation.py), a series being looked at twice, by clients and by amount.
CALENDAR_LIMIT, CALENDAR_SHARE = 3.15, 0.025
ANY_LIMIT, ANY_SHARE = 4.0, 0.012
MONTHLY_LIMIT, MONTHLY_SHARE = 5.0, 0.03
# Each side by itself, so that the weeks beside a peak are no dip; and the single year, so that one bad year is none.
SIDE_LIMIT = 1.6
YEAR_LIMIT = 1.2
YEAR_SHARE = 0.4
YEAR_CAP = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Weeks `week` to `week + length - 1` of the year; `months` (first, last; from 1) where it is whole months."""

    week: int
    length: int
    months: tuple[int, int] | None

    def overlaps(self, other: Window) -> bool:
        mine = {(self.week + step) % WEEKS for step in range(self.length)}
        return any((other.week + step) % WEEKS in mine for step in range(other.length))


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDip:
    """A window that is low in all years together. `strength` is in standard errors, `chance` that of a false alarm."""

    window: Window
    strength: float
    chance: float
    times_seen: int
    times_possible: int


@dataclass(frozen=True, slots=True)
class Contrasts:
    """One row per window and year: weights of the weeks, and the sums of their products by lag."""

    weights: Floats
    products: Floats


@dataclass(frozen=True, slots=True)
class Design:
    """Every window in every year: less the weeks on both sides, less those before, less those after."""

    windows: tuple[Window, ...]
    window_of: npt.NDArray[np.intp]
    both: Contrasts
    before: Contrasts
    after: Contrasts


def calendar_windows() -> tuple[Window, ...]:
    """One to three whole months, in the nearest weeks."""
    edges = [round(day / 7) for day in (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)]
    windows = []
    for first in range(12):
        for count in (1, 2, 3):
            end = first + count
            last = edges[end % 12] + WEEKS * (end // 12)
            months = (first + 1, (end - 1) % 12 + 1)
            windows.append(Window(week=edges[first], length=last - edges[first], months=months))
    return tuple(windows)


def all_windows() -> tuple[Window, ...]:
    calendar = calendar_windows()
    taken = {(window.week, window.length) for window in calendar}
    free = [
        Window(week=week, length=length, months=None)
        for length in LENGTHS
        for week in range(WEEKS)
        if (week, length) not in taken
    ]
    return (*calendar, *free)


@lru_cache(maxsize=64)
def design(weeks: int, first_week: int) -> Design:
    """The weights for a series of that many weeks from that week of the year."""
    windows = all_windows()
    window_of, both, before, after = [], [], [], []
    for number, window in enumerate(windows):
        for start in range((window.week - first_week) % WEEKS, weeks - window.length + 1, WEEKS):
            left = np.arange(max(0, start - NEIGHBOURS), start)
            right = np.arange(start + window.length, min(weeks, start + window.length + NEIGHBOURS))
            sides = [side for side in (left, right) if len(side) >= LEAST_NEIGHBOURS]
            if not sides:
                continue
            inside = np.zeros(weeks)
            inside[start : start + window.length] = 1 / window.length
            rows = []
            for side in (sides[0], sides[-1]):
                row = inside.copy()
                row[side] -= 1 / len(side)
                rows.append(row)
            window_of.append(number)
            before.append(rows[0])
            after.append(rows[1])
            both.append((rows[0] + rows[1]) / 2)
    return Design(
        windows, np.array(window_of, dtype=np.intp), contrasts(both), contrasts(before), contrasts(after)
    )


def contrasts(rows: Sequence[Floats]) -> Contrasts:
    weights = np.array(rows)
    products = [(weights * weights).sum(axis=1)]
    products += [2 * (weights[:, :-lag] * weights[:, lag:]).sum(axis=1) for lag in range(1, LAGS)]
    return Contrasts(weights, np.array(products).T)


def level(values: Floats) -> Floats:
    """The trend under the season, by STL with outliers weighed down; never near zero."""
    fitted = STL(values, period=WEEKS, robust=True, trend_jump=8, low_pass_jump=6, seasonal_jump=2).fit(outer_iter=5)
    floor = max(0.1 * float(values.mean()), 1e-9)
    return np.maximum(np.asarray(fitted.trend, dtype=np.float64), floor)


def covariance(values: Floats, series: WeekSeries) -> Floats:
    """Autocovariance of the noise by lag, taken as autoregressive of order 1, from what differs between years."""
    position = (series.first_week + np.arange(len(values))) % WEEKS
    count = np.bincount(position, minlength=WEEKS)
    mean = np.bincount(position, weights=values, minlength=WEEKS) / np.maximum(count, 1)
    # a mean of few years takes part of the noise along
    stretch = np.sqrt(count / np.maximum(count - 1, 1))
    left = np.where(count[position] > 1, (values - mean[position]) * stretch[position], np.nan)
    variance = float(np.nanmean(left * left))
    if variance <= 0:
        return np.zeros(LAGS)
    if series.is_monthly:
        # two weeks are of one month, and then alike, the rarer the further they are apart
        return np.asarray(variance * np.maximum(1 - np.arange(LAGS) * 12 / WEEKS, 0))
    share = float(np.clip(np.nanmean(left[:-1] * left[1:]) / variance, 0, 0.9))
    # the first autocorrelation of a short series comes out too small by about this much
    free = max(np.count_nonzero(~np.isnan(left)) * (1 - 1 / max(count.mean(), 1.5)), 10)
    share = min(share + (1 + 3 * share) / free, 0.9)
    return np.asarray(variance * share ** np.arange(LAGS))


def capped(contrast: Floats, number: npt.NDArray[np.intp], count: int) -> Floats:
    """Contrasts, the lowest year of each window no deeper than YEAR_CAP times the next: one bad year is no season."""
    order = np.lexsort((contrast, number))
    first = np.searchsorted(number[order], np.arange(count))
    many = np.flatnonzero(np.bincount(number, minlength=count) >= 2)
    lowest, following = order[first[many]], order[first[many] + 1]
    kept = contrast.copy()
    kept[lowest] = np.maximum(contrast[lowest], YEAR_CAP * np.minimum(contrast[following], 0))
    return kept


def find(series: WeekSeries) -> list[FoundDip]:
    """All recurring dips of a series, the strongest first; none for less than two years of weeks."""
    values = series.values
    if len(values) < LEAST_WEEKS or not values.any():
        return []
    plan = design(len(values), series.first_week % WEEKS)
    # A root makes the noise of small and large counts alike, and stands a week without any sale.
    rooted = np.sqrt(np.maximum(values, 0) / level(values))
    noise = covariance(rooted, series)
    if noise[0] <= 0:
        noise = np.full(LAGS, 1e-12) * (np.arange(LAGS) == 0)
    count = len(plan.windows)
    number = plan.window_of
    years = np.bincount(number, minlength=count)

    def together(plan: Contrasts) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """Per window: how far from nothing in standard errors; per window and year: whether it is low by itself."""
        spread = np.maximum(plan.products @ noise, 1e-300)
        contrast = capped(plan.weights @ rooted, number, count)
        precision = np.maximum(np.bincount(number, weights=1 / spread, minlength=count), 1e-300)
        total = np.bincount(number, weights=contrast / spread, minlength=count)
        low = (contrast / np.sqrt(spread) < -YEAR_LIMIT) & (contrast < YEAR_SHARE * (total / precision)[number])
        return total / np.sqrt(precision), low

    overall, low = together(plan.both)
    before, _ = together(plan.before)
    after, _ = together(plan.after)
    seen = np.bincount(number, weights=low, minlength=count)
    passes = (years >= 2) & (seen >= np.maximum(2, np.ceil(2 * years / 3)))
    passes &= (before < -SIDE_LIMIT) & (after < -SIDE_LIMIT)
    candidates = []
    for index in np.flatnonzero(passes):
        window = plan.windows[index]
        if series.is_monthly:
            limit, share = (MONTHLY_LIMIT, MONTHLY_SHARE) if window.months else (np.inf, 0.0)
        else:
            limit, share = (CALENDAR_LIMIT, CALENDAR_SHARE) if window.months else (ANY_LIMIT, ANY_SHARE)
        strength = -float(overall[index])
        if strength > limit:
            chance = share * float(np.exp(norm.logsf(strength) - norm.logsf(limit)))
            found = FoundDip(
                window=window, strength=strength, chance=chance, times_seen=int(seen[index]),
                times_possible=int(years[index]),
            )  # fmt: skip
            candidates.append((strength / limit, found))
    return apart(candidates)


def apart(candidates: Sequence[tuple[float, FoundDip]]) -> list[FoundDip]:
    """The strongest, then the strongest that overlaps none before it, and so on."""
    kept: list[FoundDip] = []
    ordered = sorted(candidates, key=lambda pair: (-pair[0], pair[1].window.week, pair[1].window.length))
    for _, found in ordered:
        if not any(found.window.overlaps(other.window) for other in kept):
            kept.append(found)
    return kept
