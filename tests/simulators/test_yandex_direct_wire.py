"""Yandex.Direct speaks as documented: the queue of reports, TSV with its switches, errors inside 400."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import requests

from simulators.faults import Fault
from simulators.running import Simulators, running_simulators
from simulators.world import World
from simulators.yandex_direct.routes import error_response
from simulators.yandex_direct.state import DirectOptions
from tests.simulators.reading import direct_report

FIRST, LAST = date(2026, 8, 1), date(2026, 8, 7)
ONLINE = {"processingMode": "online"}
LOGIN = "chairside-c1"


def ask(running: Simulators, name: str = "report", login: str = LOGIN, **change: Any) -> requests.Response:  # noqa: ANN401
    return direct_report(running.endpoints["yandex_direct"], login, FIRST, LAST, name=name, **change)


def code(answer: requests.Response) -> int:
    error: dict[str, Any] = answer.json()["error"]
    assert set(error) == {"request_id", "error_code", "error_string", "error_detail"}
    assert answer.headers["RequestId"] == error["request_id"]
    return int(error["error_code"])


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_an_offline_report_is_queued_then_built_then_read(city: World) -> None:
    with running_simulators(city) as running:
        queued, building, ready, again = (ask(running, headers={"processingMode": "offline"}) for _ in range(4))
    assert [answer.status_code for answer in (queued, building, ready, again)] == [201, 202, 200, 200]
    assert (queued.text, queued.headers["retryIn"], queued.headers["reportsInQueue"]) == ("", "1", "1")
    assert ready.headers["reportsInQueue"] == "0"
    assert ready.headers["Content-Type"] == "text/tab-separated-values; charset=utf-8"
    assert ready.text == again.text


def test_a_finished_report_is_forgotten_after_five_hours(city: World) -> None:
    clock = Clock()
    with running_simulators(city, clock=clock) as running:
        assert [ask(running).status_code for _ in range(3)] == [201, 202, 200]
        clock.now += 5 * 3600 + 1
        assert ask(running).status_code == 201


def test_a_reused_name_with_other_parameters_is_an_error_that_no_retry_helps(city: World) -> None:
    with running_simulators(city) as running:
        ask(running, name="one")
        assert code(ask(running, name="one", IncludeVAT="NO")) == 4000


def test_the_sixth_report_in_the_queue_is_refused_with_9000(city: World) -> None:
    with running_simulators(city) as running:
        assert [ask(running, name=f"report {number}").status_code for number in range(5)] == [201] * 5
        sixth = ask(running, name="report 6")
    assert (sixth.status_code, code(sixth)) == (400, 9000)


def test_the_twenty_first_request_in_ten_seconds_is_refused_with_56(city: World) -> None:
    clock = Clock()
    with running_simulators(city, clock=clock) as running:
        answers = [ask(running, headers=ONLINE).status_code for _ in range(20)]
        last = ask(running, headers=ONLINE)
        clock.now += 10.1
        after = ask(running, headers=ONLINE)
    assert (set(answers), last.status_code, code(last), after.status_code) == ({200}, 400, 56, 200)


@pytest.mark.parametrize("retry_in", [None, "soon"])
def test_the_wait_may_be_missing_or_junk(city: World, retry_in: str | None) -> None:
    with running_simulators(city, options={"yandex_direct": DirectOptions(retry_in=retry_in)}) as running:
        assert ask(running).headers.get("retryIn") == retry_in


def test_every_line_of_the_body_can_be_switched_off(vendors: Simulators) -> None:
    full = ask(vendors, headers=ONLINE | {"skipReportHeader": "false", "skipReportSummary": "false"}).text.splitlines()
    bare = ask(vendors, headers=ONLINE | {"skipColumnHeader": "true"}).text.splitlines()
    assert full[0] == '"report (2026-08-01 - 2026-08-07)"'
    assert full[1] == "Date\tCampaignId\tCampaignName\tImpressions\tClicks\tCost"
    assert full[-1] == f"Total rows: {len(bare)}"
    assert full[2:-1] == bare


def test_money_is_in_micros_unless_decimals_are_asked_for(vendors: Simulators) -> None:
    micros = ask(vendors, headers=ONLINE).text.splitlines()[1].split("\t")[-1]
    money = ask(vendors, headers=ONLINE | {"returnMoneyInMicros": "false"}).text.splitlines()[1].split("\t")[-1]
    assert micros.isdigit() and Decimal(micros) / 1_000_000 == Decimal(money)
    assert money[-3] == "."


def test_vat_changes_the_cost(vendors: Simulators) -> None:
    with_vat, without = (
        [Decimal(line.split("\t")[-1]) for line in ask(vendors, headers=ONLINE, IncludeVAT=vat).text.splitlines()[1:]]
        for vat in ("YES", "NO")
    )
    for gross, net in zip(with_vat, without, strict=True):
        assert abs(gross - net * Decimal("1.22")) <= 20_000 * 2  # kopecks of two ads


def test_ads_of_a_campaign_add_up_to_it(vendors: Simulators) -> None:
    fields = ["Date", "CampaignId", "AdId", "Cost"]
    by_ad = ask(vendors, headers=ONLINE, ReportType="AD_PERFORMANCE_REPORT", FieldNames=fields).text.splitlines()[1:]
    by_campaign = ask(vendors, headers=ONLINE).text.splitlines()[1:]
    assert len(by_ad) > len(by_campaign)
    assert sum(int(line.split("\t")[-1]) for line in by_ad) == sum(int(line.split("\t")[-1]) for line in by_campaign)


def test_missing_values_are_two_dashes_and_an_empty_report_is_its_header(vendors: Simulators) -> None:
    fields = ["Date", "Clicks", "Conversions", "Device"]
    assert ask(vendors, headers=ONLINE, FieldNames=fields).text.splitlines()[1].split("\t")[2:] == ["--", "--"]
    old = {"DateFrom": "2020-01-01", "DateTo": "2020-01-02"}
    empty = ask(vendors, headers=ONLINE, SelectionCriteria=old, FieldNames=["CampaignId", "Cost"])
    assert (empty.status_code, empty.text) == (200, "CampaignId\tCost\n")


def test_a_filter_keeps_only_its_campaigns(vendors: Simulators) -> None:
    chosen = {"Field": "CampaignId", "Operator": "IN", "Values": ["700010010"]}
    criteria = {"DateFrom": "2026-08-01", "DateTo": "2026-08-07", "Filter": [chosen]}
    lines = ask(vendors, headers=ONLINE, SelectionCriteria=criteria).text.splitlines()[1:]
    assert {line.split("\t")[1] for line in lines} == {"700010010"}


@pytest.mark.parametrize(
    "change",
    [
        {"FieldNames": ["Date", "AdId"]},
        {"FieldNames": ["Date", "Month"]},
        {"FieldNames": []},
        {"ReportType": "NO_SUCH_REPORT"},
        {"DateRangeType": "YESTERDAY"},
        {"SelectionCriteria": {"DateFrom": "2026-08-01"}},
        {"Format": "XML"},
    ],
)
def test_a_wrong_definition_is_error_8000(vendors: Simulators, change: dict[str, Any]) -> None:
    answer = ask(vendors, headers=ONLINE, **change)
    assert (answer.status_code, code(answer)) == (400, 8000)


def test_tokens_logins_and_a_method_key(vendors: Simulators) -> None:
    base = vendors.endpoints["yandex_direct"]["base_url"]
    token = {"Authorization": f"Bearer {vendors.endpoints['yandex_direct']['token']}", "Client-Login": LOGIN}
    assert code(ask(vendors, headers={"Authorization": "Bearer wrong"})) == 53
    assert code(ask(vendors, login="stranger")) == 54
    with_method = requests.post(
        f"{base}/json/v5/reports", json={"method": "get", "params": {}}, headers=token, timeout=10
    )
    assert code(with_method) == 8000
    elsewhere = requests.post(f"{base}/json/v5/campaigns", json={"params": {}}, timeout=10)
    assert (elsewhere.status_code, code(elsewhere)) == (200, 53)  # other services put errors into 200


def test_currency_and_campaigns_are_asked_elsewhere(vendors: Simulators) -> None:
    base = vendors.endpoints["yandex_direct"]["base_url"]
    headers = {"Authorization": f"Bearer {vendors.endpoints['yandex_direct']['token']}", "Client-Login": LOGIN}
    clients = {"method": "get", "params": {"FieldNames": ["Login", "Currency"]}}
    found = requests.post(f"{base}/json/v5/clients", json=clients, headers=headers, timeout=10).json()
    assert found == {"result": {"Clients": [{"Login": LOGIN, "Currency": "RUB"}]}}
    campaigns = {"method": "get", "params": {"SelectionCriteria": {}, "FieldNames": ["Id", "Name"]}}
    listed = requests.post(f"{base}/json/v5/campaigns", json=campaigns, headers=headers, timeout=10).json()
    assert {"Id": 700010010, "Name": "therapy-c1"} in listed["result"]["Campaigns"]


def test_a_correction_lowers_a_past_day_or_takes_it_away_and_is_announced(city: World) -> None:
    with running_simulators(city) as running:
        before = ask(running, headers=ONLINE).text
        running.state("yandex_direct").correct(700010010, FIRST, Decimal(1))
        running.state("yandex_direct").rename(700010020, "hygiene-new-name")
        after = ask(running, headers=ONLINE).text
        base = running.endpoints["yandex_direct"]["base_url"]
        headers = {"Authorization": f"Bearer {running.endpoints['yandex_direct']['token']}", "Client-Login": LOGIN}
        body = {"method": "check", "params": {"CampaignIds": [700010010], "FieldNames": ["CampaignsStat"]}}
        changes = requests.post(f"{base}/json/v5/changes", json=body, headers=headers, timeout=10).json()["result"]
    assert "2026-08-01\t700010010" in before and "2026-08-01\t700010010" not in after
    assert "hygiene-new-name" in after and "hygiene-c1" not in after
    assert changes["Modified"]["CampaignsStat"] == [{"CampaignId": 700010010, "BorderDate": "2026-08-01"}]


def test_spent_points_are_a_refusal_that_time_heals(city: World) -> None:
    faults = [Fault("answer", "yandex_direct", response=error_response(152))]
    with running_simulators(city, faults=faults) as running:
        refused, accepted = ask(running), ask(running)
    assert (refused.status_code, code(refused), accepted.status_code) == (400, 152, 201)
