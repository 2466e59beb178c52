"""A small city whose vendors stand behind fault proxies, and one warehouse for all modules.

Each test begins by emptying the tables that it writes.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from simulators.running import Simulators, quick_options, running_simulators
from simulators.world import build_world
from tests.loading.loads import FIRST, STREAMS
from tests.loading.proxy import Proxy, running_proxy
from tests.templates import Template, copied


@pytest.fixture(scope="session")
def warehouse(pg_server_url: str, migrated_template: Template) -> Iterator[str]:
    """URL of a warehouse with all landed tables; every test writes into it."""
    with copied(migrated_template.url, pg_server_url) as url:
        yield url


@pytest.fixture(scope="session")
def simulators() -> Iterator[Simulators]:
    with running_simulators(build_world(3, date_from=FIRST, days=45), options=quick_options()) as running:
        yield running


@pytest.fixture(scope="session")
def proxies(simulators: Simulators) -> Iterator[dict[str, Proxy]]:
    """(source, stream) as "source stream" → its proxy."""
    opened = []
    found = {}
    try:
        for source, stream, required in STREAMS:
            opening = running_proxy(simulators.servers[source].base_url, required=required)
            found[f"{source} {stream}"] = opening.__enter__()
            opened.append(opening)
        yield found
    finally:
        for opening in opened:
            opening.__exit__(None, None, None)
