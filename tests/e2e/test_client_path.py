"""The path of a person, and why his records are one person, on June with a treatment plan and deal stages."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
import pytest

from tests.templates import Template, copied

PAGES = Path(__file__).resolve().parents[2] / "docs" / "reports"


@pytest.fixture(scope="module")
def june(pg_server_url: str, more_than_june_template: Template) -> Iterator[str]:
    """June with a plan that was completed, one that was not, and a stage of a deal."""
    with copied(more_than_june_template.url, pg_server_url) as url:
        yield url


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def test_everything_that_happened_to_one_person_is_one_list_in_time(june: str) -> None:
    found = rows(
        june,
        "select to_char(occurred_at at time zone 'Europe/Moscow', 'MM-DD HH24:MI'), step, source, amount::integer"
        " from reports.client_path('patient:P1')",
    )
    assert found == [
        ("05-20 12:00", "session", "direct", None),
        ("05-25 12:00", "session", "yandex", None),
        ("05-31 12:00", "session", "yandex", None),
        ("06-01 09:00", "contact", "yandex", None),
        ("06-01 09:00", "inquiry", "yandex", None),
        ("06-01 09:06", "booking", None, None),
        ("06-01 10:00", "deal_created", "unknown", None),
        ("06-01 18:30", "contact", "yandex", None),
        ("06-01 23:59", "contact", "unknown", None),
        ("06-02 00:00", "contact", "yandex", None),
        ("06-02 00:00", "inquiry", "yandex", None),
        ("06-02 10:00", "deal_stage", "unknown", None),
        ("06-11 10:00", "visit", "yandex", None),
        ("06-11 11:00", "sale", None, 120_000),
        ("06-11 11:05", "payment", None, 120_000),
        ("06-11 11:30", "treatment_stage", None, None),
        ("06-11 12:00", "deal_won", "unknown", 100_000),
        ("06-25 12:00", "treatment_stage", None, None),
        ("06-25 12:00", "treatment_completed", None, None),
    ]


def test_who_did_not_arrive_and_who_waits_have_a_path_too(june: str) -> None:
    assert [step for (step,) in rows(june, "select step from reports.client_path('patient:P4')")] == [
        "contact", "inquiry", "booking", "not_arrived"
    ]  # fmt: skip
    assert "waiting_list" in {step for (step,) in rows(june, "select step from reports.client_path('patient:P8')")}
    assert not rows(june, "select * from reports.client_path('patient:nobody')")


def test_a_path_is_cut_to_clinic_days_where_a_period_is_asked(june: str) -> None:
    whole = rows(june, "select * from reports.client_path('patient:P1')")
    period = "date_from => date '2026-06-02', date_to => date '2026-06-11'"
    cut = rows(june, f"select * from reports.client_path(person_key => 'patient:P1', {period})")
    days = rows(
        june,
        "select local_date from reports.client_path_steps where person_key = 'patient:P1'"
        " order by occurred_at, step_order, step_key",
    )
    inside = [row for row, (day,) in zip(whole, days, strict=True) if "2026-06-02" <= str(day) <= "2026-06-11"]
    assert 0 < len(cut) < len(whole)
    assert cut == inside
    assert cut == rows(june, f"select * from reports.client_path_as_of(current_date, 'patient:P1', {period})")


def test_the_ends_of_a_treatment_are_those_of_its_stages(june: str) -> None:
    ends = rows(june, "select person_key from reports.client_path_steps where step = 'treatment_completed'")
    assert ends == [("patient:P1",)]


def test_no_step_holds_a_name_a_phone_or_an_address(june: str) -> None:
    details = " ".join(detail or "" for (detail,) in rows(june, "select detail from reports.client_path_steps"))
    assert not re.search(r"\+?\d{10,}|@|Patient|Client", details)


def test_the_days_have_all_the_money_of_the_marts(june: str) -> None:
    (found,) = rows(
        june,
        """
        select
            sum(amount) filter (where step in ('payment', 'refund')) = (select sum(amount) from marts.fct_payments),
            sum(amount) filter (where step = 'sale') = (select sum(amount) from marts.fct_sales),
            sum(steps) filter (where step = 'inquiry') = (select count(*) from marts.fct_inquiries),
            sum(steps) filter (where step = 'session') = (select count(*) from marts.fct_sessions)
        from reports.client_path_daily
        """,
    )
    assert found == (True, True, True, True)


@contextmanager
def employee(url: str, right: str) -> Iterator[str]:
    """The URL of Anna, with that right on the report."""
    role = f"t{uuid.uuid4().hex[:8]}_anna"
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("select access.add_employee(%s, 'Invented', null, 'anna')", (role,))
        owner.execute(f"select access.allow(%s, 'client_path', {right})".encode(), (role,))
        (password,) = owner.execute("select access.login_password(%s)", (role,)).fetchone() or ("",)
        server = urlsplit(url).netloc.rpartition("@")[2]
        try:
            yield urlsplit(url)._replace(netloc=f"{quote(role)}:{quote(password)}@{server}").geturl()
        finally:
            owner.execute("select access.remove_employee(%s)", (role,))


def test_an_administrator_sees_the_steps_that_she_took_part_in(june: str) -> None:
    with employee(june, "own_rows_only => true") as anna:
        assert [step for (step,) in rows(anna, "select step from reports.client_path('patient:P1')")] == [
            "contact", "inquiry", "booking", "contact", "contact", "contact", "inquiry", "visit"
        ]  # fmt: skip
        assert not rows(anna, "select * from reports.client_path('patient:P9')")


STEPS_BY_DAY = """
    select local_date, clinic_id, step, channel, source, campaign, count(*), sum(amount)
    from reports.client_path_steps group by 1, 2, 3, 4, 5, 6
