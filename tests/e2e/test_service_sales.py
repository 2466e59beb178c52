"""Service sales, their buyers and expiring subscriptions on the July worked out by hand (`*_studio.csv`)."""

from __future__ import annotations

import io
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
import pytest

from runtime.export import query_of, write_csv
from tests.e2e.comparing import ask, differences, expect, sales_questions
from tests.e2e.july import JULY, MOMENT, values
from tests.e2e.tracing import random_cells, require_sums
from tests.oracle.rows import read_folder
from tests.templates import Template, copied

PAGES = Path(__file__).resolve().parents[2] / "docs" / "reports"
QUERY = re.compile(r"^```sql\n(.*?)^```", re.MULTILINE | re.DOTALL)
REPORTS = ("service_sales", "service_buyers", "expiring_subscriptions")
JULY_DAYS = "date '2026-07-01', date '2026-07-31'"
HYGIENE = "item => 'Professional hygiene'"


@pytest.fixture(scope="module")
def july(pg_server_url: str, july_template: Template) -> Iterator[str]:
    with copied(july_template.url, pg_server_url) as url:
        yield url


@contextmanager
def employee(url: str, report: str, right: str) -> Iterator[str]:
    """The URL of an employee with that right on the report."""
    role = f"t{uuid.uuid4().hex[:8]}_anna"
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("select access.add_employee(%s, 'Invented', null, 'anna')", (role,))
        owner.execute(f"select access.allow(%s, %s, {right})".encode(), (role, report))
        (password,) = owner.execute("select access.login_password(%s)", (role,)).fetchone() or ("",)
        server = urlsplit(url).netloc.rpartition("@")[2]
        try:
            yield urlsplit(url)._replace(netloc=f"{quote(role)}:{quote(password)}@{server}").geturl()
        finally:
            owner.execute("select access.remove_employee(%s)", (role,))


def test_a_month_stands_against_the_one_before_and_the_same_of_last_year(july: str) -> None:
    found = values(
        july,
        "select item_kind, item_type, item, sales, quantity, amount, buyers, previous_amount, previous_buyers,"
        f" change_percent, last_year_amount, last_year_buyers from reports.service_sales({JULY_DAYS})",
    )
    assert found == [
        # one of two buyers bought in both clinics; 1 000 were sold to nobody known; 23:30 on 30 June is June's
        ("service", "hygiene", "Professional hygiene", 6, 6, 23000, 2, 15000, 3, Decimal("53.33"), 8000, 2),
        ("service", "implants", "Implant", 1, 1, 10000, 1, 0, 0, None, 0, 0),
        ("subscription", "club", "Care club", 3, 3, 9000, 3, 15000, 5, -40, 0, 0),
        ("service", "therapy", "Filling", 1, 1, 500, 1, 0, 0, None, 0, 0),
        # nothing this July, but in June, and 10 EUR of 90 roubles last July
        ("goods", "home care", "Brush", 0, 0, 0, 0, 600, 1, -100, 900, 1),
    ]


def test_sales_buyers_and_subscriptions_are_traced_to_their_lines(july: str) -> None:
    with psycopg.connect(july, autocommit=True) as owner:
        traced = list(random_cells(owner, ("2026-07-01", "2026-08-15"), 9, 6, frozenset(REPORTS)))
    assert {one.definition.report for one in traced} == set(REPORTS)
    for one in traced:
        require_sums(one)


def test_what_lies_before_the_first_sale_is_unknown_and_not_nothing(july: str) -> None:
    columns = "amount, previous_amount, last_year_amount, last_year_quantity, last_year_buyers, change_percent"
    june = f"select {columns} from reports.service_sales(date '2026-06-01', date '2026-06-30', level => 'total')"
    assert values(july, june) == [(30600, 15000, None, None, None, 104)]
    empty = f"select {columns} from reports.service_sales(date '2026-02-01', date '2026-02-28', level => 'total')"
    assert values(july, empty) == [(0, 20000, None, None, None, -100)]
    first = f"select {columns} from reports.service_sales(date '2025-07-01', date '2025-07-31', level => 'total')"
    assert values(july, first) == [(8900, None, None, None, None, None)]


def test_growth_out_of_returns_has_no_percentage(july: str) -> None:
    """600 of brushes given back in June and last July, 600 sold in July: 1 200 / -600 would be a fall by 200 %."""
    with psycopg.connect(july) as owner:
        owner.execute("update reports.service_sales_lines set amount = -600 where item = 'Brush'")
        owner.execute(
            "update reports.service_sales_lines set item = 'Brush', item_kind = 'goods', item_type = 'home care',"
            " amount = 600 where item = 'Filling'"
        )
        found = owner.execute(
            "select amount, previous_amount, change_percent, last_year_amount, last_year_change_percent"
            f" from reports.service_sales({JULY_DAYS}, item => 'Brush')".encode()
        ).fetchall()
        owner.rollback()
    assert found == [(600, -600, None, -600, None)]


