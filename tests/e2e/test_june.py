"""The June case through the whole pipeline: landed, gated, built, gated, published; every figure worked out by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from psycopg import sql
from psycopg.rows import dict_row

from tests.e2e.comparing import MOMENT
from tests.e2e.past import answers, questions
from warehouse.dbt import common_arguments, dbt_environment
from warehouse.pipeline import run_all
from warehouse.publish import publish

ROOT = Path(__file__).resolve().parents[2]
JUNE = ROOT / "tests" / "cases" / "june"
REPORTS = (
    "channels_and_sources", "administrator_conversion", "inquiry_history", "direction_load", "deal_journal",
    "deal_summary", "top_deals", "ad_payback", "traffic_influence", "service_sales", "service_buyers",
    "expiring_subscriptions", "client_path", "attribution",
)  # fmt: skip
PERIOD = "date '2026-06-01', date '2026-06-30'"


@pytest.fixture(scope="module")
def work_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dbt")


@pytest.fixture(scope="module")
def june(pg_server_url: str, work_folder: Path) -> Iterator[str]:
    """A warehouse that holds June, and nothing else."""
    name = "test_june_case"
    with psycopg.connect(pg_server_url, autocommit=True) as admin:
        admin.execute(f"drop database if exists {name} with (force)".encode())
        admin.execute(f"create database {name} template template0".encode())
    url = pg_server_url.rsplit("/", 1)[0] + f"/{name}"
    run_all(url, JUNE, run_id="june", now=MOMENT, folder=work_folder, say=lambda _text: None)
    yield url
    with psycopg.connect(pg_server_url, autocommit=True) as admin:
        admin.execute(f"drop database if exists {name} with (force)".encode())


@pytest.fixture(scope="module")
def expected() -> Any:  # noqa: ANN401 - a YAML file
    return yaml.safe_load((JUNE / "expected.yml").read_text(encoding="utf-8"))


def rows(url: str, query: str) -> list[dict[str, Any]]:
    with psycopg.connect(url, row_factory=dict_row) as connection:
        return connection.execute(query.encode()).fetchall()


def row(url: str, query: str) -> dict[str, Any]:
    (only,) = rows(url, query)
    return only


def agrees(found: dict[str, Any], figures: dict[str, Any]) -> None:
    for name, figure in figures.items():
        if figure is None:
            assert found[name] is None, name
        elif isinstance(figure, str):
            assert found[name] == figure, name
        else:
            assert found[name] == Decimal(str(figure)), name


def test_inquiries(june: str, expected: Any) -> None:  # noqa: ANN401
    figures = expected["inquiries"]
    found = row(
        june,
        """
        select
            count(*) as inquiries_of_any_group,
            count(*) filter (where people_group = 'wants_to_book') as wants_to_book,
            count(*) filter (where people_group = 'wants_to_book' and is_primary) as primary,
            count(*) filter (where people_group = 'wants_to_book' and not is_primary) as repeat,
            (select count(distinct contact_id) from reports.inquiry_history) as contacts
        from marts.fct_inquiries
        """,
    )
    persons = figures.pop("shared_phone_call_E7")
    agrees(found, figures)
    shared = rows(june, "select person_key from reports.inquiry_history where contact_id = 'E7' order by 1")
    assert [one["person_key"] for one in shared] == [f"patient:{patient}" for patient in persons]


def test_channels_and_sources(june: str, expected: Any) -> None:  # noqa: ANN401
    figures = expected["channels_and_sources"]
    call = f"select * from reports.channels_and_sources({PERIOD}"
    agrees(row(june, f"{call}, level => 'total')"), figures["total"])
    by_source = {one["source"]: one for one in rows(june, f"{call}, level => 'source')")}
    assert set(by_source) == {"yandex", "vk", "banner"}
    for source in by_source:
        agrees(by_source[source], figures[source])
    with_referrals = {one["channel"]: one for one in rows(june, f"{call}, with_referrals => true)")}
    agrees(with_referrals["referral"], figures["with_referrals_extra_row"])
    week = "select * from reports.channels_and_sources(date '2026-06-03', date '2026-06-09', level => 'source')"
    (yandex,) = [one for one in rows(june, week) if one["source"] == "yandex"]
    agrees(yandex, figures["period_2026_06_03_to_09_yandex"])


@pytest.mark.parametrize(
    ("name", "parameters", "administrator"),
    [
        ("all", "", None),
        ("primary", ", audience => 'primary'", None),
        ("hide_employee_referrals", ", hide_employee_referrals => true", None),
        ("topic_implants", ", topic => 'implants'", None),
        ("anna", "", "anna"),
        ("boris", "", "boris"),
    ],
)
def test_administrator_conversion(
    june: str, expected: Any, name: str, parameters: str, administrator: str | None  # noqa: ANN401
) -> None:
    found = rows(june, f"select * from reports.administrator_conversion({PERIOD}{parameters})")
    (one,) = [one for one in found if one["administrator_id"] == administrator]
    agrees(one, expected["administrator_conversion"][name])


def test_deal_journal(june: str, expected: Any) -> None:  # noqa: ANN401
    figures = expected["deal_journal"]
    sums = row(
        june,
        "select sum(deals) as deals, sum(won) as won, sum(revenue) as revenue, sum(hot_won) as hot_won"
        f" from reports.deal_summary({PERIOD})",
    )
    agrees(sums, {name: figures[name] for name in ("deals", "won", "revenue", "hot_won")})
    kinds = rows(june, f"select contact_kind, sum(revenue) as sum from reports.deal_summary({PERIOD}) group by 1")
    assert {one["contact_kind"]: one["sum"] for one in kinds if one["sum"]} == figures["revenue_by_contact_kind"]
    ways = rows(june, f"select created_via, sum(deals) as sum from reports.deal_summary({PERIOD}) group by 1")
    assert {one["created_via"]: one["sum"] for one in ways} == figures["created_via"]
    assert [one["deal_id"] for one in rows(june, f"select * from reports.top_deals({PERIOD})")] == figures["top_deals"]
    journal = rows(june, "select * from reports.deal_journal order by deal_id")
    assert journal[0]["sessions_before_contact"] == figures["sessions_before_contact_of_D1"]
    days = [one["days_to_close"] for one in journal if one["stage_kind"] == "won"]
    assert days == figures["days_to_close_of_won"]


def test_spend_of_the_banner_sums_to_what_was_entered(june: str, expected: Any) -> None:  # noqa: ANN401
    found = row(june, "select sum(spend) as sum, count(*) as days from marts.fct_ad_spend where source = 'banner'")
    agrees(found, {"sum": expected["spend_of_banner_per_day_sums_to"], "days": 30})


def test_everybody_can_read_what_a_column_means(june: str) -> None:
    silent = rows(
        june,
        """
        select pg_class.oid::regclass::text as name, pg_attribute.attname
        from pg_class
        inner join pg_attribute on pg_attribute.attrelid = pg_class.oid
        where
            pg_class.relnamespace in ('marts'::regnamespace, 'reports'::regnamespace)
            and pg_class.relkind in ('r', 'v')
            and pg_attribute.attnum > 0 and not pg_attribute.attisdropped
            and col_description(pg_class.oid, pg_attribute.attnum) is null
        """,
    )
    assert not silent


def test_the_unit_tests_of_the_rules_pass(june: str, work_folder: Path) -> None:
    """dbt's unit tests of the models: hand-made rows in, expected rows out, on a warehouse that is already built."""
    from dbt.cli.main import dbtRunner

    with dbt_environment(june):
        result = dbtRunner().invoke(["test", "--select", "test_type:unit", *common_arguments(work_folder)])
    assert result.success, [node.message for node in result.result if str(node.status) != "pass"]
    assert len(result.result.results) >= 11


