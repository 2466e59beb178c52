"""How often a dip is seen where there is none, and how often one that was planted is found. Prints both rates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pytest

from warehouse.forecast.dips import FoundDip, Window, calendar_windows
from warehouse.forecast.sales import dips_of
from warehouse.forecast.weeks import WEEKS, Floats, WeekSeries

MONTHS = [window for window in calendar_windows() if window.months and window.months[0] == window.months[1]]


@dataclass(frozen=True, slots=True, kw_only=True)
class City:
    """A series to invent: clients a week, what they pay, and what disturbs them."""

    years: int
    clients: float
    # variance over mean of the counts, and a noise that stays for weeks
    overdispersion: float = 1.5
    wave: float = 0.05
    memory: float = 0.4
    # growth a year, as a share; a change of level and a bad spell of eight weeks somewhere
    growth: float = 0.0
    change: float = 0.0
    spell: float = 0.0


NO_SEASON: Mapping[str, Callable[[City], City]] = {
    "plain counts": lambda city: replace(city, overdispersion=1.0, wave=0.0),
    "overdispersed": lambda city: replace(city, overdispersion=2.5, wave=0.0),
    "noise of weeks": lambda city: replace(city, wave=0.1),
    "noise of months": lambda city: replace(city, wave=0.12, memory=0.8),
    "growing": lambda city: replace(city, growth=0.3),
    "shrinking": lambda city: replace(city, growth=-0.3),
    "a third gone at once": lambda city: replace(city, change=-0.33),
    "half more at once": lambda city: replace(city, change=0.5),
    "one bad spell": lambda city: replace(city, spell=0.5),
}


def invent(rng: np.random.Generator, city: City, dip: Window | None = None, depth: float = 0.2) -> list[WeekSeries]:
    """Clients and amounts by week."""
    weeks = city.years * WEEKS
    week = np.arange(weeks)
    mean = city.clients * np.exp(np.log1p(city.growth) * (week - weeks / 2) / WEEKS)
    mean = mean * np.where(week < rng.integers(10, weeks - 10), 1, 1 + city.change)
    spell = rng.integers(5, weeks - 15)
    mean = mean * np.where((week >= spell) & (week < spell + 8), 1 - city.spell, 1)
    noise = np.zeros(weeks)
    for index in range(weeks):
        before = noise[index - 1] if index else 0.0
        noise[index] = city.memory * before + rng.normal() * city.wave * np.sqrt(1 - city.memory**2)
    mean = mean * np.exp(noise)
    if dip is not None:
        mean = mean * np.where((week - dip.week) % WEEKS < dip.length, 1 - depth, 1)
    if city.overdispersion > 1:
        shape = mean / (city.overdispersion - 1)
        mean = rng.gamma(shape, mean / shape)
    counts = rng.poisson(mean)
    amounts = np.array([rng.lognormal(0, 0.7, int(count)).sum() for count in counts])
    return [_weeks(counts.astype(np.float64)), _weeks(amounts)]


def _weeks(values: Floats) -> WeekSeries:
    return WeekSeries(first_week=0, values=values)


def false_alarms(series: int, seed: int) -> dict[str, float]:
    """Share of series without a season in which any dip is seen, by what disturbs them."""
    rng = np.random.default_rng(seed)
    seen = dict.fromkeys(NO_SEASON, 0)
    for name, disturb in NO_SEASON.items():
        for index in range(series):
            city = disturb(City(years=(2, 3, 5)[index % 3], clients=(4, 15, 60, 200)[index // 3 % 4]))
            clients, amounts = invent(rng, city)
            seen[name] += bool(dips_of(clients, amounts))
    return {name: count / series for name, count in seen.items()}


def detection(city: City, windows: list[Window], series: int, seed: int, depth: float = 0.2) -> float:
    """Share of planted dips of which half or more is told as a dip, under growth, decline or neither."""
    rng = np.random.default_rng(seed)
    found = 0
    for index in range(series):
        planted = windows[int(rng.integers(len(windows)))]
        clients, amounts = invent(rng, replace(city, growth=(0.3, 0.0, -0.25)[index % 3]), planted, depth)
        found += any(_covers(dip, planted) for dip, _ in dips_of(clients, amounts))
    return found / series


def _covers(dip: FoundDip, planted: Window) -> bool:
    told = {(dip.window.week + step) % WEEKS for step in range(dip.window.length)}
    mine = {(planted.week + step) % WEEKS for step in range(planted.length)}
    return len(told & mine) >= len(mine) / 2 and len(told) <= 2 * len(mine) + 1


def free_windows(length: int) -> list[Window]:
    return [Window(week=week, length=length, months=None) for week in range(WEEKS)]


def test_a_series_without_a_season_shows_none(capsys: pytest.CaptureFixture[str]) -> None:
    rates = false_alarms(series=24, seed=1)
    overall = sum(rates.values()) / len(rates)
    with capsys.disabled():
        print(f"\nfalse alarms: {100 * overall:.1f} % of {24 * len(rates)} series without a season")
    assert overall <= 0.05


def test_a_dip_of_a_fifth_is_found_from_two_years_on(capsys: pytest.CaptureFixture[str]) -> None:
    two = detection(City(years=2, clients=300), MONTHS, series=60, seed=2)
    three = detection(City(years=3, clients=150), MONTHS, series=60, seed=3)
    with capsys.disabled():
        print(f"\nfound of dips of 20 %: {100 * two:.0f} % in two years, {100 * three:.0f} % in three")
    assert two >= 0.9
    assert three >= 0.9


@pytest.mark.slow
def test_false_alarms_at_full_size(capsys: pytest.CaptureFixture[str]) -> None:
    rates = false_alarms(series=240, seed=11)
    overall = sum(rates.values()) / len(rates)
    with capsys.disabled():
        print(f"\nfalse alarms: {100 * overall:.1f} %")
        for name, rate in rates.items():
            print(f"  {name}: {100 * rate:.1f} %")
    assert overall <= 0.05
    assert max(rates.values()) <= 0.08, "no single disturbance passes for a season"


@pytest.mark.slow
def test_detection_at_full_size(capsys: pytest.CaptureFixture[str]) -> None:
    kinds = {"a month": MONTHS, "6 weeks": free_windows(6), "9 weeks": free_windows(9)}
    sizes = (50, 100, 150, 300, 600)
    with capsys.disabled():
        for years in (2, 3, 5):
            for kind, windows in kinds.items():
                rates = [detection(City(years=years, clients=size), windows, series=60, seed=21) for size in sizes]
                told = ", ".join(f"{size}: {100 * rate:.0f} %" for size, rate in zip(sizes, rates, strict=True))
                print(f"\n{years} years, a dip of {kind}, found by clients a week: {told}", end="")
                enough = {2: 600, 3: 300, 5: 150}[years]
                assert all(rate >= 0.9 for size, rate in zip(sizes, rates, strict=True) if size >= enough)
