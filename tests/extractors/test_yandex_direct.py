"""Yandex.Direct: reports that are not ready yet, restated days, full queues."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from extractors.core.errors import ConfigError, PayloadError, RejectedError, TransientError
from extractors.run import LoadResult
from tests.extractors.vendor_server import Asked, Reply, Vendor

TITLE = '"{name} (2026-06-01 - 2026-06-02)"\n'
HEADER = "Date\tCampaignId\tCampaignName\tAdGroupId\tAdGroupName\tAdId\tImpressions\tClicks\tCost\n"
DAY_1 = "2026-06-01\t9007199254740993\timplants\t11\tгруппа\t101\t100\t7\t123450000\n"
DAY_2 = "2026-06-02\t9007199254740993\timplants\t--\t--\t--\t50\t0\t1\n"
Load = Callable[..., LoadResult]
Rows = Callable[..., list[tuple[Any, ...]]]


def report(*lines: str) -> Reply:
    return Reply(TITLE + HEADER + "".join(lines) + f"Total rows: {len(lines)}\n")


def script(vendor: Vendor, *replies: Reply) -> None:
    """Answers in turn, the last for ever; a report names itself as it was asked to."""
    waiting = list(replies)

    def play(asked: Asked) -> Reply:
        reply = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        name = asked.json["params"]["ReportName"]
        return replace(reply, body=reply.body.replace("{name}", name)) if isinstance(reply.body, str) else reply

    vendor.play = play


def error(code: int) -> Reply:
    return Reply({"error": {"request_id": "1", "error_code": code, "error_string": "x", "error_detail": "y"}}, 400)


def test_a_report_that_is_queued_and_built_is_asked_for_with_the_same_words_until_it_is_ready(
    load: Load, vendor: Vendor, rows: Rows
) -> None:
    script(vendor, Reply(status=201, headers={"retryIn": "0"}), Reply(status=202, headers={"retryIn": "soon"}),
                  report(DAY_1, DAY_2))
    result = load("yandex_direct", "ad_performance", "2026-06-01", "2026-06-02", currency="RUB", include_vat=True,
                  logins={"clinic-login": "C1"})
    assert (result.rows_read, result.rows_written) == (2, 2)
    assert len({(asked.body, asked.headers["Client-Login"]) for asked in vendor.asked}) == 1
    assert len(vendor.asked) == 3
    assert rows("select report_date, campaign_id, ad_id, impressions, cost, currency, includes_vat, clinic_id"
                " from staging.yandex_direct__ad_performance order by 1") == [
        (date(2026, 6, 1), "9007199254740993", "101", 100, Decimal("123.45"), "RUB", True, "C1"),
        (date(2026, 6, 2), "9007199254740993", "", 50, Decimal("0.000001"), "RUB", True, "C1"),
    ]


def test_a_day_restated_to_nothing_is_gone_and_unchanged_rows_are_not_written_again(
    load: Load, vendor: Vendor, rows: Rows
) -> None:
    window = ("yandex_direct", "ad_performance", "2026-06-01", "2026-06-02")
    script(vendor, report(DAY_1, DAY_2), report(DAY_1), report(DAY_1))
    load(*window, currency="RUB")
    before = rows("select xmin, ctid from staging.yandex_direct__ad_performance where ad_id = '101'")
    again = load(*window, currency="RUB", now=datetime(2026, 7, 2, tzinfo=UTC))
    assert (again.rows_written, again.rows_deleted) == (0, 1)
    assert rows("select xmin, ctid from staging.yandex_direct__ad_performance") == before
    assert load(*window, currency="RUB").rows_deleted == 0


def test_a_campaign_that_was_renamed_keeps_the_tag_that_its_ads_carry(load: Load, vendor: Vendor, rows: Rows) -> None:
    """Its links say `implants` still. Where nobody says so, its spend goes under a name that no visit has."""
    window = ("yandex_direct", "ad_performance", "2026-06-01", "2026-06-02")
    script(vendor, report(DAY_1, DAY_2.replace("implants", "Implants, summer")))
    tags = "select distinct utm_campaign from staging.yandex_direct__ad_performance order by 1"
    load(*window, currency="RUB")
    assert rows(tags) == [("Implants, summer",), ("implants",)]
    load(*window, currency="RUB", utm_campaigns={"9007199254740993": "implants"})
    assert rows(tags) == [("implants",)]
    with pytest.raises(ConfigError, match="`utm_campaigns` must map a campaign's number"):
        load(*window, currency="RUB", utm_campaigns="implants")


def test_each_reading_has_a_report_name_of_its_own_because_old_names_give_old_figures(
    load: Load, vendor: Vendor
) -> None:
    script(vendor, report(DAY_1))
    for day in (1, 2):
        load("yandex_direct", "ad_performance", "2026-06-01", "2026-06-01", currency="RUB",
             now=datetime(2026, 7, day, tzinfo=UTC))
    assert len({asked.json["params"]["ReportName"] for asked in vendor.asked}) == 2


def test_a_report_cut_at_the_end_of_a_line_is_asked_for_again(load: Load, vendor: Vendor) -> None:
    whole = report(DAY_1, DAY_2)
    script(vendor, Reply(TITLE + HEADER + DAY_1), whole)
    assert load("yandex_direct", "ad_performance", "2026-06-01", "2026-06-02", currency="RUB").rows_read == 2


def test_another_reports_rows_are_not_taken_for_this_one(load: Load, vendor: Vendor) -> None:
    script(vendor, Reply(report(DAY_2).bytes.replace(b"{name}", b"yesterday")), report(DAY_1))
    assert load("yandex_direct", "ad_performance", "2026-06-01", "2026-06-01", currency="RUB").rows_read == 1
    assert len(vendor.asked) == 2


def test_a_report_of_nothing_is_no_failure(load: Load, vendor: Vendor) -> None:
    script(vendor, Reply(TITLE + HEADER))
    assert load("yandex_direct", "ad_performance", "2026-06-01", "2026-06-02", currency="RUB").rows_read == 0


def test_html_with_status_200_ends_in_a_payload_error_and_leaves_the_table_alone(
    load: Load, vendor: Vendor, rows: Rows
) -> None:
    script(vendor, report(DAY_1))
    load("yandex_direct", "ad_performance", "2026-06-01", "2026-06-01", currency="RUB")
    script(vendor, Reply("<html>maintenance</html>"))
    with pytest.raises(PayloadError, match="HTML"):
        load("yandex_direct", "ad_performance", "2026-06-01", "2026-06-01", currency="RUB")
    assert rows("select count(*) from staging.yandex_direct__ad_performance") == [(1,)]
    assert rows("select status from ops.loads order by finished_at") == [("succeeded",), ("failed",)]


def test_a_full_queue_is_waited_for_and_a_wrong_token_is_not(
    load: Load, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("extractors.sources.yandex_direct.client.TRY_AGAIN", {9000: 0.01})
    script(vendor, error(9000), report(DAY_1))
    assert load("yandex_direct", "ad_performance", "2026-06-01", "2026-06-01", currency="RUB").rows_read == 1
    vendor.asked.clear()
    script(vendor, error(53))
    with pytest.raises(RejectedError, match="53"):
        load("yandex_direct", "ad_performance", "2026-06-01", "2026-06-01", currency="RUB")
    assert len(vendor.asked) == 1


def test_a_line_with_a_tab_in_a_name_is_set_aside_whole_and_the_others_load(
    load: Load, vendor: Vendor, rows: Rows
) -> None:
    script(vendor, report(DAY_1, DAY_2.replace("implants", "imp\tlants")))
    for _ in range(2):
        result = load("yandex_direct", "ad_performance", "2026-06-01", "2026-06-02", currency="RUB")
        assert (result.rows_read, result.rows_rejected) == (2, 1)
    assert rows("select source, stream, reason, row ->> 'line' like '%lants%' from staging.rejected_rows") == [
        ("yandex_direct", "ad_performance", "10 values for 9 columns", True)
    ]


def test_a_server_that_stays_broken_gives_up_after_the_agreed_number_of_tries(load: Load, vendor: Vendor) -> None:
    script(vendor, Reply("<html>bad gateway</html>", 502))
    with pytest.raises(TransientError, match="502"):
        load("yandex_direct", "ad_performance", "2026-06-01", "2026-06-01", currency="RUB")
    assert len(vendor.asked) == 4


@pytest.mark.parametrize("body", ["", "\n", "null", "{}", HEADER])
def test_an_answer_without_a_report_is_no_report_of_nothing(load: Load, vendor: Vendor, rows: Rows, body: str) -> None:
    """Only 201 and 202 have no body; a report of nothing has its name and its columns."""
    window = ("yandex_direct", "ad_performance", "2026-06-01", "2026-06-01")
    script(vendor, report(DAY_1))
    load(*window, currency="RUB")
    script(vendor, Reply(body))
    with pytest.raises(PayloadError):
        load(*window, currency="RUB")
    assert rows("select count(*) from staging.yandex_direct__ad_performance") == [(1,)]
    script(vendor, Reply(body), report(DAY_1))
    assert load(*window, currency="RUB").rows_read == 1


def test_an_error_told_with_status_200_is_tried_again_or_refused_by_its_code(load: Load, vendor: Vendor) -> None:
    """As services other than Reports answer [§1.7]: 1000 passes, 53 is a wrong token."""
    accounts = Reply({"result": {"Clients": [{"Login": "a", "Currency": "RUB"}]}})
    answers = [replace(error(1000), status=200), accounts, replace(error(1000), status=200), report(DAY_1)]

    def play(asked: Asked) -> Reply:
        reply = answers.pop(0)
        if isinstance(reply.body, str):
            reply = replace(reply, body=reply.body.replace("{name}", asked.json["params"]["ReportName"]))
        return reply

    vendor.play = play
    assert load("yandex_direct", "ad_performance", "2026-06-01", "2026-06-01").rows_read == 1
    assert answers == []
    vendor.asked.clear()
    vendor.play = lambda _: replace(error(53), status=200)
    with pytest.raises(RejectedError, match=r"refused access \(error 53\)"):
        load("yandex_direct", "ad_performance", "2026-06-01", "2026-06-01")
    assert len(vendor.asked) == 1


@pytest.mark.parametrize("said", ["502", "a million"])
def test_a_report_that_is_too_long_for_direct_is_asked_for_in_halves(
    load: Load, vendor: Vendor, rows: Rows, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    """Given up while it is built (HTTP 502), or cut at a million rows, saying that there are a million [§1.3, §1.4]."""
    monkeypatch.setattr("extractors.sources.yandex_direct.client.LONGEST_REPORT_ROWS", 2)

    def play(asked: Asked) -> Reply:
        params = asked.json["params"]
        days = params["SelectionCriteria"]
        lines = [line for line in (DAY_1, DAY_2) if days["DateFrom"] <= line[:10] <= days["DateTo"]]
        if len(lines) > 1 and said == "502":
            return Reply("<html>bad gateway</html>", 502)
        return replace(report(*lines), body=str(report(*lines).body).replace("{name}", params["ReportName"]))

    vendor.play = play
    assert load("yandex_direct", "ad_performance", "2026-06-01", "2026-06-02", currency="RUB").rows_read == 2
    assert rows("select sum(impressions) from staging.yandex_direct__ad_performance") == [(150,)]
    assert len({asked.json["params"]["ReportName"] for asked in vendor.asked}) == 3
    monkeypatch.setattr("extractors.sources.yandex_direct.client.LONGEST_REPORT_ROWS", 1)
    with pytest.raises(TransientError, match="502" if said == "502" else "cuts reports"):
        vendor.play = lambda asked: Reply("bad gateway", 502) if said == "502" else play(asked)
        load("yandex_direct", "ad_performance", "2026-06-01", "2026-06-02", currency="RUB")
    assert rows("select count(*) from staging.yandex_direct__ad_performance") == [(2,)]


def test_ads_that_direct_does_not_number_are_added_up(load: Load, vendor: Vendor, rows: Rows) -> None:
    """Ads of the wizard are rows of their own, but all with `--` for group and ad [§1.3]: none may replace another."""
    script(vendor, report(DAY_1, DAY_2, DAY_2.replace("50\t0\t1", "30\t2\t2000000"), DAY_2.replace("50\t0", "--\t--")))
    result = load("yandex_direct", "ad_performance", "2026-06-01", "2026-06-02", currency="RUB")
    assert (result.rows_read, result.rows_rejected) == (2, 0)
    assert rows("select ad_id, impressions, clicks, cost from staging.yandex_direct__ad_performance order by 1") == [
        ("", 80, 2, Decimal("2.000002")), ("101", 100, 7, Decimal("123.45"))
    ]


def test_a_day_read_twice_in_a_run_is_asked_for_under_two_names(load: Load, vendor: Vendor) -> None:
    """Totals that are not the sum of the ads: both are read once more, and an old name would give old figures."""
    names: list[str] = []

    def play(asked: Asked) -> Reply:
        params = asked.json["params"]
        names.append(params["ReportName"])
        if params["ReportType"] == "AD_PERFORMANCE_REPORT":
            return replace(report(DAY_1), body=str(report(DAY_1).body).replace("{name}", names[-1]))
        cost = 123450000 if len(names) > 2 else 999
        return Reply(f'"{names[-1]}"\nDate\tImpressions\tClicks\tCost\n2026-06-01\t100\t7\t{cost}\nTotal rows: 1\n')

    vendor.play = play
    load("yandex_direct", "ad_performance", "2026-06-01", "2026-06-01", currency="RUB")
    load("yandex_direct", "account_days", "2026-06-01", "2026-06-01", currency="RUB")
    assert len(names) == 4, "the ads, their total, and both once more"
    assert len(set(names[1:])) == 3


def test_days_before_the_vendors_history_are_refused(load: Load, vendor: Vendor, rows: Rows) -> None:
    """Statistics are kept for three years before this month [§1.6]; older rows that are landed must not go for it."""
    script(vendor, report())
    with pytest.raises(RejectedError, match="2023-07-01"):
        load("yandex_direct", "ad_performance", "2023-06-30", "2023-07-02", currency="RUB")
    assert vendor.asked == []
    assert load("yandex_direct", "ad_performance", "2023-07-01", "2023-07-02", currency="RUB").rows_read == 0


def test_the_address_of_reports_is_the_connections_choice(load: Load, vendor: Vendor) -> None:
    """v501 is that of unified campaigns, and which of them v5 leaves out is unconfirmed [§1.1]."""
    script(vendor, report(DAY_1))
    for settings in ({}, {"api_version": "v501"}):
        load("yandex_direct", "ad_performance", "2026-06-01", "2026-06-01", currency="RUB", **settings)
    assert [asked.path for asked in vendor.asked] == ["/json/v5/reports", "/json/v501/reports"]
    with pytest.raises(ConfigError, match="api_version"):
        load("yandex_direct", "ad_performance", "2026-06-01", "2026-06-01", api_version="v4")