@pytest.mark.parametrize("level", ["item_kind", "item_type", "item"])
@pytest.mark.parametrize("grain", ["day", "week", "month", "period"])
def test_rows_of_a_level_sum_to_all_together(july: str, grain: str, level: str) -> None:
    figures = ("sales", "quantity", "amount", "previous_amount", "last_year_amount")
    sums = ", ".join(f"coalesce(sum({figure}), 0)" for figure in figures)
    call = f"select {sums} from reports.service_sales(date '2025-07-03', date '2026-07-17', '{grain}'"
    assert values(july, f"{call}, level => '{level}')") == values(july, f"{call}, level => 'total')")


def test_buyers_of_a_week_are_not_those_of_its_days(july: str) -> None:
    call = f"select sum(buyers) from reports.service_sales(date '2026-07-13', date '2026-07-19', '%s', {HYGIENE})"
    assert values(july, call % "day") == [(2,)]  # on Wednesday, and on Saturday in the other clinic
    assert values(july, call % "week") == [(1,)]


@pytest.mark.parametrize(
    ("grain", "days", "previous", "last_year"),
    [
        ("month", ("2024-02-01", "2024-02-29"), ("2024-01-01", "2024-01-31"), ("2023-02-01", "2023-02-28")),
        ("month", ("2025-02-01", "2025-02-28"), ("2025-01-01", "2025-01-31"), ("2024-02-01", "2024-02-29")),
        ("month", ("2026-03-10", "2026-03-30"), ("2026-02-10", "2026-02-28"), ("2025-03-10", "2025-03-30")),
        ("month", ("2026-03-30", "2026-03-31"), None, ("2025-03-30", "2025-03-31")),
        ("day", ("2024-02-29", "2024-02-29"), ("2024-02-28", "2024-02-28"), None),
        ("day", ("2024-03-01", "2024-03-01"), ("2024-02-29", "2024-02-29"), ("2023-03-01", "2023-03-01")),
        # the 53rd week of 2020, a part of a week, and the first of 2021
        ("week", ("2020-12-28", "2021-01-03"), ("2020-12-21", "2020-12-27"), ("2019-12-30", "2020-01-05")),
        ("week", ("2020-12-23", "2020-12-27"), ("2020-12-16", "2020-12-20"), ("2019-12-25", "2019-12-29")),
        ("week", ("2021-01-04", "2021-01-10"), ("2020-12-28", "2021-01-03"), ("2020-01-06", "2020-01-12")),
        ("period", ("2024-01-01", "2024-12-31"), ("2023-01-01", "2023-12-31"), ("2023-01-01", "2023-12-31")),
        ("period", ("2026-04-01", "2026-06-30"), ("2026-01-01", "2026-03-31"), ("2025-04-01", "2025-06-30")),
        ("period", ("2026-06-10", "2026-06-20"), ("2026-05-30", "2026-06-09"), ("2025-06-10", "2025-06-20")),
    ],
)
def test_a_period_is_compared_with_days_of_its_own_kind(
    july: str, grain: str, days: tuple[str, str], previous: tuple[str, str] | None, last_year: tuple[str, str] | None
) -> None:
    with psycopg.connect(july) as connection:
        (row,) = connection.execute("select * from reports.compared_periods(%s, %s, %s)", (*days, grain)).fetchall()
    _period, *found = row
    assert tuple(map(str, found[:2])) == days
    for first, last, wanted in ((*found[2:4], previous), (*found[4:6], last_year)):
        if wanted is None:
            assert first > last, "there are no such days"
        else:
            assert (str(first), str(last)) == wanted


def test_a_word_that_is_no_grain_or_level_is_said(july: str) -> None:
    for wrong in ("'year'", "'month', level => 'brand'"):
        with pytest.raises(psycopg.errors.InvalidParameterValue, match="is one of"):
            values(july, f"select * from reports.service_sales({JULY_DAYS}, {wrong})")


