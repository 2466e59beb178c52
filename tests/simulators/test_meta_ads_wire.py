"""Meta speaks as documented: reports with a status, pages with cursors, numbers as texts, errors in HTTP 400."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from simulators.meta_ads.state import MetaOptions
from simulators.running import Simulators, running_simulators
from simulators.world import World

ACCOUNT = "act_100000000000001"
FIELDS = "account_id,account_currency,campaign_id,ad_id,spend,impressions,clicks"


def call(running: Simulators, method: str, path: str, **more: Any) -> requests.Response:  # noqa: ANN401
    endpoint = running["meta_ads"]
    headers = {"Authorization": f"Bearer {endpoint['token']}"}
    return requests.request(
        method, f"{endpoint['base_url']}/v26.0/{path}", timeout=10, **{"headers": headers, **more}
    )


def make(running: Simulators, since: str = "2026-08-01", until: str = "2026-08-07", **change: str) -> requests.Response:
    form = {"level": "ad", "time_increment": "1", "fields": FIELDS,
            "time_range": json.dumps({"since": since, "until": until})} | change  # fmt: skip
    return call(running, "POST", f"{ACCOUNT}/insights", data=form)


def test_a_report_is_made_looked_at_until_done_and_read_by_cursor(city: World) -> None:
    options = MetaOptions(polls=3, page_rows=5)
    with running_simulators(city, options={"meta_ads": options}) as running:
        run = make(running).json()["report_run_id"]
        states = [call(running, "GET", run).json()["async_status"] for _ in range(3)]
        first = call(running, "GET", f"{run}/insights?limit=100").json()
        after = first["paging"]["cursors"]["after"]
        second = call(running, "GET", f"{run}/insights?limit=100&after={after}").json()
    assert states == ["Job Not Started", "Job Running", "Job Completed"]
    assert (len(first["data"]), "next" in first["paging"]) == (5, True)
    assert first["data"][-1] not in second["data"]
    row = first["data"][0]
    assert all(isinstance(value, str) for value in row.values())
    assert row["account_currency"] == "USD" and row["date_start"] == row["date_stop"]


@pytest.mark.parametrize("last_cursors", [True, False])
def test_the_last_page_has_no_next_whatever_its_cursors_say(city: World, last_cursors: bool) -> None:
    options = MetaOptions(polls=1, page_rows=1000, last_cursors=last_cursors)
    with running_simulators(city, options={"meta_ads": options}) as running:
        run = make(running).json()["report_run_id"]
        page = call(running, "GET", f"{run}/insights?limit=1000").json()
    assert "next" not in page.get("paging", {})
    assert ("paging" in page) is last_cursors


def test_a_report_may_be_unseen_or_fail(city: World) -> None:
    with running_simulators(city, options={"meta_ads": MetaOptions(polls=1, unseen=1, failing=1)}) as running:
        run = make(running).json()["report_run_id"]
        unseen, failed = call(running, "GET", run), call(running, "GET", run)
    error = unseen.json()["error"]
    assert (unseen.status_code, error["code"], error["error_subcode"]) == (400, 100, 33)
    assert failed.json()["async_status"] == "Job Failed"


def test_mistakes_are_error_100_and_a_wrong_token_is_190(vendors: Simulators) -> None:
    for answer in (
        make(vendors, fields="luck"), make(vendors, since="2026-08-09"), make(vendors, since="2020-01-01"),
        call(vendors, "GET", "act_1"), call(vendors, "GET", "1"),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)
    refused = call(vendors, "GET", ACCOUNT, headers={"Authorization": "Bearer wrong"})
    assert refused.json()["error"]["code"] == 190


def test_every_answer_tells_how_much_of_the_limits_is_used(vendors: Simulators) -> None:
    answer = call(vendors, "GET", f"{ACCOUNT}?fields=currency,timezone_name")
    assert answer.json() == {"currency": "USD", "timezone_name": "Europe/Moscow", "id": ACCOUNT}
    usage = json.loads(answer.headers["x-business-use-case-usage"])
    assert next(iter(usage.values()))[0]["call_count"] == 12
