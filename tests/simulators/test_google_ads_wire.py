"""Google Ads speaks as documented: tokens, arrays of batches, whole numbers as texts, errors in arrays."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from simulators.google_ads.state import GoogleAdsOptions
from simulators.running import Simulators, running_simulators
from simulators.world import World

CUSTOMER = "7000000001"
SPEND = (
    "SELECT segments.date, campaign.id, campaign.name, metrics.cost_micros, metrics.clicks, customer.currency_code"
    " FROM campaign WHERE segments.date BETWEEN '2026-08-01' AND '2026-08-07' ORDER BY segments.date ASC"
)


def token(running: Simulators, **change: str) -> requests.Response:
    endpoint = running["google_ads"]
    settings = endpoint["settings"]
    form = {"grant_type": "refresh_token", "client_id": settings["client_id"], "refresh_token": endpoint["token"],
            "client_secret": settings["client_secret"]} | change  # fmt: skip
    return requests.post(settings["token_url"], data=form, timeout=10)


def ask(running: Simulators, query: str = SPEND, customer: str = CUSTOMER, **headers: str) -> requests.Response:
    given = {"Authorization": f"Bearer {token(running).json()['access_token']}"} | headers
    url = f"{running['google_ads']['base_url']}/v26/customers/{customer}/googleAds:searchStream"
    return requests.post(url, json={"query": query}, headers=given, timeout=10)


def code(answer: requests.Response) -> tuple[int, str]:
    body: Any = answer.json()
    error = (body[0] if isinstance(body, list) else body)["error"]
    assert error["code"] == answer.status_code
    return answer.status_code, next(iter(error["details"][0]["errors"][0]["errorCode"].values()))


def test_a_token_is_given_for_the_right_words_only(vendors: Simulators) -> None:
    good = token(vendors).json()
    assert set(good) == {"access_token", "expires_in", "token_type"}
    assert token(vendors, refresh_token="old").status_code == 400
    assert token(vendors, client_secret="no").status_code == 401
    assert code(ask(vendors, Authorization="Bearer invented")) == (401, "OAUTH_TOKEN_EXPIRED")


def test_an_answer_is_an_array_of_batches_with_whole_numbers_as_texts(vendors: Simulators) -> None:
    batches = ask(vendors).json()
    row = batches[0]["results"][0]
    assert set(row) == {"segments", "campaign", "metrics", "customer"}
    assert row["campaign"]["resourceName"] == f"customers/{CUSTOMER}/campaigns/{row['campaign']['id']}"
    assert row["metrics"]["costMicros"].isdigit() and row["customer"]["currencyCode"] == "RUB"
    bare = ask(vendors, f"{SPEND} PARAMETERS omit_unselected_resource_names=true").json()[0]["results"][0]
    assert "resourceName" not in bare["campaign"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (SPEND.replace("metrics.clicks", "metrics.luck"), "UNRECOGNIZED_FIELD"),
        (SPEND.replace("2026-08-07", "2026-07-01"), "START_DATE_AFTER_END_DATE"),
        (SPEND.replace("2026-08-07", "August"), "INVALID_DATE"),
        (SPEND.replace("2026-08-01", "2020-01-01"), "REQUESTED_DATE_GRANULARITY_NOT_SUPPORTED"),
        ("give me everything", "BAD_QUERY"),
    ],
)
def test_a_wrong_query_is_refused_by_its_code(vendors: Simulators, query: str, expected: str) -> None:
    assert code(ask(vendors, query)) == (400, expected)


def test_accounts_are_refused_apart(city: World) -> None:
    with running_simulators(city) as running:
        running.state("google_ads").disabled.add(CUSTOMER)
        assert code(ask(running)) == (403, "CUSTOMER_NOT_ENABLED")
        assert code(ask(running, customer="1111111111")) == (403, "USER_PERMISSION_DENIED")
        assert ask(running, customer="7000000002").status_code == 200
        assert code(ask(running, **{"login-customer-id": "111-222-3333"})) == (400, "INVALID_CUSTOMER_ID")


@pytest.mark.parametrize(("nothing", "body"), [("empty_results", [{"results": []}]), ("empty_array", [])])
def test_nothing_may_be_said_in_two_ways(city: World, nothing: Any, body: list[Any]) -> None:  # noqa: ANN401
    quiet = SPEND.replace("2026-08-01", "2025-01-01").replace("2026-08-07", "2025-01-02")
    with running_simulators(city, options={"google_ads": GoogleAdsOptions(nothing=nothing)}) as running:
        assert ask(running, quiet).json() == body