"""


def test_the_days_are_the_steps_that_their_reader_may_see(june: str) -> None:
    everything = rows(june, f"{STEPS_BY_DAY} order by 1, 2, 3, 4, 5, 6")
    with employee(june, "own_rows_only => true") as anna:
        own = rows(anna, f"{STEPS_BY_DAY} order by 1, 2, 3, 4, 5, 6")
        assert own == rows(anna, "select * from reports.client_path_daily order by 1, 2, 3, 4, 5, 6")
    assert everything == rows(june, "select * from reports.client_path_daily order by 1, 2, 3, 4, 5, 6")
    assert {day[:-2] for day in own} < {day[:-2] for day in everything}


def test_it_explains_why_records_are_one_person(june: str) -> None:
    found = rows(
        june,
        "select record_kind, record_id, records, resolved_by, identifier_kind, identifier_state, identifier_value"
        " from reports.why_one_person('patient:P1')",
    )
    assert found == [
        ("card", "P1", 1, "card", "phone", "joins", "+79000000001"),
        ("contact", "E1", 1, "named", "phone", "joins", "+79000000001"),
        ("contact", "E2", 1, "owner", "phone", "joins", "+79000000001"),
        ("contact", "E3", 1, "named", "phone", "joins", "+79000000001"),
        ("contact", "E4", 1, "named", "phone", "joins", "+79000000001"),
        ("deal", "D1", 1, "owner", "phone", "joins", "+79000000001"),
        ("session", "W1", 3, "identifiers", "phone", "joins", "+79000000001"),
        ("session", "W1", 3, "identifiers", "client", "joins", "c-101"),
    ]


def test_a_shared_phone_and_a_counterpartys_are_said_to_join_nobody(june: str) -> None:
    children = "select record_id, identifier_state, patients from reports.why_one_person('patient:P3')"
    assert rows(june, children) == [("P3", "shared", 2), ("E7", "shared", 2)]
    listed = (
        "select record_id, resolved_by, identifier_state from reports.why_one_person_links"
        " where record_id in ('E8', 'E9') order by 1"
    )
    assert rows(june, listed) == [("E8", "list", "blocked_employee"), ("E9", "list", "blocked_counterparty")]


def test_phones_and_names_are_shown_only_with_the_right_to_personal_data(june: str) -> None:
    query = (
        "select count(*), count(identifier_key), count(identifier_value), count(full_name)"
        " from reports.why_one_person('patient:P1')"
    )
    with employee(june, "personal_data => false") as anna:
        assert rows(anna, query) == [(8, 8, 0, 0)]
    with employee(june, "personal_data => true") as anna:
        assert rows(anna, query) == [(8, 8, 8, 2)]


@pytest.mark.parametrize(("page", "found"), [("client_path", 19), ("why_one_person", 8)])
def test_the_query_of_the_page_runs(june: str, page: str, found: int) -> None:
    query, *others = re.findall(r"```sql\n(.*?)```", (PAGES / f"{page}.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(rows(june, query)) == found
    for other in others:
        assert rows(june, other)


def tables_of_the_story() -> tuple[list[list[str]], list[list[str]]]:
    """Cells of its two tables, without their heads."""
    story = (PAGES / "client_path.md").read_text(encoding="utf-8").partition("## A story")[2]
    lines = re.findall(r"^\|.*\|$", story, re.MULTILINE)
    cells = [[cell.strip() for cell in line[1:-1].split("|")] for line in lines]
    steps = [row for row in cells if len(row) == 6 and row[0][:1].isdigit()]
    return steps, [row for row in cells if len(row) == 4 and row[0].startswith("`")]


def test_the_story_of_the_page_is_what_the_path_says(june: str) -> None:
    found = rows(
        june,
        "select to_char(occurred_at at time zone 'Europe/Moscow', 'MM-DD HH24:MI'), step, source, campaign, detail,"
        " amount from reports.client_path('patient:P1')",
    )
    assert [["" if cell is None else str(cell) for cell in row] for row in found] == tables_of_the_story()[0]


def test_the_figures_of_the_story_are_those_of_the_reports(june: str) -> None:
    june_of = "date '2026-06-01', date '2026-06-30'"
    (campaign,) = rows(
        june,
        "select inquiries, booked, arrived, clients, revenue"
        f" from reports.channels_and_sources({june_of}, level => 'campaign') where campaign = 'implants-june'",
    )
    assert campaign == (1, 1, 1, 1, 120_000)
    shares = tables_of_the_story()[1]
    assert len(shares) == 5
    for model, *amounts in shares:
        found = {
            row[:2]: row[2]
            for row in rows(
                june,
                "select source, campaign, sum(amount) from marts.fct_attribution_credits"
                f" where person_key = 'patient:P1' and conversion = 'payment' and model = '{model.strip('`')}'"
                " group by 1, 2",
            )
        }
        told = [found.get(key, 0) for key in (("direct", None), ("yandex", None), ("yandex", "implants-june"))]
        assert told == [int(amount) for amount in amounts], model
