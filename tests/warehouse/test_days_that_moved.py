"""Tables by day: what moves a day, and that no other day is touched."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import date
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from extractors.core.errors import ConfigError
from warehouse.increment import days, unpublished
from warehouse.increment.plan import ByDay, Plan, Summed, read_plan

FIRST, SECOND, THIRD = date(2026, 6, 1), date(2026, 6, 2), date(2026, 6, 3)
VISITS = Summed(model="visits", sums=("visits",), key=("day",))
PAYBACK = ByDay(
    model="payback", column="day", of={"spend": "spend_date", "visits": "day"}, summed=frozenset({"visits"})
)
PLAN = Plan(
    families=(), kept=(), summed=(VISITS,), passing=(), recalled=(), before=(), after=("spend", "payback"),
    by_day=(PAYBACK,),
)  # fmt: skip
QUERY = sql.SQL(
    "with spent as (select spend_date as day, spend, 0 as visits from build.spend),"
    " came as (select day, 0 as spend, visits from build.visits),"
    " both_sides as (select * from spent union all select * from came)"
    " select day, sum(spend)::integer as spend, sum(visits)::integer as visits from both_sides group by day"
)
COLUMNS = sql.SQL("day, spend, visits")


class Built:
    """A small warehouse after a build of everything. State: its connection's open transaction."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        connection.execute("create schema build")
        connection.execute("create table build.spend (spend_date date, spend integer)")
        connection.execute("create table build.visits (day date, visits integer)")
        connection.execute("create table build.payback (day date, spend integer, visits integer)")
        unpublished.begin(connection)
        connection.execute("insert into build.spend values ('2026-06-01', 10), ('2026-06-02', 20)")
        connection.execute("insert into build.visits values ('2026-06-01', 1), ('2026-06-02', 2)")
        connection.execute(sql.SQL("insert into build.payback {}").format(QUERY))
        days.keep_everything(connection, PLAN)

    def make(self) -> int:
        return days.fill(self.connection, PAYBACK, QUERY, COLUMNS)

    def moved_by(self, *moved: date) -> None:
        """As `sums` leaves it behind for each sum."""
        self.connection.execute("create temporary table difference (day date, visits integer) on commit drop")
        for day in moved:
            self.connection.execute("insert into pg_temp.difference values (%s, 1)", (day,))
        days.note(self.connection, PLAN, VISITS)

    def rows(self) -> list[tuple[Any, ...]]:
        return self.connection.execute("select day, spend, visits from build.payback order by day").fetchall()

    def places(self) -> dict[date, str]:
        return dict(self.connection.execute("select day, ctid::text from build.payback").fetchall())

    def unpublished(self) -> list[tuple[Any, ...]]:
        return self.connection.execute("select kind, key from build.family_unpublished order by key").fetchall()


@pytest.fixture(scope="module")
def database(pg_server_url: str) -> Iterator[str]:
    name = f"test_days_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(pg_server_url, autocommit=True) as admin:
        admin.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
        yield urlsplit(pg_server_url)._replace(path=f"/{name}").geturl()
        admin.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def built(database: str) -> Iterator[Built]:
    with psycopg.connect(database) as connection:
        yield Built(connection)
        connection.rollback()


def test_nothing_is_made_where_no_day_moved(built: Built) -> None:
    before = built.places()
    assert built.make() == 0
    assert (built.places(), built.unpublished()) == (before, [])


def test_a_day_that_families_moved_is_made_anew_and_no_other(built: Built) -> None:
    before = built.places()
    built.connection.execute("update build.visits set visits = 5 where day = '2026-06-02'")
    built.moved_by(SECOND)
    assert built.make() == 1
    assert built.rows() == [(FIRST, 10, 1), (SECOND, 20, 5)]
    assert built.places()[FIRST] == before[FIRST]
    assert built.unpublished() == [("payback", "2026-06-02")]
    assert built.make() == 0, "a day is done once"


def test_a_day_whose_spend_changed_came_or_went_is_made_anew(built: Built) -> None:
    built.connection.execute("truncate build.spend")  # as a build of a day makes it as a whole
    built.connection.execute("insert into build.spend values ('2026-06-01', 11), ('2026-06-03', 30)")
    assert built.make() == 3
    assert built.rows() == [(FIRST, 11, 1), (SECOND, 0, 2), (THIRD, 30, 0)]
    assert [key for _, key in built.unpublished()] == ["2026-06-01", "2026-06-02", "2026-06-03"]
    assert built.make() == 0, "what was seen is remembered"


def test_a_day_of_which_nothing_is_left_loses_its_row(built: Built) -> None:
    built.connection.execute("delete from build.spend where spend_date = '2026-06-01'")
    built.connection.execute("delete from build.visits where day = '2026-06-01'")
    built.moved_by(FIRST)
    assert built.make() == 0
    assert built.rows() == [(SECOND, 20, 2)]
    assert built.unpublished() == [("payback", "2026-06-01")]


def test_days_of_a_build_that_was_killed_are_left_to_the_next(built: Built) -> None:
    built.connection.execute("update build.visits set visits = 5 where day = '2026-06-02'")
    built.moved_by(SECOND)
    with pytest.raises(psycopg.errors.DivisionByZero), built.connection.transaction():
        days.fill(built.connection, PAYBACK, sql.SQL("select day, 1 / 0 as spend, visits from build.visits"), COLUMNS)
    assert built.make() == 1
    assert built.rows() == [(FIRST, 10, 1), (SECOND, 20, 5)]


@pytest.mark.parametrize("of", [{"visits": "day"}, {"visits": "day", "spend": "spend_date", "rates": "day"}])
def test_a_table_by_day_names_the_day_of_each_table_that_it_reads(of: dict[str, str]) -> None:
    def model(name: str, increment: object, *parents: str) -> dict[str, Any]:
        return {
            "name": name, "resource_type": "model", "depends_on": {"nodes": list(parents)},
            "config": {"enabled": True, "materialized": "table", "meta": {"increment": increment}},
        }  # fmt: skip

    nodes = {
        "visits": model("visits", {"sum": "visits", "key": "day"}),
        "spend": model("spend", None),
        "payback": model("payback", {"day": "day", "of": of}, "visits", "spend"),
    }
    with pytest.raises(ConfigError, match=r"payback: its `of` names .* Look at (spend|rates)\."):
        read_plan({"nodes": nodes})
    nodes["payback"]["config"]["meta"]["increment"]["of"] = {"visits": "day", "spend": "spend_date"}
    (found,) = read_plan({"nodes": nodes}).by_day
    assert found.summed == {"visits"}
