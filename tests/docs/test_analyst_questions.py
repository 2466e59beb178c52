"""The twenty questions of docs/analyst/questions.md answer on the invented city, and answer right.

Right is what the reports say, what the rules written again in Python say (tests/oracle), or plain sums over the files.
"""

from __future__ import annotations

import re
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg.rows import dict_row

from runtime.warehouse import role_url
from tests.city import MOMENT, City
from tests.oracle import deals, desk_reports, reports
from tests.oracle.rows import Data, read_folder
from tests.oracle.world import world

PAGE = Path(__file__).resolve().parents[2] / "docs" / "analyst" / "questions.md"
QUESTION = re.compile(r"^## (\d+)\. (.+?)$(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
SQL = re.compile(r"^```sql\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FIRST, LAST = date(2026, 8, 1), date(2026, 8, 31)
PERIOD: dict[str, Any] = {"date_from": FIRST, "date_to": LAST}
AUGUST = f"date '{FIRST}', date '{LAST}'"

Rows = list[dict[str, Any]]


def questions() -> dict[int, tuple[str, str]]:
    """Title and SQL by number. A question has exactly one query."""
    found: dict[int, tuple[str, str]] = {}
    for number, title, body in QUESTION.findall(PAGE.read_text(encoding="utf-8")):
        (query,) = SQL.findall(body)
        found[int(number)] = (title, query)
    return found


QUESTIONS = questions()


class Answers:
    """Asks the city; each question once."""

    def __init__(self, city: City) -> None:
        self._url = city.url
        self._known: dict[int, Rows] = {}
        self.data: Data = read_folder(city.files)

    def of(self, number: int) -> Rows:
        if number not in self._known:
            self._known[number] = self.ask(QUESTIONS[number][1])
        return self._known[number]

    def ask(self, query: str) -> Rows:
        with psycopg.connect(self._url, row_factory=dict_row) as connection:
            return connection.execute(query.encode()).fetchall()

    def one(self, query: str) -> dict[str, Any]:
        (row,) = self.ask(query)
        return row


@pytest.fixture(scope="module")
def answers(city: City) -> Answers:
    return Answers(city)


def total(rows: Sequence[dict[str, Any]], column: str) -> Any:  # noqa: ANN401 - a number of any type
    return sum(row[column] for row in rows if row[column] is not None)


def test_there_are_twenty_questions_each_also_in_russian() -> None:
    assert list(QUESTIONS) == list(range(1, 21))
    assert all(re.search(r"\([А-Яа-яЁё].+\)", title) for title, _query in QUESTIONS.values())


@pytest.mark.parametrize("number", QUESTIONS)
def test_every_question_has_an_answer(answers: Answers, number: int) -> None:
    rows = answers.of(number)
    assert rows
    # a column that is null in every row would answer nothing; costs of services are unknown in this city
    empty = {name for name in rows[0] if all(row[name] is None for row in rows)}
    assert empty <= ({"margin"} if number == 12 else set())


def test_an_analyst_with_the_rights_that_the_page_names_gets_the_same_answers(own_city: City, answers: Answers) -> None:
    login = f"t{uuid.uuid4().hex[:8]}"
    used = {name for _title, query in QUESTIONS.values() for name in re.findall(r"reports\.(\w+)", query)}
    with psycopg.connect(own_city.url) as owner:
        owner.execute("select access.add_employee(%s, 'Ann Invented', 'analysts', 'E1')", (login,))
        for report in ("marts", *sorted(used)):
            owner.execute("select access.allow(%s, %s)", (login, report))
    try:
        with psycopg.connect(role_url(own_city.url, login), row_factory=dict_row) as analyst:
            for number, (_title, query) in QUESTIONS.items():
                found = analyst.execute(query.encode()).fetchall()
                # rows of equal rank may stand in any order
                assert sorted(map(str, found)) == sorted(map(str, answers.of(number))), number
    finally:
        with psycopg.connect(own_city.url) as owner:
            owner.execute("select access.remove_employee(%s)", (login,))


def inquiries_by_channel(answers: Answers) -> None:
    whole = {
        audience: reports.channels_and_sources(
            answers.data, **PERIOD, level="total", audience=audience, with_referrals=True
        )[0]["inquiries"]
        for audience in ("all", "primary")
    }
    rows = answers.of(1)
    assert (total(rows, "inquiries"), total(rows, "from_new_people")) == (whole["all"], whole["primary"])


def cost_of_an_inquiry(answers: Answers) -> None:
    wanted = reports.channels_and_sources(answers.data, **PERIOD, level="campaign")
    spend = {(row["channel"], row["source"], row["campaign"]): row["spend"] for row in wanted if row["spend"]}
    rows = answers.of(2)
    assert {(row["channel"], row["source"], row["campaign"]): row["spend"] for row in rows if row["spend"]} == spend
    assert total(rows, "inquiries") == sum(row["inquiries"] for row in wanted)
    # as the page says: the report's figures by last touch, row by row
    report = answers.ask(
        "select channel, source, campaign, inquiries, cpl"
        f" from reports.channels_and_sources({AUGUST}, 'campaign', attribution_model => 'last_touch')"
        " where spend > 0 or inquiries > 0"
    )
    assert len(report) > 20
    assert {tuple(row.values()) for row in report} == {
        (row["channel"], row["source"], row["campaign"], row["inquiries"], row["cpl"])
        for row in rows
        if row["spend"] or row["inquiries"]
    }


def unanswered_calls(answers: Answers) -> None:
    # counted from the files, by the clock on the clinic's wall
    zones = {row["clinic_id"]: ZoneInfo(row["time_zone"]) for row in answers.data["clinics"]}
    wanted: dict[tuple[int, int], int] = defaultdict(int)
    for row in answers.data["contacts"]:
        local = row["occurred_at"].astimezone(zones[row["clinic_id"]])
        if row["kind"] == "call" and row["direction"] == "inbound" and FIRST <= local.date() <= LAST:
            wanted[local.isoweekday(), local.hour] += 1
    assert {(row["weekday"], row["hour"]): row["calls"] for row in answers.of(3)} == wanted


def reasons(answers: Answers) -> None:
    shares: dict[str | None, Decimal] = defaultdict(Decimal)
    for row in answers.of(4):
        shares[row["topic"]] += row["percent_of_topic"]
    assert all(abs(share - 100) < Decimal("0.1") for share in shares.values())


def funnel(answers: Answers) -> None:
    wanted = desk_reports.administrator_conversion(answers.data, **PERIOD, as_of=MOMENT)
    (whole,) = [row for row in wanted if row["administrator_id"] is None]
    for column in ("inquiries", "booked", "arrived", "completed"):
        assert total(answers.of(5), column) == whole[column], column


def payments(answers: Answers) -> None:
    zones = {row["clinic_id"]: ZoneInfo(row["time_zone"]) for row in answers.data["clinics"]}
    wanted: dict[str, Decimal] = defaultdict(Decimal)
    for row in answers.data["payments"]:
        assert row["currency"] in (None, "RUB")
        if FIRST <= row["paid_at"].astimezone(zones[row["clinic_id"]]).date() <= LAST:
            wanted[row["clinic_id"]] += row["amount"]
    assert {row["clinic_id"]: row["revenue"] for row in answers.of(9)} == wanted


def first_thirty_days(answers: Answers) -> None:
    people = "select count(distinct person_key) as people from marts.dim_patients where first_visit_date between"
    assert total(answers.of(10), "new_people") == answers.one(f"{people} '{FIRST}' and '{LAST}'")["people"]
    assert total(answers.of(8), "new_people") == total(answers.of(10), "new_people")


def sales(answers: Answers) -> None:
    sold = answers.one(f"select sum(amount) as amount from reports.service_sales({AUGUST}, level => 'total')")
    assert total(answers.of(12), "amount") == sold["amount"]


def administrators(answers: Answers) -> None:
    wanted = {
        row["administrator_id"]: row["booked_percent"]
        for row in desk_reports.administrator_conversion(answers.data, **PERIOD, audience="primary", as_of=MOMENT)
    }
    names = {row["employee_id"]: row["full_name"] for row in answers.data["employees"]}
    shown = {names.get(key, key): percent - wanted[None] for key, percent in wanted.items() if key and percent}
    assert {row["administrator"]: row["above_the_desk"] for row in answers.of(14) if row["booked_percent"]} == shown


def cheques(answers: Answers) -> None:
    starts = {row["appointment_id"]: row["starts_at"] for row in answers.data["appointments"]}
    zones = {row["clinic_id"]: ZoneInfo(row["time_zone"]) for row in answers.data["clinics"]}
    paid: dict[str, Decimal] = defaultdict(Decimal)
    months: dict[str, set[int]] = defaultdict(set)
    for row in answers.data["payments"]:
        start = starts.get(row["appointment_id"])
        if start and FIRST <= start.astimezone(zones[row["clinic_id"]]).date() <= LAST:
            paid[row["appointment_id"]] += row["amount"]
            months[row["appointment_id"]].add(row["paid_at"].month)
    visits = [amount for amount in paid.values() if amount > 0]
    assert max(len(each) for each in months.values()) > 1, "a visit paid in two months is one visit of one month"
    rows = answers.of(11)
    assert (total(rows, "paid_visits"), total(rows, "revenue")) == (len(visits), sum(visits))


def paths(answers: Answers) -> None:
    credited = answers.one(
        "select count(distinct conversion_key) as bookings from marts.fct_attribution_credits where model = 'linear'"
        f" and conversion = 'booking' and touch_key is not null and converted_date between '{FIRST}' and '{LAST}'"
    )
    assert total(answers.of(15), "bookings") == credited["bookings"]


def deals_by_sessions(answers: Answers) -> None:
    created = deals.deals_of_period(answers.data, FIRST, LAST)
    by_sessions: dict[int | None, int] = defaultdict(int)
    for deal in created:
        by_sessions[deals.sessions_before_contact(world(answers.data), *_person_and_deal(answers.data, deal))] += 1
    assert {row["sessions_before_contact"]: row["deals"] for row in answers.of(16)} == by_sessions


def _person_and_deal(data: Data, deal: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
    (row,) = [row for row in data["deals"] if row["deal_id"] == deal["deal_id"]]
    return deals.person_of_deal(world(data), row), row


def models(answers: Answers) -> None:
    rows = answers.of(17)
    # every model shares out the same conversions
    sums = {name: round(total(rows, name)) for name in rows[0] if name != "channel"}
    assert len(set(sums.values())) == 1
    assert sums["linear"] > 0


def managers(answers: Answers) -> None:
    report = answers.ask(
        "select manager, sum(won) as won, sum(revenue) as revenue"
        " from reports.traffic_influence('2026-08-01', '2026-09-14') group by manager"
    )
    wanted = {row["manager"]: (row["won"], row["revenue"]) for row in report if row["won"]}
    assert {row["manager"]: (row["won"], row["revenue"]) for row in answers.of(18) if row["won"]} == wanted


def wasted_money(answers: Answers) -> None:
    asked = answers.ask(
        f"select source, campaign, inquiries from reports.channels_and_sources({AUGUST}, 'campaign',"
        " attribution_model => 'last_touch', audience => 'all', with_referrals => true)"
    )
    brought = {(row["source"], row["campaign"]): row["inquiries"] for row in asked}
    assert all(brought[row["source"], row["campaign"]] == 0 for row in answers.of(19))


def direction_load(answers: Answers) -> None:
    daily = answers.ask(
        "select direction, sum(slots) as slots, sum(visited) as visited, sum(inquiries) as inquiries"
        f" from reports.direction_load_daily where day between '{FIRST}' and '{LAST}' group by direction"
    )
    wanted = {row["direction"]: (row["slots"], row["visited"], row["inquiries"]) for row in daily}
    rows = answers.of(20)
    assert {row["direction"]: (row["slots"], row["visited"], row["inquiries"]) for row in rows} == wanted


CHECKS = (
    inquiries_by_channel, cost_of_an_inquiry, unanswered_calls, reasons, funnel, payments, first_thirty_days, sales,
    administrators, cheques, paths, deals_by_sessions, models, managers, wasted_money, direction_load,
)  # fmt: skip


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_figures_are_those_of_the_reports_and_the_rules(
    answers: Answers, check: Callable[[Answers], None]
) -> None:
    check(answers)


def test_somebody_with_cards_in_two_clinics_is_a_new_patient_of_one(own_city: City) -> None:
    with psycopg.connect(own_city.url, autocommit=True) as owner:
        owner.execute(
            "insert into marts.dim_patients select (jsonb_populate_record(one, jsonb_build_object("
            "'patient_id', 'second', 'clinic_id', 'C3'))).* from marts.dim_patients as one where one.clinic_id = 'C1'"
            " and one.first_visit_date between '2026-08-01' and '2026-08-31' order by one.patient_id limit 1"
        )
    asked = Answers(own_city)
    people = asked.one(
        "select count(distinct person_key) as people from marts.dim_patients"
        f" where first_visit_date between '{FIRST}' and '{LAST}'"
    )
    assert total(asked.of(8), "new_people") == people["people"]
