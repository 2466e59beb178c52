"""A vendor that is down leaves the others current, is seen to be stale, and catches up by itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import psycopg
import pytest

from extractors.core.errors import TransientError
from extractors.days import days_to_load
from extractors.registry import source
from extractors.run import run_stream
from simulators.running import Simulators
from tests.loading.loads import empty, landed
from tests.loading.proxy import Proxy, Spoil
from warehouse.pipeline import stale_sources

NAMES = ("calltouch", "bitrix24")
STREAMS = {"calltouch": "calls", "bitrix24": "deals"}
# The city's last week. Loads are at five in the morning in Moscow, the warehouse looks at eight.
MONDAY = date(2026, 9, 7)
FIVE, EIGHT = timedelta(hours=2), timedelta(hours=5)
DOWN = tuple(Spoil("500", at=number) for number in range(50))


def morning(days: int) -> datetime:
    """Midnight UTC of a day of that week."""
    return datetime(2026, 9, 7 + days, tzinfo=UTC)


class Week:
    """The daily loads of two vendors behind proxies."""

    def __init__(self, warehouse: str, simulators: Simulators, proxies: dict[str, Proxy]) -> None:
        self.warehouse = warehouse
        self._simulators = simulators
        self.proxies = {name: proxies[f"{name} {STREAMS[name]}"] for name in NAMES}

    def load(self, name: str, now: datetime) -> tuple[date, date]:
        """The load of that moment, over the days that the DAG would ask for."""
        endpoint = self._simulators[name]
        settings: dict[str, Any] = {
            **endpoint["settings"], "base_url": self.proxies[name].url, "token": endpoint["token"],
            "requests_per_second": 0, "retry_base_seconds": 0.001, "attempts": 2, "first_load_days": 40,
        }  # fmt: skip
        stream = source(name).stream(STREAMS[name])
        days = days_to_load(self.warehouse, stream, settings, now=now, time_zone="Europe/Moscow")
        run_stream(
            self.warehouse, name, stream.name, *days, settings=settings, run_id=f"extract_{name}/{now:%d}", now=now,
            clock=(now + timedelta(seconds=second) for second in count()).__next__,
        )  # fmt: skip
        return days

    def seen(self, name: str) -> tuple[Any, ...]:
        with psycopg.connect(self.warehouse) as connection:
            return connection.execute(
                "select read_to, loaded_at, is_failing, error, rows_restated from ops.freshness_streams"
                " where source = %s",
                (name,),
            ).fetchall()[0]


@pytest.fixture
def week(warehouse: str, simulators: Simulators, proxies: dict[str, Proxy]) -> Iterator[Week]:
    for name in NAMES:
        empty(warehouse, name, STREAMS[name])
    with psycopg.connect(warehouse) as connection:
        connection.execute("truncate ops.loads, ops.bookmarks")
    made = Week(warehouse, simulators, proxies)
    for proxy in made.proxies.values():
        proxy.plan()
    yield made
    for proxy in made.proxies.values():
        proxy.plan()


def test_a_vendor_down_for_three_days_is_stale_alone_and_catches_up_by_itself(week: Week) -> None:
    for name in NAMES:
        week.load(name, morning(0) + FIVE)
    assert stale_sources(week.warehouse, NAMES, now=morning(0) + EIGHT) == []
    for day in (1, 2, 3):
        week.proxies["calltouch"].plan(*DOWN)
        with pytest.raises(TransientError):
            week.load("calltouch", morning(day) + FIVE)
        week.load("bitrix24", morning(day) + FIVE)
        assert stale_sources(week.warehouse, NAMES, now=morning(day) + EIGHT) == ["calltouch"]
        assert week.seen("calltouch")[:4] == (MONDAY, morning(0) + FIVE, True, "TransientError")
        assert week.seen("bitrix24")[:4] == (MONDAY + timedelta(days=day), morning(day) + FIVE, False, None)

    week.proxies["calltouch"].plan()
    first, last = week.load("calltouch", morning(4) + FIVE)
    assert first < MONDAY and last == MONDAY + timedelta(days=4)
    assert stale_sources(week.warehouse, NAMES, now=morning(4) + EIGHT) == ["bitrix24"]  # not loaded that day
    week.load("bitrix24", morning(4) + FIVE)
    assert stale_sources(week.warehouse, NAMES, now=morning(4) + EIGHT) == []

    # nothing of the three days is missing: as if they had been read every morning
    caught_up = landed(week.warehouse, "calltouch", "calls")
    empty(week.warehouse, "calltouch", "calls")
    with psycopg.connect(week.warehouse) as connection:
        connection.execute("truncate ops.bookmarks")
    for day in range(5):
        week.load("calltouch", morning(day) + FIVE)
    assert caught_up == landed(week.warehouse, "calltouch", "calls")


def test_a_first_load_that_stops_half_way_is_as_fresh_as_the_last_day_it_read(week: Week) -> None:
    # Forty days are two windows; the vendor dies after the first one's pages.
    week.load("calltouch", morning(0) + FIVE)
    pages = week.proxies["calltouch"].asked
    empty(week.warehouse, "calltouch", "calls")
    with psycopg.connect(week.warehouse) as connection:
        connection.execute("truncate ops.loads, ops.bookmarks")
    week.proxies["calltouch"].plan(*(Spoil("500", at=number) for number in range(pages - 1, pages + 9)))
    with pytest.raises(TransientError):
        week.load("calltouch", morning(0) + FIVE)
    read_to, loaded_at, is_failing, _, _ = week.seen("calltouch")
    assert is_failing and read_to < MONDAY
    assert loaded_at == datetime.combine(read_to + timedelta(days=1), datetime.min.time(), UTC)
    assert stale_sources(week.warehouse, ["calltouch"], now=morning(0) + EIGHT) == ["calltouch"]


def test_a_source_that_promises_nothing_is_never_stale_and_one_never_loaded_always(week: Week) -> None:
    week.load("bitrix24", morning(0) + FIVE)
    much_later = morning(0) + timedelta(days=300)
    assert stale_sources(week.warehouse, ["bitrix24", "uis"], now=morning(0) + EIGHT) == ["uis"]
    with psycopg.connect(week.warehouse) as connection:
        connection.execute("insert into staging.settings values ('stale_after_hours_bitrix24', 'never')")
        connection.commit()
        assert stale_sources(week.warehouse, ["bitrix24"], now=much_later) == []
        connection.execute("delete from staging.settings where name = 'stale_after_hours_bitrix24'")
        connection.commit()
    assert stale_sources(week.warehouse, ["bitrix24"], now=much_later) == ["bitrix24"]
