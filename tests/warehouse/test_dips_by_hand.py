"""Dips on series made by hand: where a season is, what it cost, and what is none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.forecast.dips import LEAST_WEEKS, Window, all_windows, find
from warehouse.forecast.figures import next_occurrence, occurrences, season_name, shortfall
from warehouse.forecast.weeks import WEEKS, Floats, WeekSeries, by_week, first_day, series_of, week_of

AUGUST = Window(week=30, length=5, months=(8, 8))
NEW_YEAR = Window(week=48, length=9, months=(12, 1))
FREE = Window(week=10, length=4, months=None)


def day_values(date_from: date, date_to: date, value: Callable[[date], float]) -> dict[date, float]:
    days = (date_to - date_from).days + 1
    return {day: value(day) for day in (date_from + timedelta(days=offset) for offset in range(days))}


def names(series: WeekSeries) -> list[str]:
    return [season_name(dip.window) for dip in find(series)]


def wobbling(day: date) -> float:
    """Forty a day, three more or less without any order."""
    return 40 + (day.toordinal() * 7919 % 7 - 3)


def test_a_week_of_the_year_begins_on_the_same_day_every_year() -> None:
    assert [week_of(day) for day in (date(2024, 1, 1), date(2024, 1, 7), date(2024, 1, 8))] == [0, 0, 1]
    assert week_of(date(2024, 12, 31)) == week_of(date(2023, 12, 31)) == WEEKS - 1
    assert first_day(2023, WEEKS + 2) == date(2024, 1, 15)


@given(start=st.dates(date(2019, 1, 1), date(2021, 1, 1)), days=st.integers(30, 900))
@settings(max_examples=50, deadline=None)
def test_equal_days_make_equal_weeks_wherever_a_series_is_cut(start: date, days: int) -> None:
    end = start + timedelta(days=days)
    series = by_week(day_values(start, end, lambda _day: 2.0), start, end)
    assert np.allclose(series.values, 14)
    assert abs(len(series.values) - days / 7) < 3


def test_a_dip_is_named_and_dated_by_the_calendar() -> None:
    assert [season_name(window) for window in (AUGUST, NEW_YEAR, FREE)] == [
        "August", "December-January", "03-12..04-08",
    ]  # fmt: skip
    coming = next_occurrence(AUGUST, date(2026, 8, 1))
    assert (coming.date_from, coming.date_to) == (date(2027, 8, 1), date(2027, 8, 31))
    assert coming.beside == ((date(2027, 6, 1), date(2027, 7, 31)), (date(2027, 9, 1), date(2027, 10, 31)))
    winter = next_occurrence(NEW_YEAR, date(2026, 8, 1))
    assert (winter.date_from, winter.date_to) == (date(2026, 12, 1), date(2027, 1, 31))
    assert winter.beside[1] == (date(2027, 2, 1), date(2027, 3, 31))
    assert {window.week for window in all_windows() if window.months == (1, 1)} == {0}


def test_what_a_dip_lacks_is_measured_against_both_sides_so_that_growth_does_not_count() -> None:
    """Ten a day before, six in it, twelve after: eleven expected, 31 days, so 155 are missing of 341."""

    def sold(day: date) -> float:
        return 6.0 if day.month == 8 else 10.0 if day.month < 8 else 12.0

    date_from, date_to = date(2025, 6, 1), date(2025, 10, 31)
    (once,) = found = occurrences(AUGUST, date_from, date_to)
    lacking = shortfall(day_values(date_from, date_to, sold), found)
    assert (once.date_from, lacking.actual, lacking.expected) == (date(2025, 8, 1), 186, 341)
    assert lacking.share == pytest.approx(155 / 341)
    # without a word about what follows, the side before speaks alone; and a dip that is not over is not measured
    (cut,) = occurrences(AUGUST, date_from, date(2025, 9, 10))
    assert cut.beside == ((date(2025, 6, 1), date(2025, 7, 31)),)
    assert occurrences(AUGUST, date_from, date(2025, 8, 30)) == []


@pytest.mark.parametrize("months", [{8}, {7, 8}, {1}, {12, 1}, {2}])
@pytest.mark.parametrize("growth", [-0.3, 0.0, 0.4])
def test_a_season_is_found_in_two_years_under_any_trend(months: set[int], growth: float) -> None:
    start, end = date(2024, 1, 1), date(2026, 2, 28)

    def sold(day: date) -> float:
        grown = float((1 + growth) ** ((day - start).days / 365))
        return wobbling(day) * grown * (0.8 if day.month in months else 1)

    told = names(by_week(day_values(start, end, sold), start, end))
    if months == {12, 1}:
        # the data hold three Januaries and two Decembers, so the two may be told apart
        assert set("-".join(told).split("-")) == {"December", "January"}
    else:
        assert told == [{8: "August", 15: "July-August", 1: "January", 2: "February"}[sum(months)]]


@pytest.mark.parametrize(
    "sold",
    [
        pytest.param(lambda day: wobbling(day), id="nothing"),
        pytest.param(lambda day: wobbling(day) * (0.4 if day.isoformat()[:7] == "2024-08" else 1), id="one bad month"),
        pytest.param(lambda day: wobbling(day) * (0.7 if day.year >= 2025 else 1), id="a level lost for good"),
        pytest.param(lambda day: wobbling(day) * (2 if day.month == 12 else 1), id="a peak: the rest is no dip"),
        pytest.param(lambda day: 0 if day.weekday() == 6 else wobbling(day), id="closed on Sundays"),
        pytest.param(lambda day: wobbling(day) * (day.day == 1), id="billed on the first"),
        pytest.param(lambda day: wobbling(day) * (3 if day.day <= 5 else 1), id="much after payday"),
        pytest.param(lambda day: 0.0, id="never sold"),
        pytest.param(lambda day: 5.0, id="always the same"),
    ],
)
def test_what_is_no_recurring_dip_is_not_told(sold: Callable[[date], float]) -> None:
    start, end = date(2023, 3, 1), date(2026, 2, 28)
    assert names(series_of(day_values(start, end, sold), start, end)) == []


def test_bills_of_the_first_still_show_their_season() -> None:
    start, end = date(2023, 1, 1), date(2025, 12, 31)
    days = day_values(start, end, lambda day: (day.day == 1) * 30 * wobbling(day) * (0.7 if day.month == 8 else 1))
    assert names(series_of(days, start, end)) == ["August"]


def test_two_dips_a_year_are_two() -> None:
    start, end = date(2023, 1, 1), date(2025, 12, 31)
    days = day_values(start, end, lambda day: wobbling(day) * {1: 0.7, 7: 0.8}.get(day.month, 1))
    assert sorted(names(by_week(days, start, end))) == ["January", "July"]


def test_less_than_two_years_say_nothing() -> None:
    year: Floats = np.where(np.arange(WEEKS) // 4 == 7, 50.0, 100.0)

    def known(weeks: int) -> WeekSeries:
        return WeekSeries(first_week=0, values=np.tile(year, 2)[:weeks])

    assert names(known(LEAST_WEEKS)) != []
    assert names(known(LEAST_WEEKS - 1)) == []
