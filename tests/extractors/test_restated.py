"""How many rows a load restates: late, corrected and withdrawn ones of days read before, and no others."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from extractors.run import LoadResult
from tests.extractors.test_calltouch import NOON, SITES, call, page
from tests.extractors.vendor_server import Reply, Vendor

Load = Callable[..., LoadResult]
Rows = Callable[..., list[tuple[Any, ...]]]


def at(hour: int) -> datetime:
    return datetime(2026, 6, 20, hour, tzinfo=UTC)


def restated(rows: Rows) -> list[int | None]:
    return [row[0] for row in rows("select rows_restated from ops.loads order by started_at")]


def test_rows_of_days_read_before_that_come_late_or_corrected_or_not_again_are_restated(
    load: Load, vendor: Vendor, rows: Rows
) -> None:
    days = ("calltouch", "calls", "2026-06-01")
    vendor.script(page(call(1), call(2), call(3)))
    load(*days, "2026-06-01", now=at(1), sites=SITES)
    # 1 says something else, 2 is gone, 3 is as it was, 4 comes late; 5 is of a day that was not read before
    tomorrow = call(5, timestamp=NOON + 86_400, date="02/06/2026 12:00:00")
    vendor.script(page(call(1, duration=999), call(3), call(4), tomorrow))
    load(*days, "2026-06-02", now=at(2), sites=SITES)
    vendor.script(page(call(1, duration=999), call(3), call(4), tomorrow))
    load(*days, "2026-06-02", now=at(3), sites=SITES)
    assert restated(rows) == [0, 3, 0]
    assert rows("select rows_written from ops.loads order by started_at") == [(3,), (4,), (0,)]


def test_where_rows_have_no_day_only_those_landed_before_are_restated(load: Load, vendor: Vendor, rows: Rows) -> None:
    def users(*names: str) -> Reply:
        people = [{"ID": str(n), "ACTIVE": True, "NAME": name, "LAST_NAME": "A."} for n, name in enumerate(names, 1)]
        return Reply({"result": people, "total": len(people)})

    answers = (("Anna", "Boris", "Vera"), ("Anna", "Bella", "Vera", "Gleb"), ("Anna", "Bella", "Vera"))
    for hour, names in enumerate(answers):
        vendor.script(users(*names))
        load("bitrix24", "users", "2026-06-01", "2026-06-01", now=at(hour))
    # at first all is news; then Bella is Boris' new name and Gleb is news; then Gleb is gone
    assert restated(rows) == [0, 1, 1]
