"""Meta: reports that are made, waited for, fail and are made again; pages by cursor; errors told by their codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

import pytest

from extractors.core.errors import ChairsideError, ConfigError, GuardError, PayloadError, RejectedError, TransientError
from extractors.core.spec import Context, Window
from extractors.registry import source
from extractors.run import LoadResult, make_context
from extractors.sources.meta_ads.client import MetaAdsClient
from extractors.sources.meta_ads.refusals import NotVisible, TooMuchData, by_code, usage_pause
from tests.extractors.conftest import NOW
from tests.extractors.vendor_server import Asked, Reply, Vendor

Load = Callable[..., LoadResult]
Rows = Callable[..., list[tuple[Any, ...]]]
ACCOUNT = "9798085168510957000"
WINDOW = ("meta_ads", "ad_insights", "2026-06-01", "2026-06-02")
COUNT = "select count(*) from staging.meta_ads__ad_insights"


def row(day: int = 1, ad: str = "23854695759200548", **other: Any) -> dict[str, Any]:  # noqa: ANN401
    date_text = f"2026-06-{day:02d}"
    return {
        "account_id": ACCOUNT, "account_currency": "RUB", "campaign_id": "23854404676180548",
        "campaign_name": "family", "adset_id": "23854404706320548", "adset_name": "set", "ad_id": ad, "ad_name": "ad",
        "spend": "14.35", "impressions": "185", "clicks": "9", "inline_link_clicks": "4",
        "date_start": date_text, "date_stop": date_text,
    } | other  # fmt: skip


def page(*rows: dict[str, Any], after: str | None = None) -> Reply:
    """A page; with `after` another one follows. The last page has cursors too, and no `next`."""
    paging: dict[str, Any] = {"cursors": {"before": "MAZDZD", "after": after or "NzIZD"}}
    if after is not None:
        paging["next"] = f"https://graph.example/v26.0/1/insights?access_token=secret-token-1&after={after}"
    return Reply({"data": list(rows), "paging": paging})


def refused(code: int, subcode: int | None = None, status: int = 400, headers: dict[str, str] | None = None,
            **more: Any) -> Reply:  # noqa: ANN401
    error = {"message": "Said of somebody", "type": "OAuthException", "code": code, "fbtrace_id": "x"} | more
    if subcode is not None:
        error["error_subcode"] = subcode
    return Reply({"error": error}, status, headers or {})


def status(word: str, **more: Any) -> Reply:  # noqa: ANN401
    return Reply({"id": "1", "async_status": word, "async_percent_completion": 100, **more})


def take(replies: list[Reply]) -> Reply:
    return replies.pop(0) if len(replies) > 1 else replies[0]


@dataclass
class Meta:
    """Answers about the account; each kind of request has replies of its own, the last for ever."""

    pages: list[Reply]
    makes: list[Reply] = field(default_factory=list)
    states: list[Reply] = field(default_factory=lambda: [status("Job Completed")])
    account: Reply = field(default_factory=lambda: Reply({"currency": "RUB", "timezone_name": "Europe/Moscow"}))
    made: list[Asked] = field(default_factory=list)
    polled: list[Asked] = field(default_factory=list)
    read: list[Asked] = field(default_factory=list)

    def play(self, asked: Asked) -> Reply:
        if asked.method == "POST":
            self.made.append(asked)
            return self.makes.pop(0) if self.makes else Reply({"report_run_id": f"157186006001{len(self.made)}"})
        if "/act_" in asked.path:
            return self.account
        if asked.path.endswith("/insights"):
            self.read.append(asked)
            return take(self.pages)
        self.polled.append(asked)
        return take(self.states)

    @property
    def ranges(self) -> list[tuple[str, str]]:
        forms = [parse_qs(asked.body.decode()) for asked in self.made]
        spans = [json.loads(form["time_range"][0]) for form in forms]
        return [(span["since"][5:], span["until"][5:]) for span in spans]


def meta(vendor: Vendor, *pages: Reply, **scripts: Any) -> Meta:  # noqa: ANN401
    script = Meta(list(pages), **scripts)
    vendor.play = script.play
    return script


@pytest.fixture
def fetch(load: Load) -> Load:
    def run(*days: str, **settings: object) -> LoadResult:
        window = (*WINDOW[:2], *days) if days else WINDOW
        return load(*window, **{"accounts": {f"act_{ACCOUNT}": "C1"}, "rate_limit_seconds": 0.01, **settings})

    return run


def test_a_report_is_made_waited_for_and_read_page_by_page_while_next_says_so(
    fetch: Load, vendor: Vendor, rows: Rows
) -> None:
    script = meta(
        vendor, page(row(1), after="two"), page(row(2), row(2, "23854695759200549", spend="0.01")),
        states=[status("Job Not Started"), status("Job Running"), status("Job Completed")],
    )
    result = fetch(include_vat=True)
    assert (result.rows_read, result.rows_written, result.unknown_fields) == (3, 3, ())
    assert (len(script.made), len(script.polled)) == (1, 3)
    assert [asked.query.get("after") for asked in script.read] == [None, "two"]
    form = {name: values[0] for name, values in parse_qs(script.made[0].body.decode()).items()}
    assert (form["level"], form["time_increment"], script.ranges) == ("ad", "1", [("06-01", "06-02")])
    assert "DELETED" in form["filtering"]
    assert rows("select report_date, ad_id, spend, impressions, clicks, link_clicks"
                " from staging.meta_ads__ad_insights order by 1, 2") == [
        (date(2026, 6, 1), "23854695759200548", Decimal("14.35"), 185, 9, 4),
        (date(2026, 6, 2), "23854695759200548", Decimal("14.35"), 185, 9, 4),
        (date(2026, 6, 2), "23854695759200549", Decimal("0.01"), 185, 9, 4),
    ]
    assert rows("select distinct account_id, utm_campaign, currency, account_time_zone, includes_vat, clinic_id"
                " from staging.meta_ads__ad_insights") == [
        (ACCOUNT, "family", "RUB", "Europe/Moscow", True, "C1")
    ]


def test_a_campaign_that_was_renamed_keeps_the_tag_that_its_ads_carry(fetch: Load, vendor: Vendor, rows: Rows) -> None:
    meta(vendor, page(row(campaign_name="Family, autumn")))
    fetch(utm_campaigns={"23854404676180548": "family"})
    assert rows("select campaign_name, utm_campaign from staging.meta_ads__ad_insights") == [
        ("Family, autumn", "family")
    ]


@pytest.mark.parametrize(("token_in", "in_address"), [("header", False), ("query", True)])
def test_the_token_travels_as_the_connection_says(
    fetch: Load, vendor: Vendor, token_in: str, in_address: bool
) -> None:
    meta(vendor, page(row()))
    fetch(token_in=token_in)
    for asked in vendor.asked:
        form = parse_qs(asked.body.decode())
        assert ("access_token" in asked.query or "access_token" in form) is in_address
        assert ("Authorization" in asked.headers) is not in_address


def test_a_failed_report_is_made_again_and_then_its_days_are_halved(fetch: Load, vendor: Vendor, rows: Rows) -> None:
    script = meta(vendor, page(row(1)), states=[status("Job Failed"), status("Job Completed")])
    assert (fetch().rows_written, script.ranges) == (1, [("06-01", "06-02")] * 2)
    script = meta(
        vendor, page(row(1)), page(row(2)),
        states=[status("Job Failed"), status("Job Skipped"), status("Job Completed")],
    )
    assert fetch().rows_read == 2
    assert script.ranges == [("06-01", "06-02")] * 2 + [("06-01", "06-01"), ("06-02", "06-02")]


def test_a_day_whose_report_always_fails_is_told_and_nothing_is_written(
    fetch: Load, vendor: Vendor, rows: Rows
) -> None:
    meta(vendor, page(row(1)), states=[status("Job Failed", error_code=-2, error_subcode=2490547)])
    with pytest.raises(TransientError, match="failed"):
        fetch()
    assert rows(COUNT) == [(0,)]


def test_a_failed_report_that_names_a_dead_token_is_not_made_again(fetch: Load, vendor: Vendor) -> None:
    script = meta(vendor, page(row(1)), states=[status("Job Failed", error_code=190, error_subcode=463)])
    with pytest.raises(RejectedError, match="token"):
        fetch()
    assert len(script.made) == 1


def test_a_report_not_visible_yet_is_waited_for_and_one_that_never_shows_is_told(fetch: Load, vendor: Vendor) -> None:
    meta(vendor, page(row(1)), states=[refused(100, 33), refused(100, 33), status("Job Completed")])
    assert fetch().rows_read == 1
    script = meta(vendor, page(row(1)), states=[refused(100, 33)])
    with pytest.raises(RejectedError, match="subcode 33"):
        fetch()
    assert len(script.polled) == 5


def test_a_long_window_is_asked_for_in_reports_of_a_few_days(fetch: Load, vendor: Vendor) -> None:
    script = meta(vendor, page())
    fetch("2026-06-01", "2026-06-10", job_days=4)
    assert script.ranges == [("06-01", "06-04"), ("06-05", "06-08"), ("06-09", "06-10")]


def test_too_much_data_is_asked_for_in_smaller_pages_and_shorter_reports(fetch: Load, vendor: Vendor) -> None:
    much = refused(1, status=500, message="Please reduce the amount of data you're asking for, then retry your request")
    script = meta(vendor, much, much, page(row(1)))
    assert fetch().rows_read == 1
    assert [asked.query["limit"] for asked in script.read] == ["500", "250", "125"]
    script = meta(vendor, page(row(1)), page(row(2)), makes=[refused(2, 1504038)])
    assert fetch().rows_read == 2
    assert script.ranges == [("06-01", "06-02"), ("06-01", "06-01"), ("06-02", "06-02")]


@pytest.mark.parametrize(
    "fault",
    [
        refused(4, status=429, headers={"Retry-After": "0"}),
        Reply("slow down", 429),
        refused(17, 2446079),
        refused(80000, 2446079, headers={"x-business-use-case-usage": json.dumps(
            {"1": [{"type": "ads_insights", "call_count": 100, "estimated_time_to_regain_access": 0}]})}),
        refused(613, 1487742),
        refused(1, 99, 500),
        refused(2, is_transient=True),
        refused(100, is_transient=True),
        Reply("<html>bad gateway</html>", 502),
        Reply(page(row(1)).body, cut=True),
        Reply(page(row(1), row(2)).bytes[:-60]),
        Reply("<html>maintenance</html>"),
        page(row(9)),
        page({**row(1), "account_id": "1"}),
        page(after="two"),
    ],
    ids=["429 Retry-After", "429 bare", "17", "80000", "613", "500", "2 transient", "100 transient", "502",
         "half a body", "half a page", "a page for people", "other days", "another account", "an empty page"],
)
def test_a_fault_on_the_way_changes_nothing_in_the_end(fetch: Load, vendor: Vendor, fault: Reply) -> None:
    script = meta(vendor, fault, page(row(1), after="two"), page(row(2)))
    assert (fetch().rows_written, len(script.read)) == (2, 3)


def test_a_repeated_page_is_read_again_and_a_row_that_moved_between_pages_is_one_row(
    fetch: Load, vendor: Vendor, rows: Rows
) -> None:
    first = page(row(1), after="two")
    meta(vendor, first, first, page(row(2), row(1, spend="15.00")))
    result = fetch()
    assert result.rows_read == 3
    assert rows("select report_date, spend from staging.meta_ads__ad_insights order by 1") == [
        (date(2026, 6, 1), Decimal("15.00")), (date(2026, 6, 2), Decimal("14.35"))
    ]  # fmt: skip


def test_an_empty_page_in_the_middle_is_doubted_once_and_then_believed(fetch: Load, vendor: Vendor) -> None:
    script = meta(vendor, page(row(1), after="two"), page(after="three"), page(after="three"), page(row(2)))
    assert fetch().rows_written == 2
    assert [asked.query.get("after") for asked in script.read] == [None, "two", "two", "three"]


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (refused(190, 463), RejectedError, "token"),
        (refused(200, status=403), RejectedError, "ads_read"),
        (refused(100), RejectedError, "error 100"),
        (refused(2, 1504041), RejectedError, "1504041"),
        (refused(17, 2446079), TransientError, "4 tries"),
        (Reply("no", 401), RejectedError, "401"),
        (Reply("<html>maintenance</html>"), PayloadError, "HTML"),
    ],
)
def test_what_no_retry_helps_leaves_the_table_alone_and_quotes_nobody(
    fetch: Load, vendor: Vendor, rows: Rows, answer: Reply, error: type[ChairsideError], says: str
) -> None:
    meta(vendor, page(row(1)))
    fetch()
    before = rows("select xmin, ctid from staging.meta_ads__ad_insights")
    meta(vendor, answer)
    with pytest.raises(error, match=says) as stopped:
        fetch()
    assert "somebody" not in str(stopped.value) and "secret" not in str(stopped.value)
    assert rows("select xmin, ctid from staging.meta_ads__ad_insights") == before


@pytest.mark.parametrize(
    ("code", "subcode", "kind"),
    [
        (1, 99, TransientError), (1, 2853001, RejectedError), (2, None, TransientError), (2, 1504043, TransientError),
        (2, 1504042, RejectedError), (4, 1504022, TransientError), (32, None, TransientError),
        (80004, None, TransientError), (80014, None, TransientError), (341, None, TransientError),
        (960, None, TransientError), (100, 33, NotVisible), (100, 1504018, TooMuchData),
        (100, 2446289, RejectedError), (190, 460, RejectedError), (10, None, RejectedError),
    ],
)  # fmt: skip
def test_each_code_has_its_reaction(code: int, subcode: int | None, kind: type[ChairsideError]) -> None:
    assert type(by_code(code, subcode, "here")) is kind


def test_usage_headers_slow_us_down_before_the_limit() -> None:
    def business(**usage: float) -> dict[str, str]:
        return {"x-business-use-case-usage": json.dumps({"1": [{"type": "ads_insights", **usage}]})}

    assert usage_pause({}) == 0
    assert usage_pause({"x-app-usage": "no json", "x-ad-account-usage": "[1]"}) == 0
    assert usage_pause(business(call_count=84)) == 0
    assert usage_pause(business(total_cputime=85)) == 120
    assert usage_pause(business(call_count=96)) == 600
    assert usage_pause(business(call_count=100, estimated_time_to_regain_access=12)) == 720
    assert usage_pause({"x-fb-ads-insights-throttle": '{"app_id_util_pct": 0, "acc_id_util_pct": "95.5"}'}) == 600


def test_the_client_rests_as_long_as_the_headers_say(vendor: Vendor) -> None:
    full = {"x-app-usage": '{"call_count": 90, "total_time": 2, "total_cputime": 2}'}
    vendor.script(Reply({"currency": "RUB", "timezone_name": "Europe/Moscow"}, headers=full))
    context: Context = make_context(
        source("meta_ads"), {"base_url": vendor.url, "token": "t", "requests_per_second": 0}, run_id="r", now=NOW
    )
    rests: list[float] = []
    client = MetaAdsClient(context, sleep=rests.append)
    assert client.account(ACCOUNT, where="here") == ("RUB", "Europe/Moscow")
    client.close()
    assert rests == [120.0]


def test_a_report_that_is_never_ready_is_given_up_after_an_hour(vendor: Vendor) -> None:
    meta(vendor, page(row(1)), states=[status("Job Running")])
    settings = {"base_url": vendor.url, "token": "t", "requests_per_second": 0, "poll_seconds": 1200}
    client = MetaAdsClient(
        make_context(source("meta_ads"), settings, run_id="r", now=NOW), sleep=lambda seconds: None
    )
    days = Window(date(2026, 6, 1), date(2026, 6, 2))
    with pytest.raises(TransientError, match="not ready"):
        list(client.insights(ACCOUNT, days, {}, where="here", asked=lambda row: True))
    client.close()


def test_an_ad_restated_to_nothing_is_gone_and_an_unchanged_one_is_not_written_again(
    fetch: Load, vendor: Vendor
) -> None:
    meta(vendor, page(row(1), row(2)))
    fetch()
    meta(vendor, page(row(1)))
    again = fetch(now=datetime(2026, 7, 2, tzinfo=UTC))
    assert (again.rows_written, again.rows_deleted) == (0, 1)


def test_a_new_field_is_kept_and_a_field_that_is_gone_is_told(fetch: Load, vendor: Vendor, rows: Rows) -> None:
    meta(vendor, page(row(1, new_field="3"), row(2)))
    assert fetch().unknown_fields == ("new_field",)
    without = row(2)
    del without["ad_id"]
    meta(vendor, page(row(1), without))
    assert fetch().rows_rejected == 1
    meta(vendor, page(without, without))
    with pytest.raises(PayloadError, match="ad_id"):
        fetch()
    free = [{name: value for name, value in row(day).items() if name != "spend"} for day in (1, 2)]
    meta(vendor, page(*free))
    with pytest.raises(PayloadError, match="spend"):
        fetch()
    assert rows(COUNT) == [(1,)]


def test_a_row_of_several_days_and_one_of_nonsense_are_set_aside(fetch: Load, vendor: Vendor) -> None:
    meta(vendor, page(row(1), row(2, date_stop="2026-06-03"), row(2, "2", spend="free"), row(2, "3", clicks="-1")))
    result = fetch()
    assert (result.rows_written, result.rows_rejected) == (1, 3)


@pytest.mark.parametrize(("currency", "zone"), [("USD", "Europe/Moscow"), ("RUB", "America/Los_Angeles")])
def test_an_account_that_changes_its_money_or_its_days_stops_before_anything_is_written(
    fetch: Load, vendor: Vendor, rows: Rows, currency: str, zone: str
) -> None:
    meta(vendor, page(row(1)))
    fetch()
    before = rows("select xmin, ctid from staging.meta_ads__ad_insights")
    account = Reply({"currency": currency, "timezone_name": zone})
    meta(vendor, page(row(1, account_currency=currency, spend="99")), account=account)
    with pytest.raises(GuardError, match="allow_account_change"):
        fetch()
    with pytest.raises(GuardError, match="connection"):
        fetch(accounts={ACCOUNT: {"clinic_id": "C1", "currency": "RUB", "time_zone": "Europe/Moscow"}})
    assert rows("select xmin, ctid from staging.meta_ads__ad_insights") == before
    assert fetch(allow_account_change=True).rows_written == 1


def test_a_connection_without_accounts_is_refused(fetch: Load, vendor: Vendor) -> None:
    meta(vendor, page(row(1)))
    with pytest.raises(ConfigError, match="accounts"):
        fetch(accounts=None)


def test_a_page_that_has_a_next_one_and_does_not_say_where_is_not_the_last(
    fetch: Load, vendor: Vendor, rows: Rows
) -> None:
    lost = Reply({"data": [row(1)], "paging": {"next": "https://graph.example/v26.0/1/insights?limit=25"}})
    meta(vendor, page(row(1), row(2)))
    fetch()
    meta(vendor, lost)
    with pytest.raises(PayloadError):
        fetch()
    assert rows(COUNT) == [(2,)]


def test_pages_that_lead_in_a_circle_are_told(fetch: Load, vendor: Vendor) -> None:
    script = meta(vendor, page(row(1)))
    script.pages = [page(row(1 + n % 2), after=("one", "two", "three")[n % 3]) for n in range(30)]
    with pytest.raises(PayloadError):
        fetch()
    assert len(script.read) < 12


def test_an_answer_that_is_no_state_of_a_report_is_not_waited_on(fetch: Load, vendor: Vendor) -> None:
    script = meta(vendor, page(row(1)), states=[Reply({"error_code": None})])
    with pytest.raises(PayloadError):
        fetch()
    assert len(script.polled) == 3
