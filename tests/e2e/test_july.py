"""Payback, managers, directions, losses and the depth of the deal journal on a July worked out by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from tests.e2e.july import PERIOD, rows, values
from tests.templates import Template, copied

PAGES = Path(__file__).resolve().parents[2] / "docs" / "reports"
MY_PAGES = (
    "ad_payback", "traffic_influence", "direction_load", "lost_inquiries", "deal_journal", "deal_summary", "top_deals",
    "channels_and_sources", "administrator_conversion", "inquiry_history", "attribution",
)  # fmt: skip
QUERY = re.compile(r"^```sql\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def july(pg_server_url: str, july_template: Template) -> Iterator[str]:
    with copied(july_template.url, pg_server_url) as url:
        yield url


def day(number: int) -> date:
    return date(2026, 7, number)


def test_a_source_has_paid_back_on_the_day_its_revenue_passed_its_spend(july: str) -> None:
    found = values(
        july,
        "select source, spend, clicks, sessions, inquiries, deals, won, revenue, roi_percent, payback_day"
        f" from reports.ad_payback({PERIOD}) order by source",
    )
    assert found == [
        ("banner", 100, 0, 0, 0, 0, 0, 0, -100, None),  # spend without anything keeps its row
        ("unknown", 0, 0, 0, 5, 1, 1, 1000, None, None),  # and so does what nobody paid for
        # 300 a day until the 3rd; 800 on the 4th are not enough, 1000 on the 6th are
        ("vk", 500, 5, 1, 2, 2, 1, 700, 40, day(3)),  # earned on the day of its first spend: the day after
        ("yandex", 900, 30, 2, 1, 3, 2, 1000, Decimal("11.11"), day(6)),
    ]
    (total,) = rows(july, f"select * from reports.ad_payback({PERIOD}, level => 'total')")
    assert (total["spend"], total["revenue"], total["payback_day"]) == (1500, 2700, day(6))
    (short,) = rows(
        july, "select * from reports.ad_payback(date '2026-07-01', date '2026-07-05') where source = 'yandex'"
    )
    assert (short["revenue"], short["payback_day"]) == (800, None)
    of_clinic = rows(july, f"select * from reports.ad_payback({PERIOD}, clinic => 'C1')")
    in_clinic = {row["source"]: row for row in of_clinic}
    assert "banner" not in in_clinic
    assert in_clinic["yandex"]["sessions"] == 0


@pytest.mark.parametrize("level", ["total", "channel", "source", "campaign"])
def test_the_curve_ends_where_the_report_stands_and_turns_on_the_payback_day(july: str, level: str) -> None:
    report = values(
        july,
        "select channel, source, campaign, spend, revenue, payback_day"
        f" from reports.ad_payback({PERIOD}, '{level}')",
    )
    curve = f"reports.ad_payback_curve({PERIOD}, '{level}')"
    ends = values(
        july,
        "select channel, source, campaign, max(cumulative_spend), max(cumulative_revenue),"
        f" min(day) filter (where is_paid_back) from {curve} group by 1, 2, 3",
    )
    assert sorted(ends, key=str) == sorted(report, key=str)
    holes = values(
        july, f"select channel, count(*) - (max(day) - min(day) + 1) from {curve} group by channel, source, campaign"
    )
    assert {hole for _channel, hole in holes} == {0}


def test_a_manager_is_seen_by_source(july: str) -> None:
    found = values(
        july,
        "select manager_id, manager, source, deals, won, conversion_percent, average_deal, revenue,"
        f" median_days_to_close from reports.traffic_influence({PERIOD})",
    )
    assert found == [
        ("M1", "Manager One", "yandex", 3, 2, Decimal("66.67"), 500, 1000, Decimal("3.5")),
        ("M2", "Manager Two", "vk", 2, 1, 50, 700, 700, 0),
        ("unknown", "unknown", "unknown", 1, 1, 100, 1000, 1000, 4),
    ]


def test_won_counts_when_it_closed_and_stands_beside_what_became_of_the_deals_created(july: str) -> None:
    found = values(
        july,
        "select deals, won, won_of_created, won_of_created_percent"
        " from reports.traffic_influence(date '2026-07-02', date '2026-07-04') where manager_id = 'M1'",
    )
    assert found == [(1, 1, 1, 100)]  # D2 was created, D1 was closed, D2 is won by now


def test_an_idle_direction_that_people_ask_for_is_lost_at_the_desk(july: str) -> None:
    found = values(
        july,
        "select direction, slots, booked, cancelled, visited, load_percent, inquiries, booked_percent,"
        " top_refusal_reason, lost_at_the_desk, verdict"
        f" from reports.direction_load({PERIOD}) where week = date '2026-07-06'",
    )
    assert found == [
        ("hygiene", 1, 0, 0, 0, 0, 0, None, None, False, "no_demand"),
        ("implants", 4, 1, 0, 1, 25, 4, 25, "expensive", True, "lost_at_the_desk"),
        # as many inquiries are refused, but there was no free slot; 23:30 on Sunday is still this week
        ("therapy", 4, 4, 1, 2, 100, 4, 25, "thinking", False, "busy"),
    ]
    weeks = values(july, f"select week, slots from reports.direction_load({PERIOD}) where direction = 'hygiene'")
    assert weeks == [(day(6), 1), (day(13), 1)]
    strict = f"select verdict from reports.direction_load({PERIOD}, enough_inquiries => 5) where direction = 'implants'"
    assert values(july, strict) == [("no_demand",)]


def test_losses_have_a_reason_a_value_and_somebody_who_handled_them(july: str) -> None:
    found = values(
        july,
        "select topic, reason, administrator_id, conversion_percent, average_profit, expected_value, expected_revenue"
        f" from reports.lost_inquiries({PERIOD})",
    )
    # one of four came and brought 10 000 less 6 000: 25 % of 4 000 each
    implant = (25, 4000, 1000, 2500)
    assert found == [
        ("implants", "expensive", "anna", *implant),
        ("implants", "expensive", "anna", *implant),
        ("implants", "far", "anna", *implant),
        # a filling without a cost: what it brings is known, what it earns is not. Who declined on the 6th booked on
        # the 7th, and a request saved ten days ago may still be called back
        ("therapy", "missed", "unknown", 25, None, None, 125),
    ]


def test_reasons_sum_to_all_losses(july: str) -> None:
    found = values(july, f"select * from reports.lost_inquiries_by_reason({PERIOD})")
    assert found == [
        ("expensive", 2, 0, 2000, 5000),
        ("far", 1, 0, 1000, 2500),
        ("missed", 1, 1, 0, 125),
        (None, 4, 1, 3000, 7625),
    ]


def test_a_deal_of_several_origins_is_one_deal_and_keeps_them_all(july: str) -> None:
    (deal,) = rows(july, "select * from reports.deal_journal where deal_id = 'D1'")
    assert (deal["source"], deal["origins"], deal["lead_ids"]) == ("yandex", ["vk", "yandex"], ["L1", "L2"])
    (hand,) = rows(july, "select * from reports.deal_journal where deal_id = 'D6'")
    assert (hand["days_to_contact"], hand["days_to_deal"], hand["days_touch_to_close"]) == (0, 0, 4)
    found = values(
        july,
        "select lead_id, source, campaign, tags from reports.deal_journal_origins where deal_id = 'D1'"
        " order by origin_number",
    )
    assert found == [
        ("L1", "vk", "family", None),
        ("L2", "yandex", "search", ["important"]),
        (None, "yandex", "search", ["hot"]),
    ]


def test_a_deal_that_names_nobody_is_of_the_person_of_its_leads_contact(july: str) -> None:
    (deal,) = rows(july, "select person_key, source from reports.deal_journal where deal_id = 'D6'")
    (contact,) = rows(july, "select person_key from reports.inquiry_history where contact_id = 'K9'")
    assert deal == {"person_key": contact["person_key"], "source": "unknown"}


def test_a_deal_has_the_recordings_of_calls_with_its_own_clinic_only(july: str) -> None:
    """A reader of one clinic hears no call of another (RULES section 11)."""
    found = values(july, "select recordings from reports.deal_journal where deal_id = 'D6'")
    assert found == [(["https://calls.example.org/k10", "https://calls.example.org/k12"],)]


def test_stages_are_kept_with_the_time_in_each(july: str) -> None:
    found = values(
        july,
        "select deal_id, stage, days_in_stage from reports.deal_journal_stages where deal_id in ('D1', 'D4')"
        " order by deal_id, stage_number",
    )
    assert found == [
        ("D1", "new", 1),
        ("D1", "offer", Decimal("2.08")),  # two days and two hours
        ("D1", "paid", None),  # where it ended
        ("D4", "new", 1),
        ("D4", "offer", 16),  # since the 4th, on the 20th
    ]
    times = values(july, f"select stage, entered, left_since, median_days from reports.stage_times({PERIOD})")
    assert times == [
        ("new", 5, 5, 1),
        ("offer", 4, 3, Decimal("2.08")),
        ("paid", 3, 0, None),
        ("refused", 1, 0, None),
    ]


def test_deals_stand_as_of_any_day(july: str) -> None:
    as_of = "select deal_id, stage, stage_kind, closed_date, days_open from reports.deals_as_of"
    assert values(july, f"{as_of}(date '2026-07-03')") == [
        ("D1", "offer", "open", None, 2),
        ("D2", "offer", "open", None, 1),
        ("D3", "paid", "won", day(2), 0),
        ("D4", "new", "open", None, 0),
    ]
    # D6 has no history: nobody knows its stage before it closed
    assert [row for row in values(july, f"{as_of}(date '2026-07-08')") if row[0] in ("D5", "D6")] == [
        ("D5", "refused", "lost", day(8), 3),
        ("D6", None, "open", None, 3),
    ]
    assert values(july, f"{as_of}(date '2026-06-30')") == []
    today = values(july, "select deal_id, stage, stage_kind from reports.deals_as_of(date '2026-07-20')")
    assert today == values(july, "select deal_id, stage, stage_kind from reports.deal_journal order by created_date, 1")


def test_the_open_pipeline_is_worth_what_its_stages_have_won_before(july: str) -> None:
    columns = "stage, deals, amount, closed_before, won_before, won_percent, share_of, expected_amount"
    # of three closed deals that had an offer, two were won
    assert values(july, f"select {columns} from reports.open_pipeline()") == [
        ("offer", 1, 4000, 3, 2, Decimal("66.67"), "stage", Decimal("2666.67"))
    ]
    # on the 8th D4 and D6 were open; D1, D2, D3 and D5 had closed, three of them won
    assert values(july, f"select {columns} from reports.open_pipeline(date '2026-07-08')") == [
        ("offer", 1, 4000, 3, 2, Decimal("66.67"), "stage", Decimal("2666.67")),
        (None, 1, 1000, 4, 3, 75, "pipeline", 750),
    ]
    assert values(july, "select count(*) from reports.open_pipeline(clinic => 'C2')") == [(0,)]


def test_hot_clients_stand_beside_the_others(july: str) -> None:
    found = values(july, f"select is_hot, deals, won, revenue, median_days_to_close from reports.hot_clients({PERIOD})")
    assert found == [(True, 3, 2, 1800, Decimal("3.5")), (False, 3, 2, 900, 2)]


def test_what_was_sold_stands_with_the_deal(july: str) -> None:
    found = values(
        july, "select item, quantity, amount from reports.deal_journal_items where deal_id = 'D1' order by item"
    )
    assert found == [("Brush", 2, 100), ("Crown", 1, 700)]


@pytest.mark.parametrize(
    ("report", "columns"),
    [
        ("ad_payback", ("spend", "clicks", "sessions", "inquiries", "deals", "won", "revenue")),
        ("traffic_influence", ("deals", "won", "revenue")),
        ("direction_load", ("slots", "booked", "visited", "inquiries", "inquiries_booked")),
    ],
)
def test_the_daily_relation_sums_to_the_report(july: str, report: str, columns: tuple[str, ...]) -> None:
    sums = ", ".join(f"sum({column})" for column in columns)
    daily = values(july, f"select {sums} from reports.{report}_daily where day between '2026-07-01' and '2026-07-31'")
    assert daily == values(july, f"select {sums} from reports.{report}({PERIOD})")


@pytest.mark.parametrize("page", MY_PAGES)
def test_the_queries_of_the_page_run(july: str, page: str) -> None:
    queries = QUERY.findall((PAGES / f"{page}.md").read_text(encoding="utf-8"))
    assert queries
    for query in queries:
        assert rows(july, query)


def test_a_page_names_every_column_and_parameter_of_its_report(july: str) -> None:
    names = values(
        july,
        """
        select proname, unnest(proargnames) from pg_proc where pronamespace = 'reports'::regnamespace
        union
        select relname, attname from pg_class
        inner join pg_attribute on attrelid = pg_class.oid and attnum > 0 and not attisdropped
        where relnamespace = 'reports'::regnamespace and relkind = 'v'
        """,
    )
    said = {path.stem: set(re.findall(r"\w+", path.read_text(encoding="utf-8"))) for path in PAGES.glob("*.md")}
    silent = sorted((report, name) for report, name in names if report in said and name not in said[report])
    assert not silent