def test_the_readme_asks_questions_that_have_answers(june: str) -> None:
    """Every statement of the README's SQL blocks runs; what it creates is taken back."""
    blocks = re.findall(r"```sql\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    statements = [line for block in blocks for line in block.strip().split(";\n") if line.strip()]
    assert len(statements) == 6
    with psycopg.connect(june) as connection:
        for statement in statements:
            answered = connection.execute(statement.rstrip(";").encode())
            assert answered.description
        connection.rollback()


def last_day(url: str) -> date:
    (found,) = rows(url, "select max(published_on) as day from history.publications")
    day: date = found["day"]
    return day


def test_every_report_reads_as_it_was_published(june: str, work_folder: Path) -> None:
    """A third of all rows goes, and another with the next publication; for the owner and an employee of one clinic."""
    server, name = june.rsplit("/", 1)
    url = f"{june}_past"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as admin:
        admin.execute(f"drop database if exists {name}_past with (force)".encode())
        admin.execute(f"create database {name}_past template {name}".encode())
    period = date(2026, 6, 1), date(2026, 6, 30)
    try:
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute("select access.add_employee('june_reader', 'Invented', null)")
            owner.execute(
                "select access.allow('june_reader', report, '{C1}', personal_data => true) from access.known_reports"
                " where report <> 'deal_entry'"
            )
            asked = questions(owner, period)
            assert set(REPORTS) <= set(asked)
            tables = owner.execute("select relation_name from ops.history_tables").fetchall()

        def read(as_of: date | None = None) -> list[dict[str, list[str]]]:
            told = []
            for role in (None, "june_reader"):
                with psycopg.connect(url) as reader:
                    if role:
                        reader.execute("set session authorization june_reader")
                    told.append(answers(reader, asked, as_of))
            return told

        stood = {last_day(url): read()}
        for days in (1, 2):
            with psycopg.connect(url) as owner:
                for (table,) in tables:
                    owner.execute(
                        sql.SQL("delete from build.{0} as row where abs(hashtext(row::text)) % 3 = {1}").format(
                            sql.Identifier(table), days
                        )
                    )
            moment = MOMENT + timedelta(days=days)
            publish(url, work_folder / "manifest.json", run_id="june", now=moment)
            stood[last_day(url)] = read()
        for readings in zip(*stood.values(), strict=True):
            assert len({str(reading) for reading in readings}) == 3
        for day, told in stood.items():
            assert read(day) == told
    finally:
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute("select access.remove_employee('june_reader')")
        with psycopg.connect(f"{server}/postgres", autocommit=True) as admin:
            admin.execute(f"drop database {name}_past with (force)".encode())
