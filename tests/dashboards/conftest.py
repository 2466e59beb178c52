"""One Superset and one browser for all tests of the dashboards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.city import City, copy_of
from tests.dashboards.browser import Page, browser, chromium
from tests.dashboards.people import Served, served_city


@pytest.fixture(scope="session")
def served(pg_server_url: str, city_template: City, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The city in a warehouse of its own, and Superset over it."""
    with (
        copy_of(city_template, pg_server_url) as own,
        served_city(own, pg_server_url, tmp_path_factory.mktemp("superset")) as found,
    ):
        yield found


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A tab; whoever needs a viewer signs in first."""
    program = chromium()
    if program is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    with browser(tmp_path_factory.mktemp("chromium"), program) as opened:
        yield opened
