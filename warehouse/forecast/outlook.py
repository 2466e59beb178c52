"""What the coming months would bring if nothing is done: level, its drift, and the season as far as it is believed.

The season of a month is its average share of the level, drawn towards none by as much of it as years disagree. The
drift is the median difference to the same month a year before, drawn towards none likewise and fading within about a
year. Measured against last year's same month: docs/decisions/seasonal_dips.md.
"""

from __future__ import annotations

import numpy as np
from statsmodels.tsa.seasonal import STL

from warehouse.forecast.weeks import Floats

YEAR = 12
LEAST_MONTHS = 2 * YEAR
# Months of the recent level, and those in which two thirds of the drift have faded.
RECENT = 6
FADING = 12.0
# A drift is believed as far as its square exceeds this many times the square of its standard error.
DOUBT = 4.0
# The median absolute deviation of normal noise, as a share of its standard deviation, is 1 / 1.4826.
MAD = 1.4826


def season(values: Floats) -> Floats:
    """Twelve factors around 1 for the months of a year, the first that of `values[0]`. Needs two years or more."""
    trend = np.asarray(STL(values, period=YEAR, robust=True).fit().trend, dtype=np.float64)
    ratio = values / np.maximum(trend, max(0.1 * float(values.mean()), 1e-9))
    years = len(values) // YEAR
    shares = ratio[: years * YEAR].reshape(years, YEAR)
    shares = shares / np.maximum(shares.mean(axis=1, keepdims=True), 1e-9)
    mean = shares.mean(axis=0)
    apart = (shares - mean) * np.sqrt(years / (years - 1))
    noise = (MAD * float(np.median(np.abs(apart)))) ** 2 / years
    spread = float(((mean - 1) ** 2).sum()) / (YEAR - 1)
    believed = min(max(1 - noise * (YEAR - 3) / (YEAR - 1) / spread, 0.0), 1.0) if spread > 0 else 0.0
    return np.asarray(1 + believed * (mean - 1))


def outlook(values: Floats, months: int = YEAR) -> Floats:
    """The next months of a series of whole months; empty for less than two years of them."""
    if len(values) < LEAST_MONTHS or not values.any():
        return np.zeros(0)
    factors = np.maximum(season(values), 0.05)
    position = np.arange(len(values) + months) % YEAR
    level = values / factors[position[: len(values)]]
    change = (level[YEAR:] - level[:-YEAR]) / YEAR
    drift = float(np.median(change))
    # 1.25: a median's standard error against a mean's; 1.36 = sqrt((1 + 0.3) / (1 - 0.3)) for neighbours that are alike
    error = 1.25 * 1.36 * MAD * float(np.median(np.abs(change - drift))) / np.sqrt(len(change))
    believed = max(0.0, 1 - DOUBT * error**2 / drift**2) if drift else 0.0
    recent = float(level[-RECENT:].mean())
    ahead = np.arange(1, months + 1)
    path = recent + believed * drift * (RECENT / 2 + FADING * (1 - np.exp(-ahead / FADING)))
    return np.asarray(np.maximum(path, 0.2 * recent) * factors[position[len(values) :]])
