"""What a dashboard makes of a report's answer: moments on the clinic's clock, words that are also the clinic's own,
totals over rows that overlap, what is said where there is nothing.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from bi import assets, state
from bi.clock import on_the_clock
from bi.rendering import Period, rendered
from bi.spec import LANGUAGES, Dashboard, dashboards, words
from tests.city import FIRST, LAST, City
from warehouse.forecast.dips import Window
from warehouse.forecast.figures import season_name

PERIOD = Period(first=FIRST, last=LAST)
EVERY = sorted({dataset.report for dashboard in dashboards() for dataset in dashboard.datasets.values()})


def of(report: str) -> Dashboard:
    return next(each for each in dashboards() if each.report == report)


def asked(
    url: str,
    report: str,
    dataset: str,
    shown: str = "*",
    *,
    language: str = "en",
    chosen: Mapping[str, list[str]] | None = None,
    zones: Mapping[str, str] | None = None,
    period: Period = PERIOD,
) -> list[tuple[Any, ...]]:
    """Rows of a dataset as its chart asks for them."""
    query = assets.query(of(report), of(report).datasets[dataset], language)
    sql = rendered(query, period, rights=EVERY, chosen=chosen, zones=zones)
    with psycopg.connect(url, autocommit=True) as owner:
        return owner.execute(f"select {shown} from ({sql}) as answer".encode()).fetchall()


@pytest.mark.parametrize(
    ("zones", "clinic", "shown"),
    [
        ({}, "C1", "2026-03-02 20:30"),
        ({"": "Europe/Moscow", "C1": "Europe/Moscow"}, "C1", "2026-03-02 23:30"),
        ({"": "Europe/Moscow", "C2": "Asia/Yekaterinburg"}, "C2", "2026-03-03 01:30"),  # 5 hours ahead: the day after
        ({"": "Europe/Moscow", "C2": "Asia/Yekaterinburg"}, "C1", "2026-03-02 23:30"),
        ({"": "Europe/Moscow", "C2": "Asia/Yekaterinburg"}, None, "2026-03-02 23:30"),  # a site visit has no clinic
        ({"": "Europe/Moscow", "O'Brien": "Europe/London"}, "O'Brien", "2026-03-02 20:30"),
    ],
)
def test_a_moment_is_shown_on_the_clock_of_its_clinic(
    city: City, zones: Mapping[str, str], clinic: str | None, shown: str
) -> None:
    shown_at = on_the_clock("at", zones, "clinic_id")
    with psycopg.connect(city.url) as owner:
        sql = f"select {shown_at} from (select %s::timestamptz as at, %s::text as clinic_id) as one"
        row = owner.execute(sql.encode(), ("2026-03-02 20:30Z", clinic)).fetchone()
    assert row == (datetime.fromisoformat(shown),)


def test_the_hour_of_a_contact_is_of_the_day_it_is_found_under(city: City) -> None:
    with psycopg.connect(city.url) as owner:
        zones: dict[str, str] = dict(owner.execute("select clinic_id, time_zone from marts.dim_clinics").fetchall())
    found = asked(city.url, "inquiry_history", "contacts", "occurred_at, day", zones={"": "UTC", **zones})
    assert len(found) > 100
    assert all(occurred_at.date() == day for occurred_at, day in found)
    # in UTC some of them are of the day before, which is what makes this worth a test
    in_utc = asked(city.url, "inquiry_history", "contacts", "occurred_at, day")
    assert any(occurred_at.date() != day for occurred_at, day in in_utc)


def test_the_bridge_tells_the_zones_of_the_viewers_own_clinics(own_city: City) -> None:
    role = f"bi{uuid.uuid4().hex[:8]}"
    with psycopg.connect(own_city.url, autocommit=True) as owner:
        owner.execute("update marts.dim_clinics set time_zone = 'Asia/Omsk' where clinic_id = 'C2'")
        owner.execute("select access.add_employee(%s, 'Anna Invented', %s, null)", (role, role))
        try:
            def told() -> Any:  # noqa: ANN401 - zones, currency
                return owner.execute("select zones, currency from bridge.viewer(%s)", (role,)).fetchone()

            assert told() == ({"": "Europe/Moscow"}, "RUB")
            owner.execute("select access.allow(%s, 'inquiry_history', clinics => '{C2}')", (role,))
            assert told() == ({"": "Europe/Moscow", "C2": "Asia/Omsk"}, "RUB")
            owner.execute("select access.allow(%s, 'deal_journal')", (role,))
            assert told()[0].keys() == {"", "C1", "C2", "C3"}
        finally:
            owner.execute("select access.remove_employee(%s)", (role,))


def test_a_client_of_two_channels_is_one_of_all_together(own_city: City) -> None:
    """People who came back: each channel has them, the number on top has them once."""
    choices = {"audience": ["People who came before"], "referrals": ["Shown"]}
    with psycopg.connect(own_city.url) as owner:
        # somebody who came back by two channels
        owner.execute(
            "update reports.channels_and_sources_events as second set person_key = first.person_key"
            " from reports.channels_and_sources_events as first"
            " where first.event_kind = 'client' and first.audience = 'repeat' and second.event_kind = 'client'"
            " and second.audience = 'repeat' and first.channel < second.channel"
        )
    (shown,) = asked(own_city.url, "channels_and_sources", "clients", "sum(clients)", chosen=choices)
    with psycopg.connect(own_city.url) as owner:
        (whole, rows) = owner.execute(
            "select (select clients from reports.channels_and_sources(%s, %s, level => 'total', audience => 'repeat',"
            " with_referrals => true)), (select sum(clients) from reports.channels_and_sources(%s, %s,"
            " audience => 'repeat', with_referrals => true))", (FIRST, LAST, FIRST, LAST),
        ).fetchone() or (None, None)
    assert shown == (whole,)
    assert whole < rows


def test_a_topic_that_the_clinic_calls_as_we_do_is_found(own_city: City) -> None:
    """The files of a Russian clinic say «Терапия», which is also our word for `therapy`."""
    with psycopg.connect(own_city.url, autocommit=True) as owner:
        for relation in ("administrator_conversion_inquiries", "channels_and_sources_events"):
            owner.execute(f"update reports.{relation} set topic = 'Терапия' where topic = 'therapy'".encode())
        row = owner.execute(
            "select inquiries from reports.administrator_conversion(%s, %s, topic => 'Терапия')"
            " where administrator_id is null", (FIRST, LAST),
        ).fetchone()
    assert row is not None and row[0] > 0
    choices = {"topic": ["Терапия"]}
    shown = "sum(inquiries)"
    assert asked(own_city.url, "administrator_conversion", "people", shown, language="ru", chosen=choices) == [row]
    # a topic that only the word stands for is still found by its word
    for topic in ("Терапия", "Имплантация"):
        choices = {"topic": [topic]}
        ((found,),) = asked(own_city.url, "channels_and_sources", "rows", shown, language="ru", chosen=choices)
        assert found > 0, topic


def test_recommendations_are_shown_when_asked_for(city: City) -> None:
    shown = {"referrals": ["Shown"]}
    with psycopg.connect(city.url) as owner:
        row = owner.execute(
            "select sum(inquiries) from reports.channels_and_sources(%s, %s, with_referrals => true)", (FIRST, LAST)
        ).fetchone()
    for dataset in ("rows", "sources"):
        assert asked(city.url, "channels_and_sources", dataset, "sum(inquiries)", chosen=shown) == [row]
    hidden = asked(city.url, "channels_and_sources", "daily", "sum(inquiries)")
    assert hidden == asked(city.url, "channels_and_sources", "rows", "sum(inquiries)")
    assert hidden < asked(city.url, "channels_and_sources", "daily", "sum(inquiries)", chosen=shown) == [row]
    hide = {"employee_referrals": ["Left out"]}
    with psycopg.connect(city.url) as owner:
        row = owner.execute(
            "select inquiries from reports.administrator_conversion(%s, %s, hide_employee_referrals => true)"
            " where administrator_id is null", (FIRST, LAST),
        ).fetchone()
    for dataset in ("people", "daily"):
        assert asked(city.url, "administrator_conversion", dataset, "sum(inquiries)", chosen=hide) == [row]


def test_what_happened_on_a_path_is_said_in_words(city: City) -> None:
    with psycopg.connect(city.url) as owner:
        row = owner.execute(
            "select person_key from reports.client_path_steps where detail like 'call, inbound%' order by 1 limit 1"
        ).fetchone()
    assert row is not None
    chosen = {"person_key": [row[0]]}
    found = asked(city.url, "inquiry_history", "path", "detail", language="ru", chosen=chosen)
    said = [detail for (detail,) in found if detail]
    assert any(detail.startswith("звонок, входящее") for detail in said)
    english = re.compile(r"\b(call|inbound|outbound|wants_to_book|primary)\b")
    assert not [detail for detail in said if english.search(detail)]


@pytest.mark.parametrize(
    ("detail", "english", "russian"),
    [
        ("therapy, for 2026-09-05", "therapy, for 05 Sep 2026", "терапия, на 05.09.2026"),
        ("c1.example, source by utm", "c1.example, source by UTM tags", "c1.example, источник по меткам UTM"),
        ("implants, stage 2, Crown 3", "implants, stage 2, Crown 3", "имплантация, этап 2, Crown 3"),
        ("first visit, came by nobody", "first visit, of no inquiry", "первый визит, без обращения"),
        ("Сделки, crm_integration", "Сделки, CRM", "Сделки, CRM"),
        ("Отказ, expensive", "Отказ, expensive", "Отказ, дорого"),
        ("for 2026-13-77", "for 2026-13-77", "на 2026-13-77"),  # no day of the calendar breaks a path
        (None, None, None),
    ],
)
def test_a_step_of_a_path_is_in_the_readers_words(
    city: City, detail: str | None, english: str | None, russian: str | None
) -> None:
    shown = ", ".join(assets.in_words("detail", language).replace("as detail", "") for language in LANGUAGES)
    with psycopg.connect(city.url) as owner:
        row = owner.execute(f"select {shown} from (select %s::text as detail) as one".encode(), (detail,)).fetchone()
    assert row == (english, russian)


def test_a_card_says_our_words_in_the_readers_language(city: City) -> None:
    """Why it was lost and a source that nobody knows; what the clinic wrote stays."""
    shown = assets.in_words("content", "ru")
    with psycopg.connect(city.url) as owner:
        sql = f"select {shown} from unnest(array['expensive', 'unknown', 'call', 'Anna']) as one (content)"
        assert owner.execute(sql.encode()).fetchall() == [("Дорого",), ("Неизвестно",), ("Звонок",), ("Anna",)]


def test_a_deal_that_nobody_chose_has_no_empty_table_below(city: City) -> None:
    hint = words().values["field"]["choose_deal"]["en"]
    for dataset, column in (("card", "field"), ("stages", "stage"), ("origins", "touch_channel")):
        assert asked(city.url, "deal_journal", dataset, column) == [(hint,)]


def test_a_season_is_named_in_the_readers_language() -> None:
    spans = [(first, (first + more - 1) % 12 + 1) for first in range(1, 13) for more in range(3)]
    names = [season_name(Window(week=0, length=4, months=span)) for span in spans]
    said = {name: words().values["season"][name]["ru"] for name in names}
    assert len(said) == 36
    assert [said[name] for name in ("August", "December-January", "June-August")] == [
        "Август", "Декабрь–Январь", "Июнь–Август",
    ]  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_plan_without_a_loss_says_so(city: City, language: str) -> None:
    """The city has one year of sales and no subscriptions: no dip is known and nobody fails to renew."""
    (row,) = asked(city.url, "service_sales", "plan", "channel, clients_needed", language=language)
    assert row == (words().values["channel"]["nothing_to_win"][language], 0)
    to_win = asked(city.url, "service_sales", "plan", "clients_needed", language=language, chosen={"target": ["10"]})
    assert sum(clients for (clients,) in to_win) == 10


def test_bookings_without_a_schedule_are_no_load_of_another_line_of_work(city: City) -> None:
    """5 of 10 slots are booked, and 20 appointments say no line of work, which has no slots: 50 %, not 250 %."""
    metric = of("direction_load").datasets["rows"].metrics["total_load_percent"]
    with psycopg.connect(city.url) as owner:
        sql = f"select {metric} from (values (10, 5), (0, 20)) as answer (slots, booked)"
        assert owner.execute(sql.encode()).fetchone() == (50,)


def test_what_a_model_gives_nothing_is_no_row_on_top() -> None:
    """PostgreSQL puts null first where the largest comes first."""
    sql = of("attribution").datasets["side_by_side"].sql
    assert sql.count("coalesce(max(conversions) filter") == sql.count("max(conversions)") == 9


def test_the_state_names_the_currency_and_what_a_part_waits_for(own_city: City) -> None:
    """The lead plan stands on the dashboard of sales and rests on spend: a late source of it is named there."""
    with psycopg.connect(own_city.url, autocommit=True) as owner:
        found = owner.execute("select report, sources from reports.freshness_of_reports").fetchall()
        sources: dict[str, list[str]] = dict(found)
        only_plan = sorted(set(sources["lead_plan"]) - set(sources["service_sales"]))
        for language, says in (("en", "Amounts are in RUB"), ("ru", "Суммы в валюте RUB")):
            query = state.query(of("service_sales"), language)
            row = owner.execute(rendered(query, PERIOD, rights=[*EVERY, "freshness"]).encode()).fetchone()
            assert row is not None and says in row[0]
        assert "RUB" not in rendered(state.query(of("freshness"), "en"), PERIOD, rights=EVERY)
        if not only_plan:
            return  # loaded from files, all rest on the same source
        owner.execute("update reports.freshness_streams set stale_from = now() - interval '1 day' where source = %s",
                      (only_plan[0],))  # fmt: skip
        row = owner.execute(rendered(state.query(of("service_sales"), "en"), PERIOD, rights=EVERY).encode()).fetchone()
        assert row is not None and only_plan[0] in row[0]


@pytest.mark.parametrize("report", [each.report for each in dashboards() if each.report != "freshness"])
def test_a_clinic_without_anything_in_the_period_is_said(city: City, report: str) -> None:
    """Its own days: a clinic that opened later, or whose source was switched off."""
    with psycopg.connect(city.url, autocommit=True) as owner:
        for language, says in state.SAYS["other_clinic"].items():
            for clinic, is_said in (("C1", False), ("C9", True)):
                query, chosen = state.query(of(report), language), {"clinic_id": [clinic]}
                row = owner.execute(rendered(query, PERIOD, rights=EVERY, chosen=chosen).encode()).fetchone()
                assert row is not None and row[0].startswith(says) == is_said, (language, clinic, row)


def test_parts_that_are_not_open_are_named_once_and_together(city: City) -> None:
    with psycopg.connect(city.url) as owner:
        for given, says in (
            (EVERY, "a day. Amounts"),
            (["service_buyers", "service_dips"], "; not open to you: lead plan, expiring subscriptions. "),
            (["service_buyers"], "; not open to you: seasonal dips, what was checked for dips, lead plan, expiring"),
        ):
            query = rendered(state.query(of("service_sales"), "en"), PERIOD, rights=set(given) - {"freshness"})
            row = owner.execute(query.encode()).fetchone()
            assert row is not None and says in row[0], row


def test_one_day_and_days_to_come(city: City) -> None:
    """The last day of a period is in it; a period after the data is said to be empty."""
    with psycopg.connect(city.url) as owner:
        (day, contacts) = owner.execute(
            "select local_date, count(*) from reports.inquiry_history where local_date between %s and %s"
            " group by 1 order by 2 desc, 1 limit 1", (FIRST, LAST),
        ).fetchone() or (date.min, 0)
        one = Period(first=day, last=day)
        assert len(asked(city.url, "inquiry_history", "contacts", period=one)) == contacts
        later = Period(first=LAST + timedelta(days=3000), last=LAST + timedelta(days=3030))
        row = owner.execute(rendered(state.query(of("inquiry_history"), "en"), later, rights=()).encode()).fetchone()
    assert row is not None and row[0].startswith(state.SAYS["other_days"]["en"])
