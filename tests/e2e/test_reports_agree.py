"""On the invented city: reports that count the same things agree, and deals say what the oracle says."""

from __future__ import annotations

import csv

from tests.city import FIRST, LAST, City
from tests.e2e.july import values
from tests.oracle.deals import deals_of_period, won_deals
from tests.oracle.rows import read_folder
from tests.oracle.spend import half_up


def test_reports_of_the_city_agree(city: City) -> None:
    url, folder, last = city.url, city.files, LAST
    period = f"date '{FIRST}', date '{last}'"

    def one(query: str) -> tuple[object, ...]:
        (row,) = values(url, query)
        return row

    # payback: spend and inquiries as in the channel report, at every level
    for level in ("total", "channel", "source", "campaign"):
        spent = "select sum(spend), sum(inquiries) from reports"
        channels = f"{spent}.channels_and_sources({period}, '{level}', audience => 'all', with_referrals => true)"
        assert one(channels) == one(f"{spent}.ad_payback({period}, '{level}')")
        turned = values(
            url,
            "select channel, source, campaign, min(day) filter (where is_paid_back)"
            f" from reports.ad_payback_curve({period}, '{level}') group by 1, 2, 3",
        )
        report = f"select channel, source, campaign, payback_day from reports.ad_payback({period}, '{level}')"
        assert set(turned) == set(values(url, report))

    # the lead plan rests on the channel report by cohort, every channel of it
    sums = "round(sum(spend), 2), round(sum(inquiries), 6), round(sum(clients), 6), round(sum(revenue), 2)"
    by_channel = f"select channel, {sums}"
    cohort = f"reports.channels_and_sources({period}, 'channel', with_referrals => true)"
    days = f"reports.lead_plan_daily where day between '{FIRST}' and '{last}'"
    won_by_channel = values(url, f"{by_channel} from {days} group by channel order by channel")
    assert won_by_channel == values(url, f"{by_channel} from {cohort} group by channel order by channel")
    plan = f"reports.lead_plan(date '{last}', date '{last}', 101, history_from => '{FIRST}', history_to => '{last}')"
    prices = set(values(url, f"select channel, cpl, history_inquiries from {plan}"))
    assert len(prices) >= 2
    assert prices <= set(values(url, f"select channel, cpl, inquiries from {cohort}"))
    assert one(f"select sum(clients_needed) from {plan}") == (101,)

    # deals: the oracle, the journal's summary, payback and managers
    data = read_folder(folder)
    won = won_deals(data, FIRST, last)
    assert won
    wanted = (len(deals_of_period(data, FIRST, last)), len(won))
    revenue = half_up(sum(row["exact_amount"] for row in won))
    for report in ("deal_summary", "ad_payback", "traffic_influence"):
        assert (*wanted, revenue) == one(f"select sum(deals), sum(won), sum(revenue) from reports.{report}({period})")

    # directions: every slot of the file, the administrators' inquiries
    with (folder / "schedule_slots.csv").open(encoding="utf-8") as opened:
        slots = sum(1 for _row in csv.DictReader(opened))
    assert slots > 0
    everything = "date '2020-01-01', date '2030-12-31'"
    assert one(f"select sum(slots) from reports.direction_load({everything})") == (slots,)
    handled = f"select inquiries, booked from reports.administrator_conversion({period}) where administrator_id is null"
    assert one(handled) == one(f"select sum(inquiries), sum(inquiries_booked) from reports.direction_load({period})")

    # topics, the unknown one too, add up to all of them
    topics = {topic or "unknown" for (topic,) in values(url, "select distinct topic from marts.fct_inquiries")}
    assert "unknown" in topics
    asked = f"select inquiries, booked from reports.administrator_conversion({period}, topic => '{{}}')"
    parts = [row for topic in topics for row in values(url, f"{asked.format(topic)} where administrator_id is null")]
    assert tuple(map(sum, zip(*parts, strict=True))) == one(handled)
    cohort = f"channels_and_sources({period}, 'total', topic => '{{}}', audience => 'all', with_referrals => true)"
    asked = f"select inquiries, booked from reports.{cohort}"
    found = [row for topic in topics for row in values(url, asked.format(topic))]
    assert tuple(map(sum, zip(*found, strict=True))) == one(handled)

    # losses: what is not booked, waiting, spam or regained, once each
    together = "select inquiries, expected_value from reports.lost_inquiries_by_reason"
    lost = one(f"{together}({period}) where reason is null")
    assert lost == one(f"select count(*), coalesce(sum(expected_value), 0) from reports.lost_inquiries({period})")
    by_reason = "select sum(inquiries), sum(expected_value) from reports.lost_inquiries_by_reason"
    assert lost == one(f"{by_reason}({period}) where reason is not null")
    not_lost = one(
        "select count(*) from marts.fct_inquiries as inquiries where people_group = 'wants_to_book'"
        f" and local_date between '{FIRST}' and '{last}' and (outcome in ('booked', 'waiting_list', 'spam')"
        " or exists (select from marts.fct_inquiries as later where later.person_key = inquiries.person_key"
        " and later.clinic_id = inquiries.clinic_id and later.outcome = 'booked'"
        " and later.first_contact_at > inquiries.first_contact_at))"
    )
    count = one(f"select sum(inquiries) from reports.administrator_conversion({period}) where administrator_id is null")
    assert int(str(lost[0])) > 0
    assert int(str(lost[0])) + int(str(not_lost[0])) == int(str(count[0]))
