"""A report asked with null, as a page with an empty filter does, must not give another figure without a word."""

from __future__ import annotations

import psycopg
import pytest

from tests.city import FIRST, LAST, City
from tests.e2e.july import values

PERIOD = f"date '{FIRST}', date '{LAST}'"


@pytest.mark.parametrize(
    "call",
    [
        "channels_and_sources({}, level => null)",
        "channels_and_sources({}, attribution_model => null)",
        "channels_and_sources({}, basis => null)",
        "channels_and_sources({}, audience => null)",
        "administrator_conversion({}, audience => null)",
        "attribution({}, conversion => null)",
        "attribution({}, lookback_days => null)",
        "attribution({}, level => null)",
        "ad_payback({}, level => null)",
        "ad_payback_curve({}, level => null)",
        "lead_plan({}, target => 5, target_kind => null)",
        "lead_plan({}, target => 5, lead_share => null)",
        "service_sales({}, grain => null)",
        "service_sales({}, level => null)",
    ],
)
def test_a_choice_given_as_null_is_refused_like_an_unknown_word(city: City, call: str) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        values(city.url, f"select * from reports.{call.format(PERIOD)}")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("channels_and_sources({}, level => 'x')", "total, channel, source, campaign"),
        ("channels_and_sources({}, attribution_model => 'x')", "first_touch, .*, shapley"),
        ("channels_and_sources({}, basis => 'x')", "cohort, period"),
        ("channels_and_sources({}, audience => 'x')", "primary, repeat, all"),
        ("administrator_conversion({}, audience => 'x')", "primary, repeat, all"),
        ("attribution({}, conversion => 'x')", "booking, first_visit, deal, payment"),
        ("attribution({}, level => 'x')", "channel, source, campaign"),
        ("ad_payback({}, level => 'x')", "total, channel, source, campaign"),
        ("ad_payback_curve({}, level => 'x')", "total, channel, source, campaign"),
        ("lead_plan({}, target => 5, target_kind => 'x')", "clients, revenue"),
        ("budget_proposal({}, 1000, return_of => 'x')", "revenue, inquiries"),
        ("service_sales({}, grain => 'x')", "day, week, month, period"),
        ("service_sales({}, level => 'x')", "total, item_kind, item_type, item"),
        ("service_sales({}, item_kind => 'x')", "service, goods, subscription, unknown"),
        # where nothing was sold too
        ("service_sales('1990-01-01', '1990-01-02', item_kind => '')", "service, goods, subscription, unknown"),
        ("service_buyers({}, item_kind => 'x')", "service, goods, subscription, unknown"),
        ("service_buyers('1990-01-01', '1990-01-02', item_kind => 'x')", "service, goods, subscription, unknown"),
        ("service_frequency({}, item_kind => 'x')", "service, goods, subscription, unknown"),
    ],
)
def test_a_word_that_is_not_on_the_list_is_refused_with_the_list(city: City, call: str, words: str) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue, match=f"is one of {words}"):
        values(city.url, f"select * from reports.{call.format(PERIOD)}")


@pytest.mark.parametrize(
    ("report", "parameters"),
    [
        ("administrator_conversion", "hide_employee_referrals => null"),
        ("channels_and_sources", "with_referrals => null"),
        ("direction_load", "idle_below_percent => null, desk_books_percent => null, enough_inquiries => null"),
        ("top_deals", "how_many => null"),
    ],
)
def test_a_switch_or_threshold_given_as_null_is_as_if_not_given(city: City, report: str, parameters: str) -> None:
    usual = values(city.url, f"select * from reports.{report}({PERIOD})")
    assert usual
    assert values(city.url, f"select * from reports.{report}({PERIOD}, {parameters})") == usual


@pytest.mark.parametrize("grain", ["day", "week", "month", "period"])
def test_a_period_that_ends_before_it_begins_has_no_parts(city: City, grain: str) -> None:
    assert values(city.url, f"select * from reports.compared_periods('2026-08-20', '2026-08-18', '{grain}')") == []


@pytest.mark.parametrize("days", ["'0001-01-01', '9999-12-31'", "'4713-01-01 BC', '2026-01-01'"])
@pytest.mark.parametrize("grain", ["day", "period"])
def test_a_period_too_long_to_be_compared_is_refused(city: City, days: str, grain: str) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="at most 1000 years apart"):
        values(city.url, f"select * from reports.compared_periods({days}, '{grain}')")
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="are days of the calendar"):
        values(city.url, f"select * from reports.compared_periods('-infinity', '2026-01-01', '{grain}')")


OF_A_PERIOD = (
    "ad_payback({})", "ad_payback_curve({})", "administrator_conversion({})", "attribution({})",
    "budget_proposal({}, 1000)", "channels_and_sources({})", "deal_summary({})", "direction_load({})",
    "hot_clients({})", "lead_plan({}, 5)", "lead_plan_need({})", "lost_inquiries({})", "lost_inquiries_by_reason({})",
    "service_buyers({})", "service_frequency({})", "service_sales({})", "stage_times({})", "subscription_renewals({})",
    "top_deals({})", "traffic_influence({})", "utm_audit({})",
)  # fmt: skip


@pytest.mark.parametrize("call", OF_A_PERIOD)
@pytest.mark.parametrize("days", ["null, '2026-08-31'", "'2026-08-01', null"])
def test_a_day_given_as_null_is_refused(city: City, call: str, days: str) -> None:
    """It would answer with nothing, or with noughts."""
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="date_from and date_to are days of the calendar"):
        values(city.url, f"select * from reports.{call.format(days)}")


def test_every_report_of_a_period_is_asked_for_a_day_that_is_null(city: City) -> None:
    found = values(
        city.url,
        "select distinct relations.relation_name from access.relations inner join pg_proc"
        " on pronamespace = 'reports'::regnamespace and proname = relations.relation_name"
        " where proargnames[1] = 'date_from' and pronargs - pronargdefaults >= 2 and relations.schema_name = 'reports'"
        " and relations.report <> '*'",
    )
    assert {name for (name,) in found} == {call.partition("(")[0] for call in OF_A_PERIOD}
