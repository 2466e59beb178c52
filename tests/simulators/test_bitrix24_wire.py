"""Bitrix24 speaks as documented: pages of 50, text and typed rows, batches in PHP's manner, a leaky bucket."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from simulators.bitrix24.state import BitrixOptions
from simulators.running import Simulators, running_simulators
from simulators.world import World
from tests.simulators.reading import bitrix_call, bitrix_walk


def call(running: Simulators, method: str, **params: Any) -> requests.Response:  # noqa: ANN401 - a method's parameters
    return bitrix_call(running.endpoints["bitrix24"], method, **params)


def test_offset_pages_have_next_until_the_last_one(vendors: Simulators) -> None:
    first = call(vendors, "crm.deal.list").json()
    assert (len(first["result"]), first["next"]) == (50, 50)
    last = call(vendors, "crm.deal.list", start=first["total"] // 50 * 50).json()
    assert "next" not in last and len(last["result"]) == first["total"] % 50
    assert set(first["time"]) >= {"start", "finish", "duration", "processing", "operating", "operating_reset_at"}


def test_start_minus_one_counts_nothing_and_the_walk_by_id_reads_every_row(vendors: Simulators) -> None:
    page = call(vendors, "crm.deal.list", start=-1, order={"ID": "ASC"}, filter={">ID": 0}).json()
    assert page["total"] == 0 and "next" not in page
    ids = [int(row["ID"]) for row in bitrix_walk(vendors.endpoints["bitrix24"], "crm.deal.list")]
    assert ids == sorted(set(ids)) and len(ids) == call(vendors, "crm.deal.list").json()["total"]


def test_deals_are_text_and_items_are_typed(vendors: Simulators) -> None:
    deal = call(vendors, "crm.deal.list", filter={"ID": "1"}, select=["*", "UF_*"]).json()["result"][0]
    item = call(vendors, "crm.item.list", entityTypeId=2, filter={"id": 1}).json()["result"]["items"][0]
    assert isinstance(deal["OPPORTUNITY"], str) and isinstance(deal["ID"], str)
    assert item["id"] == 1 and isinstance(item["opportunity"], int | float)
    assert item["stageId"] == deal["STAGE_ID"] and item["createdTime"] == deal["DATE_CREATE"]
    assert item["contactIds"] == [int(deal["CONTACT_ID"])]


def test_user_fields_and_multiple_fields_come_only_by_name(vendors: Simulators) -> None:
    assert "UF_CRM_TAGS" not in call(vendors, "crm.deal.list").json()["result"][0]
    assert "PHONE" not in call(vendors, "crm.contact.list", select=["*"]).json()["result"][0]
    named = call(vendors, "crm.contact.list", select=["ID", "PHONE"]).json()["result"][0]
    assert set(named) == {"ID", "PHONE"} and named["PHONE"][0]["TYPE_ID"] == "PHONE"


def test_filters_order_and_php_style_queries(vendors: Simulators) -> None:
    base = vendors.endpoints["bitrix24"]["base_url"]
    query = "filter[>ID]=5&filter[STAGE_SEMANTIC_ID]=S&select[]=ID&select[]=STAGE_SEMANTIC_ID&order[ID]=DESC&start=-1"
    rows = requests.get(f"{base}/crm.deal.list.json?{query}", timeout=10).json()["result"]
    assert rows and all(int(row["ID"]) > 5 and row["STAGE_SEMANTIC_ID"] == "S" for row in rows)
    assert [int(row["ID"]) for row in rows] == sorted((int(row["ID"]) for row in rows), reverse=True)
    some = call(vendors, "crm.deal.list", filter={"@ID": ["1", "2"]}).json()["result"]
    assert {row["ID"] for row in some} == {"1", "2"}
    middle = "2026-09-01T00:00:00+03:00"
    late = call(vendors, "crm.deal.list", filter={">=DATE_MODIFY": middle}, start=-1).json()["result"]
    assert late and all(row["DATE_MODIFY"] >= middle for row in late)


def test_history_is_text_as_recorded_or_numbers_as_documented(city: World, vendors: Simulators) -> None:
    row = call(vendors, "crm.stagehistory.list", entityTypeId=2).json()["result"]["items"][0]
    assert isinstance(row["ID"], str) and row["TYPE_ID"] == "1"
    with running_simulators(city, options={"bitrix24": BitrixOptions(history_as_text=False)}) as running:
        row = call(running, "crm.stagehistory.list", entityTypeId=2).json()["result"]["items"][0]
    assert isinstance(row["ID"], int) and row["TYPE_ID"] == 1


def test_the_second_funnel_has_prefixed_stages_and_an_old_stage_has_no_name(vendors: Simulators) -> None:
    names = {row["STATUS_ID"] for row in call(vendors, "crm.status.list").json()["result"]}
    history = bitrix_walk(vendors.endpoints["bitrix24"], "crm.stagehistory.list", entityTypeId=2)
    assert "C1:WON" in names and "WON" in names
    assert {row["STAGE_ID"] for row in history} - names


def test_dates_without_time_are_midnight_utc_in_the_portals_offset(vendors: Simulators) -> None:
    for row in call(vendors, "crm.deal.list").json()["result"]:
        assert row["CLOSEDATE"].endswith("T03:00:00+03:00")


def test_a_batch_answers_200_with_errors_inside_and_php_emptiness(vendors: Simulators) -> None:
    commands = {"ok": "crm.deal.list?filter[ID]=1&select[]=ID", "bad": "crm.no.such.method", "inner": "batch?halt=0"}
    answer = call(vendors, "batch", halt=0, cmd=commands)
    result = answer.json()["result"]
    assert answer.status_code == 200
    assert result["result"] == {"ok": [{"ID": "1"}]}
    assert result["result_error"]["inner"]["error"] == "ERROR_BATCH_METHOD_NOT_ALLOWED"
    assert result["result_error"]["bad"]["error"] == "ERROR_METHOD_NOT_FOUND"
    assert result["result_next"] == []  # an empty map is a list in PHP
    clean = call(vendors, "batch", halt=0, cmd={"ok": commands["ok"]}).json()["result"]
    assert clean["result_error"] == []
    many = call(vendors, "batch", cmd={f"c{number}": commands["ok"] for number in range(51)})
    assert (many.status_code, many.json()["error"]) == (400, "ERROR_BATCH_LENGTH_EXCEEDED")


def test_the_empty_batch_defect_can_be_switched_on(city: World) -> None:
    with running_simulators(city, options={"bitrix24": BitrixOptions(empty_batch=True)}) as running:
        assert call(running, "batch", cmd={"a": "crm.deal.list"}).json()["result"] == {"result": {}}


def test_the_bucket_overflows_and_drains(city: World) -> None:
    now = [0.0]
    with running_simulators(city, clock=lambda: now[0]) as running:
        assert {call(running, "profile").status_code for _ in range(50)} == {200}
        refused = call(running, "profile")
        now[0] += 1.0
        assert call(running, "profile").status_code == 200
    assert (refused.status_code, refused.json()["error"]) == (503, "QUERY_LIMIT_EXCEEDED")


def test_errors_have_the_vendors_envelope(city: World, vendors: Simulators) -> None:
    base = vendors.endpoints["bitrix24"]["base_url"]
    wrong = requests.post(base.replace("simulatedwebhookcode", "other") + "/crm.deal.list", timeout=10)
    assert (wrong.status_code, wrong.json()["error"]) == (403, "INVALID_CREDENTIALS")
    assert call(vendors, "crm.no.such").status_code == 404
    assert call(vendors, "crm.item.list", entityTypeId=99).json()["error"] == "NOT_FOUND"
    bad_filter = call(vendors, "crm.item.list", entityTypeId=2, filter={"NO_FIELD": 1})
    assert (bad_filter.status_code, bad_filter.json()["error"]) == (400, "INVALID_ARG_VALUE")
    with running_simulators(city, options={"bitrix24": BitrixOptions(may_read_deals=False)}) as running:
        denied = call(running, "crm.deal.list")
    assert (denied.status_code, denied.json()) == (400, {"error": "", "error_description": "Access denied."})


@pytest.mark.parametrize("method", ["crm.lead.list"])
def test_a_portal_without_leads_answers_with_an_empty_list(vendors: Simulators, method: str) -> None:
    assert call(vendors, method).json()["result"] == []


def test_users_have_the_managers_and_a_dismissed_looking_stamp(vendors: Simulators) -> None:
    users = call(vendors, "user.get").json()["result"]
    assert users[0]["TIMESTAMP_X"] == {} and all(user["ACTIVE"] is True for user in users)
    assert {f"bitrix24:{user['ID']}" for user in users[1:]} == {
        person.employee_id for person in vendors.world.employees if person.group == "managers"
    }


def test_a_deal_moves_to_another_funnel_and_another_vanishes(city: World) -> None:
    with running_simulators(city) as running:
        running.state("bitrix24").move_to_funnel(1, 1, city.now)
        running.state("bitrix24").delete_deal(2)
        rows = {row["ID"]: row for row in call(running, "crm.deal.list").json()["result"]}
        changed = call(running, "crm.deal.list", filter={">=DATE_MODIFY": city.now.isoformat()}).json()["result"]
        query = {"entityTypeId": 2, "filter": {"TYPE_ID": 5}}
        moved = call(running, "crm.stagehistory.list", **query).json()["result"]["items"]
    assert rows["1"]["STAGE_ID"] == "C1:NEW" and "2" not in rows
    assert [row["ID"] for row in changed] == ["1"]
    assert [(row["OWNER_ID"], row["CATEGORY_ID"]) for row in moved] == [("1", "1")]
