"""VK Реклама speaks as documented: tokens that are counted, lists of 20, statistics v2 and v3 with their limits."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest

from simulators.http import Request, Response
from simulators.vk_ads import CLIENT_ID, CLIENT_SECRET, make
from simulators.vk_ads.routes import VkAds
from simulators.vk_ads.state import Plan, PlanDay, VkOptions, VkState
from simulators.world import World

TODAY = date(2026, 8, 31)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def vendor(options: VkOptions | None = None, plans: int = 25, clock: Clock | None = None) -> VkAds:
    listed = [Plan(6_617_841 + 10 * number, f"plan {number}") for number in range(plans)]
    days = {(plan.plan_id, TODAY): PlanDay(100, 2, Decimal("12.50")) for plan in listed}
    return VkAds(VkState(CLIENT_ID, CLIENT_SECRET, listed, days, TODAY, options or VkOptions(), clock or Clock()))


def ask(vk: VkAds, path: str, token: str = "", **query: object) -> Response:
    pairs = tuple((name, str(value)) for name, value in query.items())
    return vk.handle(Request("GET", path, pairs, {"authorization": f"Bearer {token}"}, b""))


def post(vk: VkAds, path: str = "/api/v2/oauth2/token.json", **form: str) -> Response:
    whole = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, **form}
    return vk.handle(Request("POST", path, (), {}, urlencode(whole).encode()))


def token(vk: VkAds) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(post(vk, grant_type="client_credentials").body)
    return told


def code(answer: Response) -> tuple[int, str]:
    told = json.loads(answer.body)
    return answer.status, told["error"]["code"] if "error" in told else told["code"]


def test_a_token_lives_a_day_and_says_so_in_text() -> None:
    clock = Clock()
    vk = vendor(clock=clock)
    told = token(vk)
    assert set(told) == {"access_token", "token_type", "scope", "expires_in", "refresh_token"}
    assert (told["token_type"], told["expires_in"]) == ("bearer", "86400")
    assert ask(vk, "/api/v2/ad_plans.json", told["access_token"]).status == 200
    clock.now += 86_401
    answer = ask(vk, "/api/v2/ad_plans.json", told["access_token"])
    assert code(answer) == (401, "expired_token")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api", error="expired_token"'


def test_the_sixth_token_of_a_user_is_refused_until_they_are_deleted_and_a_refresh_kills_the_old_value() -> None:
    vk = vendor()
    given = [token(vk) for _ in range(5)]
    assert post(vk, grant_type="client_credentials").status == 403
    assert post(vk, grant_type="agency_client_credentials", agency_client_name="other").status == 200
    renewed = json.loads(post(vk, grant_type="refresh_token", refresh_token=given[0]["refresh_token"]).body)
    assert code(ask(vk, "/api/v2/user.json", given[0]["access_token"])) == (401, "invalid_token")
    assert ask(vk, "/api/v2/user.json", renewed["access_token"]).status == 200
    assert post(vk, "/api/v2/oauth2/token/delete.json").status == 400
    assert post(vk, "/api/v2/oauth2/token/delete.json", user_id="1").status == 204
    assert post(vk, grant_type="client_credentials").status == 200
    assert code(post(vk, client_secret="wrong", grant_type="client_credentials")) == (401, "invalid_client")


def test_a_list_gives_twenty_rows_unless_more_are_asked_for_and_never_more_than_250() -> None:
    vk = vendor()
    key = token(vk)["access_token"]
    told = json.loads(ask(vk, "/api/v2/ad_plans.json", key).body)
    assert (told["count"], told["offset"], len(told["items"])) == (25, 0, 20)
    assert told["items"][0] == {"id": 6617841, "name": "plan 0"}
    rest = json.loads(ask(vk, "/api/v2/ad_plans.json", key, limit=250, offset=20, fields="id,status").body)
    assert [set(item) for item in rest["items"]] == [{"id", "status"}] * 5
    assert code(ask(vk, "/api/v2/ad_plans.json", key, limit=251)) == (400, "ERR_LIMIT_EXCEEDED")


def test_statistics_v2_tell_days_with_money_as_text_and_totals_beside() -> None:
    vk = vendor()
    key = token(vk)["access_token"]
    path = "/api/v2/statistics/ad_plans/day.json"
    told = json.loads(ask(vk, path, key, id="6617841,6617851", date_from=TODAY - timedelta(1), date_to=TODAY,
                          metrics="base").body)  # fmt: skip
    rows = told["items"][0]["rows"]
    assert [row["date"] for row in rows] == ["2026-08-30", "2026-08-31"]
    assert (rows[0]["base"]["spent"], rows[1]["base"]["spent"], rows[1]["base"]["cpc"]) == ("0", "12.5", "6.25")
    assert (told["items"][0]["total"]["base"]["clicks"], told["total"]["base"]["clicks"]) == (2, 4)


@pytest.mark.parametrize(
    ("query", "refusal"),
    [
        ({"date_from": TODAY}, "ERR_WRONG_PARAMETER"),
        ({"id": "6617841", "date_from": "31.08.2026"}, "ERR_WRONG_DATE"),
        ({"id": "6617841", "date_from": TODAY - timedelta(367), "date_to": TODAY}, "ERR_LIMIT_EXCEEDED"),
        ({"id": ",".join(["6617841"] * 201), "date_from": TODAY}, "ERR_LIMIT_EXCEEDED"),
        ({"id": "6617841,1", "date_from": TODAY}, "ERR_WRONG_ADPLANS"),
    ],
)
def test_statistics_v2_refuse_the_whole_request(query: dict[str, object], refusal: str) -> None:
    vk = vendor()
    assert code(ask(vk, "/api/v2/statistics/ad_plans/day.json", token(vk)["access_token"], **query)) == (400, refusal)


def test_statistics_v3_need_no_ids_give_twenty_and_may_tell_sums_only() -> None:
    for days_told in (False, True):
        vk = vendor(VkOptions(v3_rows=days_told))
        told = json.loads(ask(vk, "/api/v3/statistics/ad_plans/day.json", token(vk)["access_token"],
                              date_from=TODAY, fields="base").body)  # fmt: skip
        assert (told["limit"], told["count"], len(told["items"])) == (20, 25, 20)
        assert ("rows" in told["items"][0]) is days_told
        assert told["items"][0]["total"]["base"]["spent"] == "12.5"


def test_every_answer_says_what_is_left_and_the_request_over_the_limit_is_429() -> None:
    clock = Clock()
    vk = vendor(VkOptions(rps=2), clock=clock)
    key = token(vk)["access_token"]
    answers = [ask(vk, "/api/v2/user.json", key) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert [answer.headers["X-RateLimit-RPS-Remaining"] for answer in answers] == ["1", "0", "0"]
    clock.now += 1
    assert ask(vk, "/api/v2/user.json", key).status == 200


def test_the_vendor_of_the_city_tells_the_citys_money(city: World) -> None:
    vk = make(city, VkOptions(limits=False), Clock())
    key = token(vk)["access_token"]
    ids = ",".join(str(plan) for plan in vk.state.plans)
    told = json.loads(ask(vk, "/api/v2/statistics/ad_plans/day.json", key, id=ids, date_from=city.date_from,
                          date_to=city.date_to).body)  # fmt: skip
    campaigns = {campaign.campaign_id for campaign in city.campaigns if campaign.platform == "vk_ads"}
    spent = sum((ad.cost for ad in city.ad_days if ad.campaign_id in campaigns), Decimal(0))
    assert Decimal(told["total"]["base"]["spent"]) == spent > 0
