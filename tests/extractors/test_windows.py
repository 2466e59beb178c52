"""One window is one transaction: a killed run leaves nothing, an implausible answer changes nothing."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from extractors.core.errors import ChairsideError, ConfigError, GuardError, PayloadError
from extractors.days import days_to_load
from extractors.registry import source
from extractors.run import LoadResult, run_stream
from tests.extractors.conftest import NOW
from tests.extractors.test_calltouch import SITES, call, page
from tests.extractors.vendor_server import Asked, Reply, Vendor

Load = Callable[..., LoadResult]
Rows = Callable[..., list[tuple[Any, ...]]]


def _run(warehouse: str, url: str, now: datetime) -> None:
    run_stream(
        warehouse, "calltouch", "calls", date(2026, 6, 1), date(2026, 6, 1), run_id="doomed", now=now,
        settings={"base_url": url, "token": "t", "sites": SITES, "requests_per_second": 0},
    )


def test_a_run_killed_in_the_middle_leaves_nothing_half_and_the_next_one_is_whole(
    warehouse: str, load: Load, vendor: Vendor, rows: Rows
) -> None:
    second_page_asked = threading.Event()
    killed = threading.Event()

    def play(asked: Asked) -> Reply:
        if asked.query["page"] == "2" and not killed.is_set():
            second_page_asked.set()
            killed.wait(20)
        return page(call(int(asked.query["page"])), of=2, number=int(asked.query["page"]), total=2)

    vendor.play = play
    process = multiprocessing.get_context("spawn").Process(target=_run, args=(warehouse, vendor.url, NOW))
    process.start()
    assert second_page_asked.wait(30)
    process.kill()
    process.join()
    killed.set()
    assert rows("select count(*) from staging.calltouch__calls") == [(0,)]
    assert rows("select count(*) from ops.bookmarks") == [(0,)]
    assert load("calltouch", "calls", "2026-06-01", "2026-06-01", sites=SITES).rows_written == 2
    assert rows("select stream, read_to from ops.bookmarks") == [("calls", date(2026, 6, 1))]


def test_an_answer_that_would_empty_a_table_is_refused_unless_a_person_says_so(
    load: Load, vendor: Vendor, rows: Rows
) -> None:
    vendor.script(page(*map(call, range(1, 401))))
    load("calltouch", "calls", "2026-06-01", "2026-06-01", sites=SITES)
    vendor.script(page())
    with pytest.raises(GuardError, match="0 rows where 400 are loaded"):
        load("calltouch", "calls", "2026-06-01", "2026-06-01", sites=SITES)
    assert rows("select count(*) from staging.calltouch__calls") == [(400,)]
    assert load("calltouch", "calls", "2026-06-01", "2026-06-01", sites=SITES, allow_shrink=True).rows_deleted == 400


def test_a_dictionary_that_is_suddenly_empty_is_refused(load: Load, vendor: Vendor, rows: Rows) -> None:
    users = [{"ID": str(number), "ACTIVE": True, "NAME": "Anna", "LAST_NAME": "A."} for number in range(5)]
    vendor.script(Reply({"result": users, "total": 5}))
    load("bitrix24", "users", "2026-06-01", "2026-06-01")
    vendor.script(Reply({"result": [], "total": 0}))
    with pytest.raises(GuardError, match="0 rows where 5 are loaded"):
        load("bitrix24", "users", "2026-06-01", "2026-06-01")
    assert rows("select count(*) from staging.bitrix24__users") == [(5,)]


def test_only_the_rows_that_changed_are_written(load: Load, vendor: Vendor, rows: Rows) -> None:
    vendor.script(page(call(1), call(2)))
    load("calltouch", "calls", "2026-06-01", "2026-06-01", sites=SITES)
    untouched = rows("select xmin from staging.calltouch__calls where call_id = '1'")
    vendor.script(page(call(1), call(2, duration=90), call(3)))
    assert load("calltouch", "calls", "2026-06-01", "2026-06-01", sites=SITES).rows_written == 2
    assert rows("select xmin from staging.calltouch__calls where call_id = '1'") == untouched


def test_a_row_that_postgresql_cannot_keep_fails_its_window_without_quoting_people(
    load: Load, vendor: Vendor, rows: Rows
) -> None:
    vendor.script(page(call(1), call(2, duration=2**63)))
    with pytest.raises(ChairsideError) as caught:
        load("calltouch", "calls", "2026-06-01", "2026-06-01", sites=SITES)
    assert "79000000001" not in str(caught.value)
    assert rows("select count(*) from staging.calltouch__calls") == [(0,)]
    assert rows("select status from ops.loads") == [("failed",)]


def test_a_bookmark_never_goes_back(load: Load, vendor: Vendor, rows: Rows) -> None:
    vendor.script(page())
    for day in ("2026-06-05", "2026-06-01"):
        load("calltouch", "calls", day, day, sites=SITES)
    assert rows("select read_to from ops.bookmarks") == [(date(2026, 6, 5),)]


def test_a_window_that_fails_keeps_those_before_it(load: Load, vendor: Vendor, rows: Rows) -> None:
    vendor.script(page(call(1)), Reply("no", 403))
    with pytest.raises(Exception, match="403"):
        load("calltouch", "calls", "2026-06-01", "2026-07-15", sites=SITES)
    assert rows("select count(*) from staging.calltouch__calls") == [(1,)]
    assert rows("select status, rows_written from ops.loads order by started_at") == [("succeeded", 1), ("failed", 0)]


def test_a_missing_table_and_a_window_upside_down_say_what_to_do(load: Load, vendor: Vendor, warehouse: str) -> None:
    vendor.script(page(call(1)))
    with pytest.raises(ConfigError, match="ends before it begins"):
        load("calltouch", "calls", "2026-06-02", "2026-06-01", sites=SITES)
    with psycopg.connect(warehouse, autocommit=True) as connection:
        connection.execute("drop table staging.calltouch__calls")
    with pytest.raises(ConfigError, match=r"warehouse\.migrate"):
        load("calltouch", "calls", "2026-06-01", "2026-06-01", sites=SITES)


def test_a_window_beyond_days_that_nobody_read_does_not_move_the_bookmark_over_them(
    load: Load, vendor: Vendor, rows: Rows
) -> None:
    """Else the next run would begin behind them, and they would never be asked for."""
    read_to = "select read_to from ops.bookmarks"
    vendor.script(page())
    for first, last, expected in ((1, 2, 2), (10, 11, 2), (3, 5, 5), (4, 11, 11), (1, 3, 11)):
        load("calltouch", "calls", f"2026-06-{first:02d}", f"2026-06-{last:02d}", sites=SITES)
        assert rows(read_to) == [(date(2026, 6, expected),)]
    vendor.script(Reply({"result": [{"ID": "1", "ACTIVE": True, "NAME": "Anna", "LAST_NAME": "A."}]}))
    for day in ("01", "10"):
        load("bitrix24", "users", f"2026-06-{day}", f"2026-06-{day}")
    assert rows(f"{read_to} where stream = 'users'") == [(date(2026, 6, 10),)], "it is read whole whatever the window"


def test_a_day_tried_by_hand_is_no_first_load(load: Load, vendor: Vendor, rows: Rows, warehouse: str) -> None:
    """Else the first run by schedule would begin at that day, and the weeks before it would never be read."""
    vendor.script(page())
    stream = source("calltouch").stream("calls")

    def due(day: date) -> tuple[date, date]:
        morning = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
        return days_to_load(warehouse, stream, {}, now=morning, time_zone="Europe/Moscow")

    load("calltouch", "calls", "2026-06-29", "2026-06-29", sites=SITES)
    assert due(date(2026, 6, 30)) == (date(2026, 4, 1), date(2026, 6, 30))
    load("calltouch", "calls", "2026-04-01", "2026-06-30", sites=SITES)
    assert rows("select read_from, read_to from ops.bookmarks") == [(date(2026, 4, 1), date(2026, 6, 30))]
    assert due(date(2026, 7, 1)) == (date(2026, 6, 30) - timedelta(days=stream.lookback_days), date(2026, 7, 1))
    load("calltouch", "calls", "2026-02-01", "2026-02-28", sites=SITES)  # days of which nobody read the next ones
    assert rows("select read_from from ops.bookmarks") == [(date(2026, 4, 1),)]


def test_a_site_that_joins_a_connection_in_use_begins_as_far_back_as_a_new_source(
    load: Load, vendor: Vendor, rows: Rows, warehouse: str
) -> None:
    """A clinic opens, its site is added to the connection: a daily run alone would read a month of it."""
    vendor.script(page())
    stream = source("calltouch").stream("calls")
    first, second = {"501": "C1"}, {"501": "C1", "502": "C2"}

    def due(sites: dict[str, str]) -> date:
        now = datetime(2026, 7, 1, 9, tzinfo=UTC)
        return days_to_load(warehouse, stream, {"sites": sites}, now=now, time_zone="Europe/Moscow")[0]

    load("calltouch", "calls", "2026-03-01", "2026-06-30", sites=first)
    daily = date(2026, 6, 30) - timedelta(days=stream.lookback_days)
    assert (due(first), due(second), due({})) == (daily, date(2026, 4, 2), daily)
    load("calltouch", "calls", "2026-04-02", "2026-07-01", sites=second)
    assert due(second) == daily + timedelta(days=1)


def test_what_spoils_every_row_is_told_without_what_it_says(load: Load, vendor: Vendor, rows: Rows) -> None:
    vendor.script(page(call(1, date="Ivanova Anna"), call(2, date="Petrova Olga")))
    with pytest.raises(PayloadError) as refused:
        load("calltouch", "calls", "2026-06-01", "2026-06-01", sites=SITES)
    told = str(refused.value) + rows("select message from ops.loads")[0][0]
    assert "date: 'xxxxxxx xxxx' is no date" in told
    assert "Anna" not in told and "Ivanova" not in told
