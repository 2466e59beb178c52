"""Google Ads: tokens that end, answers in batches with errors behind them, accounts that are not what they were."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

import pytest

from extractors.core.errors import ChairsideError, ConfigError, GuardError, PayloadError, RejectedError, TransientError
from extractors.run import LoadResult
from simulators.google_ads.routes import error_body
from tests.extractors.vendor_server import Asked, Reply, Vendor

Load = Callable[..., LoadResult]
Rows = Callable[..., list[tuple[Any, ...]]]
ACCOUNT = "1234567890"
WINDOW = ("google_ads", "ad_performance", "2026-06-01", "2026-06-02")
OWN = {"id": ACCOUNT, "currencyCode": "RUB", "timeZone": "Europe/Moscow"}
LANDED = (
    "select report_date, campaign_id, impressions, clicks, cost from staging.google_ads__ad_performance order by 1, 2"
)


def row(day: int = 1, campaign: str = "9007199254740993", **metrics: Any) -> dict[str, Any]:  # noqa: ANN401
    numbers = {"costMicros": "123450000", "clicks": "7", "impressions": "100"} | metrics
    return {
        "segments": {"date": f"2026-06-{day:02d}"},
        "campaign": {"id": campaign, "name": "implants", "status": "ENABLED", "advertisingChannelType": "SEARCH"},
        "metrics": numbers,
        "customer": dict(OWN),
    }


def batches(*rows: dict[str, Any]) -> Reply:
    """Each row in a batch of its own."""
    return Reply([{"results": [one], "fieldMask": "x", "requestId": "r"} for one in rows])


def refused(status: int, kind: str, code: str, headers: dict[str, str] | None = None, **more: Any) -> Reply:  # noqa: ANN401
    return Reply([error_body(status, kind, code, **more)], status, headers or {})


@dataclass
class Google:
    """Answers tokens and questions about the account; questions about spend in turn, the last for ever."""

    spend: list[Reply]
    own: dict[str, Any] = field(default_factory=lambda: dict(OWN))
    tokens: int = 0
    asked: list[Asked] = field(default_factory=list)

    def play(self, asked: Asked) -> Reply:
        if asked.path == "/token":
            self.tokens += 1
            return Reply({"access_token": f"access-{self.tokens}", "expires_in": 3600, "token_type": "Bearer"})
        if "FROM customer" in asked.json["query"]:
            return Reply([{"results": [{"customer": self.own}]}])
        self.asked.append(asked)
        return self.spend.pop(0) if len(self.spend) > 1 else self.spend[0]


def google(vendor: Vendor, *spend: Reply, **own: Any) -> Google:  # noqa: ANN401
    script = Google(list(spend), dict(OWN) | own)
    vendor.play = script.play
    return script


@pytest.fixture
def fetch(load: Load, vendor: Vendor) -> Load:
    def run(**settings: object) -> LoadResult:
        given = {"customers": {ACCOUNT: "C1"}, "client_id": "client", "client_secret": "client-secret-1",
                 "token_url": f"{vendor.url}/token"}  # fmt: skip
        return load(*WINDOW, **{**given, **settings})

    return run


def test_batches_become_rows_with_exact_money_and_a_zero_that_was_left_out_is_zero(
    fetch: Load, vendor: Vendor, rows: Rows
) -> None:
    quiet = row(2, impressions="50")
    del quiet["metrics"]["clicks"], quiet["metrics"]["costMicros"]
    script = google(vendor, batches(row(1, costMicros="1"), quiet))
    result = fetch(include_vat=True, login_customer_id="111-222-3333", developer_token="developer-1")
    assert (result.rows_read, result.rows_written, result.unknown_fields) == (2, 2, ())
    assert rows(LANDED) == [
        (date(2026, 6, 1), "9007199254740993", 100, 7, Decimal("0.000001")),
        (date(2026, 6, 2), "9007199254740993", 50, 0, Decimal("0")),
    ]
    assert rows("select distinct customer_id, utm_campaign, currency, account_time_zone, includes_vat, clinic_id"
                " from staging.google_ads__ad_performance") == [
        (ACCOUNT, "implants", "RUB", "Europe/Moscow", True, "C1")
    ]
    headers = {name.lower(): value for name, value in script.asked[0].headers.items()}
    assert (headers["login-customer-id"], headers["developer-token"]) == ("1112223333", "developer-1")
    assert "BETWEEN '2026-06-01' AND '2026-06-02'" in script.asked[0].json["query"]


def test_the_campaigns_number_and_its_own_clinic_can_be_asked_for(fetch: Load, vendor: Vendor, rows: Rows) -> None:
    google(vendor, batches(row()))
    fetch(utm_campaign="id", clinics={"9007199254740993": "C2"}, customers={"123-456-7890": None})
    assert rows("select campaign_name, utm_campaign, clinic_id from staging.google_ads__ad_performance") == [
        ("implants", "9007199254740993", "C2")
    ]
    fetch(utm_campaign="id", utm_campaigns={"9007199254740993": "spring"})
    assert rows("select utm_campaign from staging.google_ads__ad_performance") == [("spring",)]


def test_a_token_that_ends_in_the_middle_of_a_run_is_renewed_once_and_the_run_goes_on(
    fetch: Load, vendor: Vendor, rows: Rows
) -> None:
    script = google(vendor, refused(401, "authenticationError", "OAUTH_TOKEN_EXPIRED"), batches(row()))
    assert fetch().rows_written == 1
    assert script.tokens == 2
    assert [asked.headers["Authorization"] for asked in script.asked] == ["Bearer access-1", "Bearer access-2"]


def test_a_new_token_that_is_refused_too_stops_the_stream(fetch: Load, vendor: Vendor, rows: Rows) -> None:
    script = google(vendor, refused(401, "authenticationError", "OAUTH_TOKEN_INVALID"))
    with pytest.raises(RejectedError, match="OAUTH_TOKEN_INVALID"):
        fetch()
    assert (script.tokens, len(script.asked)) == (2, 2)
    assert rows("select count(*) from staging.google_ads__ad_performance") == [(0,)]


def test_a_revoked_token_is_not_renewed(fetch: Load, vendor: Vendor) -> None:
    script = google(vendor, refused(401, "authenticationError", "OAUTH_TOKEN_REVOKED"))
    with pytest.raises(RejectedError, match="refresh token"):
        fetch()
    assert script.tokens == 1


def test_a_dead_refresh_token_is_told_without_its_text(fetch: Load, vendor: Vendor) -> None:
    forms: list[dict[str, list[str]]] = []

    def play(asked: Asked) -> Reply:
        forms.append(parse_qs(asked.body.decode()))
        return Reply({"error": "invalid_grant", "error_description": "secret-token-1 was revoked"}, 400)

    vendor.play = play
    with pytest.raises(RejectedError, match="refresh token") as stopped:
        fetch()
    assert forms == [{"grant_type": ["refresh_token"], "client_id": ["client"], "client_secret": ["client-secret-1"],
                      "refresh_token": ["secret-token-1"]}]  # fmt: skip
    assert not any(secret in str(stopped.value) for secret in ("secret-token-1", "client-secret-1"))


@pytest.mark.parametrize(
    "fault",
    [
        refused(429, "quotaError", "RESOURCE_TEMPORARILY_EXHAUSTED", {"Retry-After": "0"}),
        refused(429, "quotaError", "RESOURCE_TEMPORARILY_EXHAUSTED", retry_delay="0.01s"),
        refused(429, "quotaError", "RESOURCE_TEMPORARILY_EXHAUSTED"),
        Reply("slow down", 429),
        refused(500, "internalError", "INTERNAL_ERROR"),
        Reply(error_body(503, "internalError", "TRANSIENT_ERROR"), 503),
        Reply(batches(row()).body, cut=True),
        Reply(batches(row(), row(2)).bytes[:-40]),
        Reply([{"results": [row()]}, error_body(500, "internalError", "DEADLINE_EXCEEDED")]),
        Reply("<html>maintenance</html>"),
        Reply([{"results": [{"customer": dict(OWN)}]}]),
        batches(row(9)),
        Reply([{"results": []}]),
        Reply([]),
    ],
    ids=["429 Retry-After", "429 retryDelay", "429 bare", "429 without a body", "500", "503 alone", "half a body",
         "half an array", "an error behind good batches", "a page for people", "another query's answer",
         "other days' answer", "an empty answer", "an empty array"],
)
def test_a_fault_on_the_way_changes_nothing_in_the_end(fetch: Load, vendor: Vendor, rows: Rows, fault: Reply) -> None:
    script = google(vendor, fault, batches(row(1), row(2)))
    assert (fetch().rows_written, len(script.asked)) == (2, 2)


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (refused(429, "quotaError", "RESOURCE_EXHAUSTED"), TransientError, "RESOURCE_EXHAUSTED"),
        (refused(403, "authorizationError", "CUSTOMER_NOT_ENABLED"), RejectedError, "CUSTOMER_NOT_ENABLED"),
        (refused(400, "queryError", "UNRECOGNIZED_FIELD"), RejectedError, "UNRECOGNIZED_FIELD"),
        (refused(500, "internalError", "INTERNAL_ERROR"), TransientError, "4 tries"),
        (Reply("<html>maintenance</html>"), PayloadError, "HTML"),
    ],
)
def test_what_no_retry_helps_leaves_the_table_alone(
    fetch: Load, vendor: Vendor, rows: Rows, answer: Reply, error: type[ChairsideError], says: str
) -> None:
    google(vendor, batches(row()))
    fetch()
    before = rows("select xmin, ctid from staging.google_ads__ad_performance")
    google(vendor, answer)
    with pytest.raises(error, match=says):
        fetch()
    assert rows("select xmin, ctid from staging.google_ads__ad_performance") == before


def test_a_day_restated_to_nothing_is_gone_and_an_unchanged_one_is_not_written_again(
    fetch: Load, vendor: Vendor, rows: Rows
) -> None:
    google(vendor, batches(row(1), row(2)))
    fetch()
    google(vendor, batches(row(1)))
    again = fetch(now=datetime(2026, 7, 2, tzinfo=UTC))
    assert (again.rows_written, again.rows_deleted) == (0, 1)
    google(vendor, Reply([{"results": []}]))
    assert fetch().rows_deleted == 1


def test_a_renamed_campaign_keeps_its_row(fetch: Load, vendor: Vendor, rows: Rows) -> None:
    google(vendor, batches(row()))
    fetch()
    renamed = row()
    renamed["campaign"]["name"] = "implants-2"
    google(vendor, batches(renamed))
    assert (fetch().rows_written, rows("select utm_campaign from staging.google_ads__ad_performance")) == (
        1, [("implants-2",)]
    )  # fmt: skip


def test_a_new_field_is_kept_wherever_it_stands(fetch: Load, vendor: Vendor, rows: Rows) -> None:
    strange = row(1, newMetric="3")
    strange["newPart"] = 1
    google(vendor, batches(strange, row(2)))
    assert fetch().unknown_fields == ("metrics.newMetric", "newPart")
    assert rows("select _extra from staging.google_ads__ad_performance order by report_date") == [
        ({"metrics.newMetric": "3", "newPart": 1},), (None,)
    ]  # fmt: skip


def test_a_field_that_is_gone_from_one_row_sets_it_aside_and_from_all_stops_the_stream(
    fetch: Load, vendor: Vendor, rows: Rows
) -> None:
    broken = row(2)
    del broken["campaign"]["id"]
    google(vendor, batches(row(1), broken))
    result = fetch()
    assert (result.rows_written, result.rows_rejected) == (1, 1)
    free = [row(1), row(2)]
    for one in free:
        del one["metrics"]["costMicros"]
    google(vendor, batches(*free))
    with pytest.raises(PayloadError, match="costMicros"):
        fetch()
    google(vendor, batches(broken, broken))
    with pytest.raises(PayloadError, match=r"campaign\.id"):
        fetch()
    assert rows("select count(*) from staging.google_ads__ad_performance") == [(1,)]


def test_a_row_that_says_nonsense_is_set_aside_and_the_others_load(fetch: Load, vendor: Vendor, rows: Rows) -> None:
    google(vendor, batches(row(1), row(2, costMicros="a lot"), row(2, campaign="2", clicks="-1")))
    result = fetch()
    assert (result.rows_written, result.rows_rejected) == (1, 2)


@pytest.mark.parametrize(("name", "other"), [("currencyCode", "USD"), ("timeZone", "America/New_York")])
def test_an_account_that_changes_its_money_or_its_days_stops_before_anything_is_written(
    fetch: Load, vendor: Vendor, rows: Rows, name: str, other: str
) -> None:
    google(vendor, batches(row()))
    fetch()
    before = rows("select xmin, ctid from staging.google_ads__ad_performance")
    changed = row(costMicros="999000000")
    changed["customer"][name] = other
    google(vendor, batches(changed), **{name: other})
    with pytest.raises(GuardError, match=other):
        fetch()
    with pytest.raises(GuardError, match="connection"):
        fetch(currency="RUB", time_zone="Europe/Moscow")
    assert rows("select xmin, ctid from staging.google_ads__ad_performance") == before
    assert rows("select count(*) from ops.loads where status = 'failed' and rows_written = 0") == [(2,)]
    assert fetch(allow_account_change=True).rows_written == 1


def test_rows_of_one_answer_in_two_currencies_are_refused(fetch: Load, vendor: Vendor, rows: Rows) -> None:
    other = row(2)
    other["customer"]["currencyCode"] = "USD"
    google(vendor, batches(row(1), other))
    with pytest.raises(GuardError, match="currency"):
        fetch()
    assert rows("select count(*) from staging.google_ads__ad_performance") == [(0,)]


def test_a_connection_without_accounts_or_with_a_manager_is_refused_with_what_to_do(
    fetch: Load, vendor: Vendor
) -> None:
    google(vendor, batches(row()), manager=True)
    with pytest.raises(PayloadError, match="manager"):
        fetch()
    with pytest.raises(ConfigError, match="customers"):
        fetch(customers={})
    with pytest.raises(ConfigError, match="client_id"):
        fetch(client_id="")
    with pytest.raises(ConfigError, match="number"):
        fetch(customers={"my account": "C1"})


@pytest.mark.parametrize("answer", [{}, [{}], {"status": "ok"}, [{"results": [], "nextPageToken": "x"}]])
def test_an_answer_that_is_no_batch_or_says_that_more_follows_is_no_answer(
    fetch: Load, vendor: Vendor, rows: Rows, answer: Any  # noqa: ANN401
) -> None:
    google(vendor, batches(row()))
    fetch()
    google(vendor, Reply(answer))
    with pytest.raises(PayloadError):
        fetch()
    assert rows("select count(*) from staging.google_ads__ad_performance") == [(1,)]


@pytest.mark.parametrize("answer", [[], [{"results": []}], [{"fieldMask": "x", "requestId": "r"}]])
def test_every_way_to_say_that_there_are_no_rows_is_understood(
    fetch: Load, vendor: Vendor, rows: Rows, answer: Any  # noqa: ANN401
) -> None:
    google(vendor, batches(row()))
    fetch()
    google(vendor, Reply(answer))
    assert fetch().rows_deleted == 1


def test_days_that_google_keeps_no_more_are_refused(load: Load, vendor: Vendor) -> None:
    """37 months at the grain of days [§2.4]: older ones would come as none, and the landed ones would go."""
    google(vendor, batches())
    settings = {"customers": {ACCOUNT: "C1"}, "client_id": "c", "client_secret": "s", "token_url": vendor.url}
    for stream in ("ad_performance", "account_days"):
        with pytest.raises(RejectedError, match="2023-06-01"):
            load("google_ads", stream, "2023-05-31", "2023-06-02", **settings)
    assert vendor.asked == []
