"""One small city and its vendors for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

from simulators.running import Simulators, quick_options, running_simulators
from simulators.world import World, build_world
from simulators.world.setting import SYSTEMS
from simulators.yandex_direct.state import DirectOptions

FIRST_DAY = date(2026, 8, 1)
# Limits have tests of their own; here they would only slow the reading down.
UNLIMITED = quick_options(yandex_direct=DirectOptions(limits=False))


@pytest.fixture(scope="session")
def city() -> World:
    """Two clinics with Calltouch, Bitrix24 and Open Dental."""
    return build_world(1, date_from=FIRST_DAY, days=60, clinics=2, scale=1.6, systems=SYSTEMS[:1])


@pytest.fixture(scope="session")
def vendors(city: World) -> Iterator[Simulators]:
    """Read-only: a test that edits a state or plans a fault starts its own."""
    with running_simulators(city, options=UNLIMITED) as running:
        yield running
