"""The plan's outlook of a year against "as in the same month last year", on three years of the invented city."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np
import pytest

from simulators.world import build_world
from simulators.world.neutral import sourced_rows
from warehouse.forecast.outlook import LEAST_MONTHS, outlook
from warehouse.forecast.weeks import Floats

FIRST = date(2023, 1, 1)
MONTHS = 36


@dataclass(frozen=True, slots=True, kw_only=True)
class Errors:
    """Mean absolute error of a month, and the symmetric percentage one, of both forecasts of the third year."""

    mae: float
    naive_mae: float
    smape: float
    naive_smape: float


def city_months(seed: int) -> tuple[Floats, Floats]:
    """Clients who bought and what they paid, by month of three years."""
    world = build_world(seed, date_from=FIRST, days=1096, clinics=1, scale=1.3)
    clients: dict[int, set[str]] = defaultdict(set)
    amounts: dict[int, float] = defaultdict(float)
    for _, row in sourced_rows(world)["sales"]:
        day = row["sold_at"].date()
        month = (day.year - FIRST.year) * 12 + day.month - 1
        clients[month].add(row["patient_id"])
        amounts[month] += float(row["amount"])
    return (
        np.array([float(len(clients[month])) for month in range(MONTHS)]),
        np.array([amounts[month] for month in range(MONTHS)]),
    )


def compared(series: Iterable[Floats]) -> Errors:
    """Two years are known, the third is forecast; errors are averaged over all series."""
    found = []
    for values in series:
        known, third = values[:24], values[24:]
        both = (outlook(known), known[12:])
        apart = [float(np.abs(forecast - third).mean()) for forecast in both]
        share = [
            float((200 * np.abs(forecast - third) / np.maximum(forecast + third, 1e-9)).mean()) for forecast in both
        ]
        found.append((*apart, *share))
    mean = np.array(found).mean(axis=0)
    return Errors(mae=mean[0], naive_mae=mean[1], smape=mean[2], naive_smape=mean[3])


def told(what: str, errors: Errors) -> str:
    return (
        f"{what}: outlook MAE {errors.mae:,.1f}, sMAPE {errors.smape:.1f} %;"
        f" last year MAE {errors.naive_mae:,.1f}, sMAPE {errors.naive_smape:.1f} %"
    )


def drawn(rng: np.random.Generator, growth: float, season: float) -> Floats:
    """Three years of counts, about 150 a month, with a summer as deep as `season`."""
    month = np.arange(MONTHS)
    mean = 150 * (1 + growth) ** (month / 12)
    mean = mean * np.where(np.isin(month % 12, (6, 7)), 1 - season, 1) * np.exp(rng.normal(0, 0.05, MONTHS))
    return rng.poisson(mean).astype(np.float64)


def test_the_outlook_is_nearer_than_last_year_in_the_city(capsys: pytest.CaptureFixture[str]) -> None:
    clients = compared(city_months(seed)[0] for seed in (1, 2, 3))
    with capsys.disabled():
        print("\n" + told("clients of three cities", clients))
    assert clients.mae < clients.naive_mae


@pytest.mark.slow
def test_the_outlook_is_nearer_than_last_year_in_many_cities(capsys: pytest.CaptureFixture[str]) -> None:
    cities = [city_months(seed) for seed in range(11, 27)]
    clients, amounts = compared(one[0] for one in cities), compared(one[1] for one in cities)
    with capsys.disabled():
        print("\n" + told("clients of sixteen cities", clients))
        print(told("amounts of sixteen cities", amounts))
    assert clients.mae < clients.naive_mae
    assert amounts.mae < amounts.naive_mae


@pytest.mark.parametrize(("growth", "season"), [(0.0, 0.0), (0.25, 0.0), (-0.2, 0.0), (0.0, 0.25), (0.25, 0.25)])
def test_the_outlook_is_nearer_than_last_year_with_and_without_growth_and_season(growth: float, season: float) -> None:
    rng = np.random.default_rng(5)
    errors = compared(drawn(rng, growth, season) for _ in range(60))
    assert errors.mae < errors.naive_mae


def test_a_flat_year_is_forecast_flat_and_less_than_two_years_not_at_all() -> None:
    assert np.allclose(outlook(np.full(LEAST_MONTHS, 100.0)), 100)
    assert len(outlook(np.full(LEAST_MONTHS - 1, 100.0))) == 0
    assert len(outlook(np.zeros(LEAST_MONTHS))) == 0


def test_a_season_without_noise_is_believed_as_it_is() -> None:
    year = np.array([100.0, 100, 100, 100, 100, 100, 80, 60, 100, 100, 100, 100])
    assert np.allclose(outlook(np.tile(year, 3)), year, rtol=0.02)
