"""What a simulator is, as data: `simulators/<source>/__init__.py` has one as SIMULATOR."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from simulators.http import Vendor
from simulators.world.model import World

Clock = Callable[[], float]  # seconds, growing
Endpoint = dict[str, Any]  # base_url, token, settings: what a connection needs, JSON-ready

LONG_AGO = date(2020, 1, 1)  # before anything that the city remembers
DAYS_BEFORE = 10


@dataclass(frozen=True, slots=True)
class SimulatorSpec:
    """One vendor of the city.

    `make(world, options, clock)` gives the vendor; `options` is `self.options` unless a test gives another value of the
    same type. `endpoint(world, base_url, vendor)` gives the connection of its source. `quick`: options without waiting
    and without limits, for tests of what is said rather than how (null: `options` already is). `has_past`: rows of
    before the story (patients, deals) are found by asking for the years before it.
    """

    name: str
    make: Callable[[World, Any, Clock], Vendor]
    endpoint: Callable[[World, str, Any], Endpoint]
    options: Any = None
    quick: Any = None
    has_past: bool = False

    def first_day(self, date_from: date) -> date:
        """From this day on a load gets everything that a city beginning on `date_from` has at this vendor."""
        return LONG_AGO if self.has_past else date_from - timedelta(days=DAYS_BEFORE)
