"""Runs of one source never overlap, whoever started them; runs of different sources do."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import psycopg
import pytest

from extractors.core.errors import TransientError
from extractors.run import run_stream
from tests.extractors.conftest import NOW
from tests.extractors.test_calltouch import SITES, call, page
from tests.extractors.vendor_server import Asked, Reply, Vendor

WAITING = "select count(*) from pg_locks where relation = 'ops.turn_of_calltouch'::regclass and not granted"
Rows = Callable[..., list[tuple[Any, ...]]]


def _run(warehouse: str, url: str, source: str, stream: str) -> None:
    settings = {"base_url": url, "token": "t", "sites": SITES, "requests_per_second": 0, "attempts": 1}
    run_stream(
        warehouse, source, stream, date(2026, 6, 1), date(2026, 6, 1), run_id=stream, now=NOW, settings=settings
    )


class Held:
    """A vendor that lets the first calls wait for `release`, and knows how many runs it was asked by at once."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.release = threading.Event()
        self.paths: list[str] = []

    def play(self, asked: Asked) -> Reply:
        self.paths.append(asked.path)
        if asked.path.endswith("calls"):
            self.asked.set()
            self.release.wait(30)
            return page(call(1))
        return Reply({"result": [], "total": 0} if asked.path.startswith("/rest") else [])


@pytest.fixture
def held(vendor: Vendor) -> Iterator[Held]:
    holding = Held()
    vendor.play = holding.play
    yield holding
    holding.release.set()


def _start(*arguments: str) -> multiprocessing.process.BaseProcess:
    process = multiprocessing.get_context("spawn").Process(target=_run, args=arguments)
    process.start()
    return process


def _somebody_waits(warehouse: str, process: multiprocessing.process.BaseProcess) -> bool:
    with psycopg.connect(warehouse, autocommit=True) as connection:
        while process.is_alive():
            if connection.execute(WAITING).fetchone() == (1,):
                return True
            process.join(0.05)
    return False


def test_a_second_run_of_a_source_waits_for_the_first_and_another_source_does_not(
    warehouse: str, vendor: Vendor, held: Held, rows: Rows
) -> None:
    first = _start(warehouse, vendor.url, "calltouch", "calls")
    assert held.asked.wait(30)
    second = _start(warehouse, vendor.url, "calltouch", "requests")
    assert _somebody_waits(warehouse, second)
    _run(warehouse, vendor.url, "bitrix24", "users")  # goes through meanwhile
    assert not any(path.endswith("requests") for path in held.paths)
    held.release.set()
    for process in (first, second):
        process.join(30)
        assert process.exitcode == 0
    assert rows("select stream from ops.loads order by started_at") == [("calls",), ("users",), ("requests",)]


def test_a_run_that_is_killed_leaves_its_turn_to_the_next(warehouse: str, vendor: Vendor, held: Held) -> None:
    first = _start(warehouse, vendor.url, "calltouch", "calls")
    assert held.asked.wait(30)
    first.kill()
    first.join(30)
    held.release.set()
    _run(warehouse, vendor.url, "calltouch", "requests")


def test_a_run_whose_turn_was_lost_asks_the_vendor_no_more(
    warehouse: str, vendor: Vendor, held: Held, rows: Rows
) -> None:
    failed: list[BaseException] = []

    def run() -> None:
        settings = {"base_url": vendor.url, "token": "t", "sites": SITES, "requests_per_second": 0, "attempts": 1}
        try:
            run_stream(
                warehouse, "calltouch", "calls", date(2026, 6, 1), date(2026, 12, 31), run_id="r", now=NOW,
                settings=settings,
            )
        except BaseException as error:
            failed.append(error)

    running = threading.Thread(target=run)
    running.start()
    assert held.asked.wait(30)
    rows("select pg_terminate_backend(pid, 5000) from pg_locks where relation = 'ops.turn_of_calltouch'::regclass")
    held.release.set()
    running.join(30)
    assert [type(error) for error in failed] == [TransientError]
    assert rows("select window_from, status from ops.loads") == [(date(2026, 6, 1), "succeeded")]