def test_buyers_are_told_by_how_often_they_come(july: str) -> None:
    columns = "person_key, full_name, purchases, sales, quantity, amount, median_days_between, purchases_per_year"
    found = values(
        july,
        f"select {columns} from reports.service_buyers(date '2026-06-01', date '2026-07-31', {HYGIENE})",
    )
    assert found == [
        # 5 June, twice on 3 July, 15 July, 18 July in the other clinic: gaps of 28, 12 and 3 days
        ("patient:H1", "Hygiene Client 1", 4, 5, 5, 22000, 12, Decimal("25.48")),
        ("patient:H3", "Hygiene Client 3", 2, 2, 2, 10000, 1, Decimal("365.25")),  # an hour later is the next day
        ("patient:H2", "Hygiene Client 2", 1, 1, 1, 5000, None, None),
    ]
    merged = values(
        july,
        "select purchases, to_char(first_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI'), last_at::date from"
        " reports.service_buyers(date '2025-01-01', date '2026-12-31') where person_key = 'patient:H2'",
    )
    assert merged == [(3, "2025-07-05 03:00", date(2026, 6, 20))]
    often = values(
        july,
        "select item, buyers, purchases, repeat_buyers, repeat_percent, median_days_between"
        f" from reports.service_frequency(date '2026-01-01', date '2026-07-31', {HYGIENE})",
    )
    assert often == [("Professional hygiene", 3, 7, 2, Decimal("66.67"), Decimal("7.5"))]


def test_who_gives_back_buys_nothing(july: str) -> None:
    """H2 gives June's hygiene back in July, Z never bought one: 2 lines and -5 500, no purchase, no buyer."""
    columns = "purchases, first_at is null, sales, quantity, amount, median_days_between"
    call = f"{JULY_DAYS}, {HYGIENE}"
    with psycopg.connect(july) as owner:

        def told(query: str) -> list[tuple[Any, ...]]:
            return owner.execute(query.encode()).fetchall()

        sold = f"select sales, quantity, amount, buyers from reports.service_sales({call})"
        often = f"select buyers, purchases, median_days_between from reports.service_frequency({call})"
        before, frequency = told(sold), told(often)
        for table in ("service_sales_lines", "service_buyers_lines"):
            moment = ", sold_at" if table == "service_buyers_lines" else ""
            at = ", '2026-07-20 10:00+03'::timestamptz" if moment else ""
            owner.execute(
                f"insert into reports.{table} (sale_id, clinic_id, person_key, amount, sold_date, item_kind, item_type,"
                f" item, quantity, published_in{moment})"
                f" select 'R' || person_key, 'C1', person_key, amount, '2026-07-20', 'service', 'hygiene',"
                f" 'Professional hygiene', 1, 0{at}"
                " from (values ('patient:H2', -5000), ('patient:Z', -500)) as given (person_key, amount)".encode()
            )
        rows = told(
            f"select {columns} from reports.service_buyers({call}) where person_key in ('patient:H2', 'patient:Z')"
        )
        whole = told(
            f"select {columns} from reports.service_buyers(date '2026-06-01', date '2026-07-31', {HYGIENE})"
            " where person_key = 'patient:H2'"
        )
        assert rows == [(0, True, 1, 1, -500, None), (0, True, 1, 1, -5000, None)]
        assert whole == [(1, False, 2, 2, 0, None)], "an interval of 30 days was no interval between purchases"
        ((sales, quantity, amount, buyers),) = before
        assert told(sold) == [(sales + 2, quantity + 2, amount - 5500, buyers)]
        assert told(often) == frequency
        owner.rollback()


def test_of_fifteen_who_attend_five_do_not_renew_and_a_third_is_lost(july: str) -> None:
    """The worked example of RULES section 10."""
    found = values(
        july,
        "select item, ended, renewed, undecided, not_renewed, not_renewed_percent, amount_not_renewed, clients,"
        " clients_not_renewing, clients_lost, clients_lost_percent"
        " from reports.subscription_renewals(date '2026-05-01', date '2026-05-31')",
    )
    figures = (15, 10, 0, 5, Decimal("33.33"), 15000, 15, 5, 2, Decimal("13.33"))
    assert found == [("Care club", *figures), (None, *figures)]


def test_a_subscription_is_renewed_by_name_or_by_the_same_again(july: str) -> None:
    found = dict(
        values(
            july,
            "select sale_id, row(state, renewed_on)::text"
            " from reports.expiring_subscriptions(date '2026-05-01', date '2026-07-31')",
        )
    )
    assert found["K1"] == "(renewed,2026-05-30)"  # by name
    assert found["K6"] == "(renewed,2026-06-02)"  # the same item again
    assert found["K10"] == "(renewed,2026-06-30)"  # on the last evening that counts
    assert found["K11"] == "(stays,)"  # a day later
    assert found["K12"] == "(stays,)"  # has visited since
    assert found["K13"] == "(lost,)"  # booked, and did not come
    assert found["K14"] == "(lost,)"  # visited on the last day
    assert found["K15"] == "(stays,)"  # another course still runs
    assert found["K1-2"] == "(renewed,)"  # in the other clinic
    assert found["K3-2"] == "(may_renew,)"
    assert found["K2-3"] == "(running,)"


