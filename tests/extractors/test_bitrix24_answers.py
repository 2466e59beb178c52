"""Bitrix24: an answer that does not hold the rows that were asked for is none, whatever its status."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from extractors.core.errors import ChairsideError, PayloadError, RejectedError, TransientError
from extractors.run import LoadResult
from tests.extractors.vendor_server import Asked, Reply, Vendor

Load = Callable[..., LoadResult]
Rows = Callable[..., list[tuple[Any, ...]]]
DAY = ("2026-06-01", "2026-06-01")
STAMP = "2026-06-01T12:00:00+03:00"


def deal(number: int, **fields: object) -> dict[str, Any]:
    return {"ID": str(number), "DATE_MODIFY": STAMP, "STAGE_ID": "NEW", "OPPORTUNITY": "10.00", **fields}


def answers(vendor: Vendor, **results: object) -> None:
    """A result for each method, by the last word of its name."""
    vendor.play = lambda asked: Reply({"result": results[re.split("[./]", asked.path.removesuffix(".json"))[-1]]})


@pytest.mark.parametrize("result", [None, {}, False, "", 0, {"rows": []}, [None], {"items": None}])
def test_a_result_that_is_no_list_of_rows_is_not_one_of_none(
    load: Load, vendor: Vendor, rows: Rows, result: object
) -> None:
    """None would move the bookmark past deals that were never read."""
    vendor.script(Reply({"result": [deal(1)]}))
    load("bitrix24", "deals", *DAY)
    vendor.script(Reply({"result": result}))
    for stream in ("deals", "deal_ids", "users", "deal_stage_history"):
        with pytest.raises(PayloadError):
            load("bitrix24", stream, *DAY)
    assert rows("select stream, status from ops.loads where status = 'succeeded'") == [("deals", "succeeded")]


def test_deals_of_another_day_and_out_of_order_are_no_answer(load: Load, vendor: Vendor, rows: Rows) -> None:
    vendor.script(Reply({"result": [deal(2, DATE_MODIFY="2026-05-01T12:00:00+03:00")]}))
    with pytest.raises(PayloadError):
        load("bitrix24", "deals", *DAY)
    vendor.script(Reply({"result": [deal(3), deal(2)]}))
    with pytest.raises(TransientError, match="out of order"):
        load("bitrix24", "deals", *DAY)
    vendor.script(Reply({"result": [deal(2, DATE_MODIFY="2026-06-02T02:00:00+03:00"), deal(3)]}))
    assert load("bitrix24", "deals", *DAY).rows_read == 2, "a portal may read the filter on its own clock"


@pytest.mark.parametrize(
    "batch",
    [{"result": {"d7": None}}, {"result": {"d7": {}}}, {"result": [[{"OWNER_ID": 8}]]}, {"result": []}, None,
     {"result": {"d7": [{"OWNER_ID": 8, "PRODUCT_NAME": "another", "QUANTITY": 1, "PRICE": 1}]}}],
    ids=["null", "a map", "a list of others", "PHP's empty map", "no results", "another deal's"],
)
def test_lines_that_are_not_this_deals_are_asked_for_alone(
    load: Load, vendor: Vendor, rows: Rows, batch: object
) -> None:
    line = {"OWNER_ID": 7, "PRODUCT_NAME": "crown", "QUANTITY": 1, "PRICE": "10.00"}
    answers(vendor, list=[deal(7)], batch=batch, get=[line])
    load("bitrix24", "deal_items", *DAY)
    assert rows("select items from staging.bitrix24__deal_items") == [
        ([{"item": "crown", "quantity": "1", "price": "10.00"}],)
    ]
    answers(vendor, list=[deal(7)], batch=batch, get=None)
    with pytest.raises(PayloadError):
        load("bitrix24", "deal_items", *DAY)
    assert rows("select count(*) from staging.bitrix24__deal_items where jsonb_array_length(items) = 1") == [(1,)]


@pytest.mark.parametrize("description", ["Not found", "Access denied."])
def test_a_deal_deleted_between_the_list_and_its_lines_is_left_out_and_the_others_load(
    load: Load, vendor: Vendor, rows: Rows, description: str
) -> None:
    line = {"OWNER_ID": 8, "PRODUCT_NAME": "crown", "QUANTITY": 1, "PRICE": "10.00"}
    listed = {"7", "8"}

    def play(asked: Asked) -> Reply:
        if asked.path.endswith("productrows.get.json"):
            return Reply({"error": "", "error_description": description}, status=400)
        if "batch" in asked.path:
            return Reply({"result": {"result": {"d8": [line]}, "result_error": {"d7": {"error": ""}}}})
        number = asked.json["filter"].get("ID")
        return Reply({"result": [deal(int(one)) for one in sorted(listed) if number in (None, one)]})

    vendor.play = play
    with pytest.raises(RejectedError):  # still there: the portal refuses its lines
        load("bitrix24", "deal_items", *DAY)
    asks = len(vendor.asked)

    def deleted_after_the_list(asked: Asked) -> Reply:
        reply = play(asked)
        listed.discard("7")
        return reply

    vendor.play = deleted_after_the_list
    assert load("bitrix24", "deal_items", *DAY).rows_read == 1
    assert rows("select deal_id from staging.bitrix24__deal_items") == [("8",)]
    assert len(vendor.asked) - asks == 5, "list, batch, alone, and twice whether it is listed"


def users(*numbers: int, **envelope: object) -> Reply:
    return Reply({"result": [{"ID": str(number), "ACTIVE": True} for number in numbers], **envelope})


def test_a_dictionary_that_is_shorter_than_its_count_or_leads_back_stops(
    load: Load, vendor: Vendor, rows: Rows
) -> None:
    vendor.play = lambda asked: users(3, total=3) if asked.json["start"] else users(1, 2, total=3, next=50)
    load("bitrix24", "users", *DAY)
    for shorter in (users(1, 2, total=3), users(1, 2, next=0, total=3), users(next=50, total=3)):
        vendor.script(shorter)
        with pytest.raises(TransientError):
            load("bitrix24", "users", *DAY)
    assert len(vendor.asked) < 30
    assert rows("select count(*) from staging.bitrix24__users") == [(3,)]
    vendor.script(users(1, 2, total=3), users(1, 2, 3, total=3))
    assert load("bitrix24", "users", *DAY).rows_deleted == 0


def test_a_funnel_without_stages_is_a_list_that_was_not_told(load: Load, vendor: Vendor, rows: Rows) -> None:
    def play(asked: Asked) -> Reply:
        if "category" in asked.path:
            return Reply({"result": {"categories": [{"id": 0, "name": "a"}, {"id": 1, "name": "b"}]}})
        entity = asked.json["filter"]["ENTITY_ID"]
        return Reply({"result": [{"ID": "1", "ENTITY_ID": entity, "STATUS_ID": "NEW"}] if entity in told else []})

    vendor.play = play
    told = {"DEAL_STAGE", "DEAL_STAGE_1"}
    load("bitrix24", "stages", *DAY)
    told = {"DEAL_STAGE"}
    with pytest.raises(ChairsideError, match="funnel 1"):
        load("bitrix24", "stages", *DAY)
    assert rows("select count(*) from staging.bitrix24__stages") == [(2,)]
