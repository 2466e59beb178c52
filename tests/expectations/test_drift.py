"""Rules of drift on a year of every vendor of the invented city: silent all year, loud when a distribution turns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from expectations.ask import load_gx
from expectations.gate import check_landed, count_rows
from expectations.rule import Asked, Rule
from expectations.suites import LANDED
from extractors.registry import SOURCES
from extractors.run import run_stream
from simulators.running import quick_options, running_simulators
from simulators.world import build_world
from tests.expectations.june import database, run
from warehouse.migrate import migrate

pytestmark = pytest.mark.slow

FIRST, DAYS = date(2025, 8, 1), 360
LAST = FIRST + timedelta(days=DAYS - 1)
NOW = datetime(2026, 7, 27, tzinfo=UTC)
DRIFT = [
    rule for source, suite in LANDED.items() if source != "files" for rule in suite
    if rule.name.endswith(("_keeps_its_mix", "_keeps_its_middle"))
]  # fmt: skip
Connection = psycopg.Connection[Any]


@pytest.fixture(scope="module")
def year(pg_server_url: str) -> Iterator[str]:
    """A warehouse with a year of every vendor."""
    world = build_world(11, date_from=FIRST, days=DAYS, clinics=3, scale=1.3)
    with database(pg_server_url) as url:
        migrate(url)
        run(url, *(f"insert into staging.files__clinics (clinic_id, name, time_zone) values ('{clinic.clinic_id}',"
                   " 'clinic', 'Europe/Moscow')" for clinic in world.clinics))  # fmt: skip
        with running_simulators(world, options=quick_options()) as simulators:
            for name, endpoint in simulators.endpoints.items():
                for stream in SOURCES[name].streams:
                    run_stream(
                        url, name, stream.name, FIRST, LAST, run_id="year", now=NOW,
                        settings={
                            **endpoint["settings"], "base_url": endpoint["base_url"], "token": endpoint["token"],
                            "requests_per_second": 0, "poll_seconds": 0.001, "rate_limit_seconds": 0.001,
                        },
                    )  # fmt: skip
        yield url


@pytest.fixture(scope="module")
def rows(year: str) -> Mapping[str, int]:
    return count_rows(year, DRIFT)


def found(connection: Connection, rule: Rule, asked: Asked) -> list[tuple[Any, ...]]:
    query = rule.expectation(rule, asked).unexpected_rows_query.replace("{batch}", rule.table)
    return connection.execute(query.encode()).fetchall()


def test_nothing_drifts_in_a_year_of_the_city(year: str, rows: Mapping[str, int]) -> None:
    gxe = load_gx().expectations
    told = []
    with psycopg.connect(year) as connection:
        for week in range(5, DAYS // 7 + 1):
            now = datetime(FIRST.year, FIRST.month, FIRST.day, 3, tzinfo=UTC) + timedelta(weeks=week)
            asked = Asked(gxe=gxe, now=now, tables=frozenset(rows))
            told += [(rule.table, rule.name, str(now.date()), row) for rule in DRIFT
                     for row in found(connection, rule, asked)]  # fmt: skip
    assert told == []


def test_a_year_of_the_city_is_what_its_vendors_total(year: str) -> None:
    report = check_landed(year, run_id="year", now=NOW, sources=[name for name in LANDED if name != "files"])
    names = ("vendors_totals", "vendor_counts", "vendor_is_landed")
    asked = {each.rule.table for each in report.verdicts if each.rule.name.endswith(names) and each.is_passed}
    assert {table.split(".")[1].split("__")[0] for table in asked} == {
        "yandex_direct", "google_ads", "meta_ads", "vk_ads", "calltouch", "uis", "amocrm", "bitrix24",
    }  # fmt: skip


@pytest.mark.parametrize("rule", DRIFT, ids=lambda rule: f"{rule.table}-{rule.name}")
def test_a_distribution_that_turns_is_told(year: str, rows: Mapping[str, int], rule: Rule) -> None:
    """Eight times the rows of the year are put into five weeks, so that there are enough; then the last differs."""
    kind = "mix" if rule.name.endswith("_mix") else "middle"
    column = rule.name.removesuffix(f"_keeps_its_{kind}")
    asked = Asked(gxe=load_gx().expectations, now=NOW, tables=frozenset(rows))
    moment = moment_of(rule, asked)
    some = f"{column} > 0" if kind == "middle" else "true"
    with psycopg.connect(year) as connection:
        connection.execute(
            f"alter table {rule.table} rename to as_it_was;"
            f" create table {rule.table} as select as_it_was.* from staging.as_it_was cross join generate_series(1, 8)"
            f" where {some};"
            f" update {rule.table} as t set {moment} = timestamptz '{NOW}' - (spread.n % 35) * interval '1 day'"
            f" - interval '1 hour' from (select ctid, row_number() over (order by {column}) as n from {rule.table})"
            " as spread where spread.ctid = t.ctid".encode()
        )
        assert found(connection, rule, asked) == []
        (type_,) = connection.execute(
            "select format_type(atttypid, null) from pg_attribute where attrelid = %s::regclass and attname = %s",
            (rule.table, column),
        ).fetchone() or ("",)
        usual = f"(select {column} from {rule.table} group by 1 order by count(*) desc limit 1)"
        other = f"{column} * 10" if kind == "middle" else f"not {usual}" if type_ == "boolean" else "'turned'"
        connection.execute(
            f"update {rule.table} set {column} = {other} where {moment} >= timestamptz '{NOW}' - interval '7 days'"
            .encode()
        )
        assert len(found(connection, rule, asked)) == 1
        connection.rollback()


def moment_of(rule: Rule, asked: Asked) -> str:
    """The column of time by which the rule tells this week from the ones before."""
    return str(rule.expectation(rule, asked).unexpected_rows_query.split(" >= ")[0].rsplit('"', 2)[1])