def test_the_coming_weeks_begin_on_the_day_of_the_load(july: str) -> None:
    call = "select sale_id, days_left from reports.expiring_subscriptions"
    assert values(july, f"{call}()") == [("K2-3", 5), ("K10-2", 11), ("K11-2", 11), ("K1-3", 14)]
    assert values(july, f"{call}(within_days => 5)") == [("K2-3", 5)]
    later = "date_from => '2026-07-20', date_to => '2026-07-25', within_days => 6"
    assert values(july, f"{call}({later})") == [("K2-3", 5), ("K10-2", 11), ("K11-2", 11)]


def test_the_oracle_says_the_same(july: str) -> None:
    data = read_folder(JULY)
    with psycopg.connect(july) as connection:
        for question in sales_questions(data, date(2026, 7, 1), date(2026, 7, 31)):
            wanted = expect(data, question, MOMENT)
            assert wanted
            assert not differences(ask(connection, question), wanted), question


def test_the_daily_relations_sum_to_the_reports(july: str) -> None:
    inside = "where day between '2026-07-01' and '2026-07-31'"
    assert values(july, f"select sum(sales), sum(quantity), sum(amount) from reports.service_sales_daily {inside}") == (
        values(july, f"select sum(sales), sum(quantity), sum(amount) from reports.service_sales({JULY_DAYS})")
    )
    assert values(july, f"select sum(sales), sum(amount) from reports.service_buyers_daily {inside}") == (
        values(july, f"select sum(sales), sum(amount) from reports.service_buyers({JULY_DAYS})")
    )
    figures = "sum(ended), sum(renewed), sum(undecided), sum(not_renewed)"
    assert values(july, f"select {figures} from reports.expiring_subscriptions_daily {inside}") == (
        values(july, f"select {figures} from reports.subscription_renewals({JULY_DAYS}) where item is not null")
    )


def test_an_employee_sees_the_sales_of_his_clinics_only(july: str) -> None:
    call = f"select amount, buyers from reports.service_sales({JULY_DAYS}, level => 'total')"
    with employee(july, "service_sales", "clinics => '{C2}'") as anna:
        assert values(anna, call) == [(7500, 2)]  # 4 500 of hygiene, 3 000 of the club
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            values(anna, f"select * from reports.service_buyers({JULY_DAYS})")
    with employee(july, "expiring_subscriptions", "clinics => '{C1}'") as anna:
        (row,) = values(
            anna,
            "select renewed, renewed_on, last_seen_on, full_name from"
            " reports.expiring_subscriptions(date '2026-06-01', date '2026-06-30') where sale_id = 'K1-2'",
        )
        assert row == (True, None, date(2026, 5, 30), None)  # nothing of the other clinic but that it is renewed


@pytest.mark.parametrize("report", REPORTS)
def test_a_right_on_own_rows_shows_nothing_of_a_report_that_names_no_employee(july: str, report: str) -> None:
    """RULES 12.28; the daily relation and the tables behind obey the same."""
    tables = [
        f"reports.{name}"
        for (name,) in values(
            july,
            "select relname from pg_class where relnamespace = 'reports'::regnamespace and relkind in ('r', 'v')"
            f" and relname like '{report}%'",
        )
    ]
    assert len(tables) >= 2
    with employee(july, report, "own_rows_only => true, personal_data => true") as anna:
        for source in (*tables, f"reports.{report}({JULY_DAYS})"):
            assert values(anna, f"select count(*) from {source}") == [(0,)], source


def test_names_and_phones_are_shown_only_with_the_right_to_them(july: str) -> None:
    buyers = f"select count(*), count(full_name) from reports.service_buyers({JULY_DAYS})"
    ending = "select count(*), count(full_name), count(phone) from reports.expiring_subscriptions()"
    for right, names in (("personal_data => false", 0), ("personal_data => true", 1)):
        with employee(july, "service_buyers", right) as anna:
            assert values(anna, buyers) == [(7, 7 * names)]
        with employee(july, "expiring_subscriptions", right) as anna:
            assert values(anna, ending) == [(4, 4 * names, 4 * names)]


@pytest.mark.parametrize("report", REPORTS)
def test_the_report_is_exported_with_the_rights_of_the_role(july: str, report: str) -> None:
    with employee(july, report, "clinics => '{C2}'") as anna, psycopg.connect(anna) as connection:
        query = query_of(connection, report, {"date_from": date(2026, 7, 1), "date_to": date(2026, 8, 31)})
        cursor = connection.execute(query)
        file = io.StringIO()
        write_csv(file, [column.name for column in cursor.description or ()], cursor.fetchall())
    rows: list[Any] = file.getvalue().splitlines()
    assert len(rows) > 1
    assert "patient:H3" not in file.getvalue()


@pytest.mark.parametrize("page", REPORTS)
def test_the_queries_of_the_page_run(july: str, page: str) -> None:
    queries = QUERY.findall((PAGES / f"{page}.md").read_text(encoding="utf-8"))
    assert len(queries) == 2
    for query in queries:
        assert values(july, query)
