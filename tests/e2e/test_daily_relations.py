"""On the invented city: what the relation of a report by day adds up to is what the report says.

The city has no subscriptions: those are in `test_service_sales.py`.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import psycopg
import pytest

from tests.city import City
from tests.e2e.july import values

# the period cuts months and weeks, and begins after the first day of the city
INSIDE = (date(2026, 8, 10), date(2026, 9, 5))
PERIOD = f"date '{INSIDE[0]}', date '{INSIDE[1]}'"
DAYS = f"day between '{INSIDE[0]}' and '{INSIDE[1]}'"
CHANNELS = (
    "round(sum(spend), 2), sum(impressions), round(sum(inquiries), 6), round(sum(booked), 6), round(sum(arrived), 6)"
)
DESK = "sum(inquiries), sum(booked), sum(waiting_list), sum(arrived), sum(completed), sum(due), sum(arrived_of_due)"
LOAD = "sum(slots), sum(booked), sum(cancelled), sum(visited), sum(inquiries), sum(inquiries_booked)"
PAYBACK = (
    "round(sum(spend), 2), sum(clicks), sum(sessions), round(sum(inquiries), 6), sum(deals), sum(won),"
    " round(sum(revenue), 2)"
)
SOLD = "sum(sales), sum(quantity), round(sum(amount), 2)"


@pytest.mark.parametrize(
    ("figures", "call", "daily"),
    [
        (
            f"source, campaign, {CHANNELS}, round(sum({{revenue}}), 2), round(sum(clients), 6)",
            f"channels_and_sources({PERIOD}, 'campaign')",
            f"channels_and_sources_daily where {DAYS} and coalesce(audience = 'primary', true) and not is_referral",
        ),
        (
            f"source, {CHANNELS}, round(sum(revenue), 2)",
            f"channels_and_sources({PERIOD}, 'source', audience => 'all', with_referrals => true)",
            f"channels_and_sources_daily where {DAYS}",
        ),
        (
            f"channel, {CHANNELS}, round(sum(revenue), 2)",
            f"channels_and_sources({PERIOD}, 'channel', audience => 'repeat', with_referrals => true)",
            f"channels_and_sources_daily where {DAYS} and coalesce(audience = 'repeat', true)",
        ),
        (
            f"administrator_id, {DESK}",
            f"administrator_conversion({PERIOD}) where administrator_id is not null",
            f"administrator_conversion_daily where {DAYS}",
        ),
        (
            DESK,
            f"administrator_conversion({PERIOD}, 'primary', true) where administrator_id is null",
            f"administrator_conversion_daily where {DAYS} and is_primary and not is_employee_referral",
        ),
        (
            "kind, outcome, {contacts}",
            f"inquiry_history where local_date between '{INSIDE[0]}' and '{INSIDE[1]}'",
            f"inquiry_history_daily where {DAYS}",
        ),
        (f"direction, {LOAD}", f"direction_load({PERIOD})", f"direction_load_daily where {DAYS}"),
        (
            "stage, manager_id, {deals}",
            f"deal_journal where created_date between '{INSIDE[0]}' and '{INSIDE[1]}'",
            f"deal_journal_daily where {DAYS}",
        ),
        (
            "stage, source, sum(deals), sum(won), round(sum(revenue), 2), sum(hot_won)",
            f"deal_summary({PERIOD})",
            f"deal_summary_daily where {DAYS}",
        ),
        ("count(*), round(sum(amount), 2)", f"top_deals({PERIOD}, 1000000)", f"top_deals_daily where {DAYS}"),
        (f"source, campaign, {PAYBACK}", f"ad_payback({PERIOD}, 'campaign')", f"ad_payback_daily where {DAYS}"),
        (
            "manager_id, source, sum(deals), sum(won), round(sum(revenue), 2)",
            f"traffic_influence({PERIOD})",
            f"traffic_influence_daily where {DAYS}",
        ),
        (f"item, {SOLD}", f"service_sales({PERIOD}, 'period') where sales > 0", f"service_sales_daily where {DAYS}"),
        (f"person_key, {SOLD}", f"service_buyers({PERIOD})", f"service_buyers_daily where {DAYS}"),
        (SOLD, f"service_sales({PERIOD}, 'period')", f"service_dips_daily where {DAYS}"),
        (
            "channel, round(sum(spend), 2), round(sum(inquiries), 6), round(sum(clients), 6), round(sum(revenue), 2)",
            f"channels_and_sources({PERIOD}, with_referrals => true)",
            f"lead_plan_daily where {DAYS}",
        ),
        (
            "step, channel, {steps}",
            f"client_path_steps where local_date between '{INSIDE[0]}' and '{INSIDE[1]}'",
            f"client_path_daily where {DAYS}",
        ),
        (
            "reason, {inquiries}, round(sum(expected_value), 2)",
            f"lost_inquiries({PERIOD})",
            f"lost_inquiries_daily where {DAYS}",
        ),
    ],
    ids=lambda text: text.split("_daily")[0].split("(")[0].split(" ")[0].rstrip(","),
)
def test_days_of_a_report_add_up_to_it(city: City, figures: str, call: str, daily: str) -> None:
    """A name in braces is a count of rows in the report and a column by day; of revenue it is that of the audience."""
    names = ("contacts", "deals", "steps", "inquiries")
    of_report = figures.format(**dict.fromkeys(names, "count(*)"), revenue="revenue")
    of_days = figures.format(**{name: f"sum({name})" for name in names}, revenue="revenue_of_primary")
    keys = [str(number + 1) for number, name in enumerate(figures.split(", ")) if name.isidentifier()]
    grouped = f"group by {', '.join(keys)}" if keys else ""
    wanted = values(city.url, f"select {of_report} from reports.{call} {grouped}")
    found = values(city.url, f"select {of_days} from reports.{daily} {grouped}")
    assert wanted
    assert _full(found) == _full(wanted)


def _full(rows: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """Rows that say something, null for nothing, in any order."""
    told = [tuple(None if cell == 0 else cell for cell in row) for row in rows]
    return sorted((row for row in told if any(isinstance(cell, int | Decimal) for cell in row)), key=str)


@pytest.mark.parametrize("conversion", ["booking", "first_visit", "deal", "payment"])
def test_days_of_attribution_add_up_to_every_model_and_campaign(city: City, conversion: str) -> None:
    figures = "round(sum(conversions), 6), round(sum(revenue), 2), round(sum(spend), 2)"
    call = f"select model, channel, source, campaign, {figures} from reports.{{}} group by 1, 2, 3, 4"
    wanted = values(city.url, call.format(f"attribution({PERIOD}, '{conversion}')"))
    found = values(city.url, call.format(f"attribution_daily where {DAYS} and conversion = '{conversion}'"))
    assert sorted(found, key=str) == sorted(wanted, key=str)
    sums = "select model, sum(conversions), sum(revenue) from reports.attribution_daily"
    totals = values(city.url, f"{sums} where {DAYS} and conversion = '{conversion}' group by 1")
    assert len(totals) == 9
    assert len({row[1:] for row in totals}) == 1, "credits of a conversion sum to exactly 1, whatever the model"


def test_nobody_is_treated_to_the_end_where_stages_were_never_loaded_is_not_known_by_day_either(own_city: City) -> None:
    """RULES 12.27: null, and not 0, in the report and in what tools sum up themselves."""
    with psycopg.connect(own_city.url, autocommit=True) as owner:
        owner.execute("update reports.administrator_conversion_inquiries set is_completed = null")
    report = f"select completed from reports.administrator_conversion({PERIOD}) where administrator_id is null"
    by_day = f"select sum(completed) from reports.administrator_conversion_daily where {DAYS}"
    assert values(own_city.url, report) == values(own_city.url, by_day) == [(None,)]
