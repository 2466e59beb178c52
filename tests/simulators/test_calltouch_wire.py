"""Calltouch speaks as documented: two shapes, two date formats, markers of absence, clocks without AM/PM."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import requests

from simulators.calltouch.state import CalltouchOptions
from simulators.running import Simulators, running_simulators
from simulators.world import World

UTC3 = timezone(timedelta(hours=3))


def diary(running: Simulators, site: str = "11001", **query: str) -> requests.Response:
    endpoint = running.endpoints["calltouch"]
    address = f"{endpoint['base_url']}/calls-service/RestAPI/{site}/calls-diary/calls"
    return requests.get(address, {"clientApiId": endpoint["token"], **query}, timeout=10, allow_redirects=False)


def journal(running: Simulators, **query: str) -> requests.Response:
    endpoint = running.endpoints["calltouch"]
    address = f"{endpoint['base_url']}/calls-service/RestAPI/requests"
    return requests.get(address, {"clientApiId": endpoint["token"], **query}, timeout=10, allow_redirects=False)


def all_calls(running: Simulators, **query: str) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = diary(
        running, dateFrom="01/08/2026", dateTo="29/09/2026", page="1", limit="1000", **query
    ).json()["records"]
    return records


def test_one_day_without_paging_is_a_bare_array_and_more_days_are_refused(vendors: Simulators) -> None:
    one = diary(vendors, dateFrom="03/08/2026", dateTo="03/08/2026")
    assert one.status_code == 200 and isinstance(one.json(), list) and one.json()
    assert diary(vendors, dateFrom="03/08/2026", dateTo="04/08/2026").status_code == 400


def test_pages_start_at_one_and_their_total_ends_the_loop(vendors: Simulators) -> None:
    query = {"dateFrom": "01/08/2026", "dateTo": "31/08/2026", "limit": "50"}
    first = diary(vendors, page="1", **query).json()
    assert set(first) == {"page", "pageTotal", "pageSize", "recordsTotal", "records"}
    ids = [row["callId"] for page in range(1, first["pageTotal"] + 1)
           for row in diary(vendors, page=str(page), **query).json()["records"]]  # fmt: skip
    assert len(ids) == len(set(ids)) == first["recordsTotal"]
    assert diary(vendors, page=str(first["pageTotal"] + 1), **query).json()["records"] == []


@pytest.mark.parametrize("total", [0, 1])
def test_an_empty_period_has_either_reading_of_its_page_total(city: World, total: Any) -> None:  # noqa: ANN401
    options = {"calltouch": CalltouchOptions(empty_page_total=total)}
    with running_simulators(city, options=options) as running:
        answer = diary(running, dateFrom="01/01/2020", dateTo="01/02/2020", page="1", limit="100").json()
    assert (answer["pageTotal"], answer["records"]) == (total, [])


@pytest.mark.parametrize(
    "query",
    [
        {"dateFrom": "2026-08-01", "dateTo": "2026-08-02"},
        {"dateFrom": "02/08/2026", "dateTo": "01/08/2026"},
        {"dateFrom": "01/01/2026", "dateTo": "01/08/2026"},
        {"dateFrom": "01/08/2026"},
        {"dateFrom": "01/08/2026", "dateTo": "02/08/2026", "page": "0"},
        {"dateFrom": "01/08/2026", "dateTo": "02/08/2026", "limit": "1001"},
    ],
)
def test_wrong_periods_and_pages_are_refused(vendors: Simulators, query: dict[str, str]) -> None:
    assert diary(vendors, **({"page": "1", "limit": "10"} | query)).status_code == 400


def test_the_timestamp_is_utc_and_the_date_is_the_same_instant_at_utc_plus_three(vendors: Simulators) -> None:
    for call in all_calls(vendors):
        printed = datetime.strptime(call["date"], "%d/%m/%Y %H:%M:%S").replace(tzinfo=UTC3)
        assert printed == datetime.fromtimestamp(call["timestamp"], UTC)


def test_the_call_prints_its_session_on_a_twelve_hour_clock(vendors: Simulators) -> None:
    hours = {int(call["sessionDate"][11:13]) for call in all_calls(vendors) if call["sessionDate"]}
    assert max(hours) == 12 and min(hours) >= 1


def test_blocks_that_were_not_asked_for_are_null_not_absent(vendors: Simulators) -> None:
    plain, full = (
        all_calls(vendors),
        all_calls(vendors, withCallTags="true", withMapVisits="true", withYandexDirect="true"),
    )
    assert all(call["callTags"] is call["mapVisits"] is call["yandexDirect"] is None for call in plain)
    assert any(call["mapVisits"] for call in full) and any(call["yandexDirect"] for call in full)
    assert plain[0].keys() == full[0].keys()


def test_a_static_number_has_no_session_and_repeats_itself_as_source(vendors: Simulators) -> None:
    static = [call for call in all_calls(vendors) if call["medium"] == "offline"]
    assert static
    for call in static:
        assert call["source"] == call["utmSource"] == call["utmCampaign"] == call["phoneNumber"]
        assert call["utmTerm"] == "<не заполнено>"
        assert call["sessionId"] is call["url"] is call["yaClientId"] is call["hostname"] is None


def test_strange_values_of_real_rows_occur(vendors: Simulators) -> None:
    calls = all_calls(vendors)
    assert any(call["duration"] < 0 and call["successful"] for call in calls)
    assert any(call["ctClientId"] and call["ctClientId"] > 2**53 for call in calls)
    assert any(call["utmSource"] == "<не указано>" for call in calls)
    assert all(call["callerNumber"].isdigit() and len(call["callerNumber"]) == 11 for call in calls)


def test_requests_count_in_milliseconds_and_read_months_first(vendors: Simulators) -> None:
    made = journal(vendors, siteId="11001", dateFrom="08/01/2026", dateTo="08/31/2026").json()
    assert made and all(row["date"] > 10**12 and row["RequestTags"] is None for row in made)
    assert journal(vendors, siteId="11001", dateFrom="31/08/2026", dateTo="31/08/2026").status_code == 400
    assert journal(vendors, dateFrom="08/01/2026", dateTo="08/02/2026").status_code == 400


def test_requests_without_a_site_cover_every_site_in_the_old_reading(city: World) -> None:
    with running_simulators(city, options={"calltouch": CalltouchOptions(site_required=False)}) as running:
        made = journal(running, dateFrom="08/01/2026", dateTo="08/31/2026").json()
    assert {row["siteId"] for row in made} == {11001, 11002}


def test_tokens_sites_and_unknown_addresses(vendors: Simulators) -> None:
    base = vendors.endpoints["calltouch"]["base_url"]
    query = {"dateFrom": "01/08/2026", "dateTo": "01/08/2026"}
    assert diary(vendors, clientApiId="wrong", **query).status_code == 401
    assert diary(vendors, site="99", **query).status_code == 403
    lost = requests.get(f"{base}/account-api/v1/sites", timeout=10, allow_redirects=False)
    assert lost.status_code == 302 and "html" in lost.headers["Content-Type"]


def test_an_old_call_is_tagged_reattributed_or_deleted_without_a_sign(city: World) -> None:
    with running_simulators(city) as running:
        first, second = all_calls(running, withCallTags="true")[:2]
        running.state("calltouch").add_tag(first["callId"], "vip")
        running.state("calltouch").edit(first["callId"], source="google", medium="organic")
        running.state("calltouch").delete(second["callId"])
        again = all_calls(running, withCallTags="true")
    assert (again[0]["source"], again[0]["medium"]) == ("google", "organic")
    assert again[0]["callTags"][-1]["names"][-1] == "vip"
    assert second["callId"] not in {call["callId"] for call in again}
