"""A run that is killed at any moment leaves whole windows or nothing of them, and the next run is as if nothing was."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from simulators.running import Simulators
from tests.loading.loads import FIRST, LAST, Rows, empty, landed, load
from tests.loading.proxy import Proxy

NAME = ("calltouch", "calls")
WINDOW_ENDS = (FIRST + timedelta(days=30), LAST)  # calls are read a month at a time
STARTING = multiprocessing.get_context("forkserver")
STARTING.set_forkserver_preload(["tests.loading.loads"])


def timed_run(warehouse: str, endpoint: dict[str, Any], url: str) -> float:
    process = STARTING.Process(target=load, args=(warehouse, endpoint, url, *NAME))
    began = time.monotonic()
    process.start()
    process.join(60)
    assert process.exitcode == 0
    return time.monotonic() - began


def kill_and_restart(
    warehouse: str, simulators: Simulators, proxy: Proxy, kills: int, chance: random.Random
) -> None:
    endpoint = simulators[NAME[0]]
    proxy.plan()
    empty(warehouse, *NAME)
    prefixes: list[Rows] = [[]]
    for last in WINDOW_ENDS:
        load(warehouse, endpoint, proxy.url, *NAME, last=last)
        prefixes.append(landed(warehouse, *NAME))
    whole = prefixes[-1]
    assert len(whole) > len(prefixes[1]) > 15
    timed_run(warehouse, endpoint, proxy.url)  # the first one also starts what the others are forked from
    usual = timed_run(warehouse, endpoint, proxy.url)
    met = 0
    for _ in range(kills):
        empty(warehouse, *NAME)
        process = STARTING.Process(target=load, args=(warehouse, endpoint, proxy.url, *NAME))
        process.start()
        time.sleep(chance.uniform(0, usual))
        process.kill()
        process.join()
        met += process.exitcode != 0
        # A transaction of a killed process ends a moment later; whatever is seen is whole.
        assert landed(warehouse, *NAME) in prefixes
        load(warehouse, endpoint, simulators.servers[NAME[0]].base_url, *NAME)
        assert landed(warehouse, *NAME) == whole
    assert met > kills // 2


@pytest.fixture
def calls_proxy(proxies: dict[str, Proxy]) -> Iterator[Proxy]:
    """Slow enough to be killed between two answers."""
    proxy = proxies[" ".join(NAME)]
    proxy.delay = 0.01
    yield proxy
    proxy.delay = 0


def test_five_kills(warehouse: str, simulators: Simulators, calls_proxy: Proxy) -> None:
    kill_and_restart(warehouse, simulators, calls_proxy, 5, random.Random(8))  # noqa: S311


@pytest.mark.slow
def test_sixty_kills(warehouse: str, simulators: Simulators, calls_proxy: Proxy) -> None:
    kill_and_restart(warehouse, simulators, calls_proxy, 60, random.Random())  # noqa: S311
