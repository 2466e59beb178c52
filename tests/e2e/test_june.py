"""The June case through the whole pipeline: landed, gated, built, gated, published; every figure worked out by hand."""

from __future__ import annotations

import re
import shutil
import uuid
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
from tests.e2e.hidden_rows import (
    INDEXES_THAT_TELL,
    Reader,
    add_foreign_rows,
    change_personal_rows,
    opened_by,
    reached,
    readers,
    told,
)
from tests.e2e.june import JUNE
from tests.e2e.past import answers, questions
from tests.templates import Template, copied
from tests.warehouse.attacks.catalog import read_catalog
from tests.warehouse.small_warehouse import Warehouse
from warehouse.dbt import common_arguments, dbt_environment
from warehouse.publish import publish

ROOT = Path(__file__).resolve().parents[2]
REPORTS = (
    "channels_and_sources", "administrator_conversion", "inquiry_history", "direction_load", "deal_journal",
    "deal_summary", "top_deals", "ad_payback", "traffic_influence", "service_sales", "service_buyers",
    "expiring_subscriptions", "client_path", "attribution",
)  # fmt: skip
# What is stale is asked of now, and of a past day at its publication: tests/warehouse/test_freshness_of_the_past.py.
READ_NOW = ("freshness", "freshness_of_reports")
PERIOD_DAYS = date(2026, 6, 1), date(2026, 6, 30)
PERIOD = "date '2026-06-01', date '2026-06-30'"


@pytest.fixture(scope="module")
def work_folder(june_template: Template, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What dbt wrote while June was built, to be written on."""
    folder = tmp_path_factory.mktemp("dbt")
    return shutil.copytree(june_template.folder, folder, dirs_exist_ok=True)


@pytest.fixture(scope="module")
def june(pg_server_url: str, june_template: Template) -> Iterator[str]:
    """A warehouse that holds June, and nothing else."""
    with copied(june_template.url, pg_server_url) as url:
        yield url


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


def test_every_report_reads_as_it_was_published(june: str, pg_server_url: str, work_folder: Path) -> None:
    """A third of all rows goes, and another with the next publication; for the owner and an employee of one clinic."""
    reader = Reader(f"june_{uuid.uuid4().hex[:8]}", "{C1}", is_personal=True)
    with copied(june, pg_server_url) as url, psycopg.connect(url, autocommit=True) as owner, readers(owner, reader):
        asked = questions(owner, PERIOD_DAYS)
        assert set(REPORTS) <= set(asked)
        for name in READ_NOW:
            del asked[name]
        tables = owner.execute("select relation_name from ops.history_tables").fetchall()

        def read(as_of: date | None = None) -> list[dict[str, list[str]]]:
            told = []
            for role in (None, reader.role):
                with psycopg.connect(url) as connection:
                    if role:
                        connection.execute(sql.SQL("set session authorization {}").format(sql.Identifier(role)))
                    told.append(answers(connection, asked, as_of))
            return told

        stood = {last_day(url): read()}
        for days in (1, 2):
            # By hand, so no build names whom it touched: all rows are to be compared.
            owner.execute("drop table if exists build.family_published")
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


@pytest.mark.parametrize(
    "kinds", [("masked",), pytest.param(("whole", "masked", "own", "elsewhere"), marks=pytest.mark.slow)]
)
def test_rows_that_are_hidden_change_no_answer_of_any_report(
    june: str, pg_server_url: str, kinds: tuple[str, ...]
) -> None:
    """Rows of another clinic, and for whoever sees no personal data all names, phones and texts, are made others."""
    prefix = f"june_{uuid.uuid4().hex[:8]}"
    hired = {
        "whole": Reader(f"{prefix}_whole", "{C1}", is_personal=True), "masked": Reader(f"{prefix}_masked", "{C1}"),
        "own": Reader(f"{prefix}_own", is_own=True), "elsewhere": Reader(f"{prefix}_elsewhere", "{C8}"),
    }  # fmt: skip
    asking = [hired[kind] for kind in kinds]
    with copied(june, pg_server_url) as url, psycopg.connect(url, autocommit=True) as owner, readers(owner, *asking):
        asked = questions(owner, PERIOD_DAYS)

        def read() -> list[dict[str, list[str]]]:
            return [told(url, reader, asked, last_day(url)) for reader in asking]

        before = read()
        add_foreign_rows(owner)
        assert read() == before
        change_personal_rows(owner)
        for reader, stood, now in zip(asking, before, read(), strict=True):
            assert (now == stood) == (not reader.is_personal)


def test_no_index_of_a_published_table_is_lost_below_a_policy(june: str) -> None:
    """Conditions of operators that are not leakproof may not be asked of an index there."""
    assert rows(june, INDEXES_THAT_TELL) == []


@pytest.mark.slow
def test_a_right_on_a_report_opens_that_report_and_nothing_else(
    june: str, pg_server_url: str, work_folder: Path
) -> None:
    with copied(june, pg_server_url) as url, psycopg.connect(url, autocommit=True) as owner:
        catalog = read_catalog(Warehouse(url=url, folder=work_folder, prefix="june"))
        known = owner.execute("select report from access.known_reports where report <> 'deal_entry'").fetchall()
        assert {report for (report,) in known} >= set(REPORTS)
        for (report,) in known:
            role = f"june_{uuid.uuid4().hex[:8]}"
            owner.execute("select access.add_employee(%s, 'Invented', null)", (role,))
            try:
                owner.execute("select access.allow(%s, %s)", (role, report))
                with psycopg.connect(url, autocommit=True) as employee:
                    employee.execute(sql.SQL("set session authorization {}").format(sql.Identifier(role)))
                    opened = opened_by(report, work_folder / "manifest.json")
                    assert reached(employee, catalog, opened) == [], report
            finally:
                owner.execute("select access.remove_employee(%s)", (role,))
