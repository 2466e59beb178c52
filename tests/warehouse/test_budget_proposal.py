"""The budget proposal: a split by the return of the last hundred, to the kopeck."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from warehouse.migrate import migrate

REPORT = Path(__file__).resolve().parents[2] / "warehouse" / "reports" / "budget_proposal.sql"
# The columns of the published table that the function reads.
DAYS = """
create table reports.ad_payback_days (
    day date, clinic_id text, channel text, spend numeric, inquiries numeric, won bigint, revenue numeric
)
"""
Connection = psycopg.Connection[tuple[Any, ...]]
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

gains = st.floats(0.01, 1e6)
exponents = st.floats(0.2, 0.8)
kopecks = st.integers(0, 10**9)


@pytest.fixture(scope="module")
def connection(pg_server_url: str) -> Iterator[Connection]:
    """A database with the function and an empty table of days."""
    name = "test_budget_proposal"
    with psycopg.connect(pg_server_url, autocommit=True) as admin:
        admin.execute(f"drop database if exists {name} with (force)".encode())
        admin.execute(f"create database {name} template template0".encode())
    url = pg_server_url.rsplit("/", 1)[0] + f"/{name}"
    migrate(url)
    with psycopg.connect(url, autocommit=True) as opened:
        opened.execute(DAYS.encode())
        opened.execute(REPORT.read_text(encoding="utf-8").encode())
        yield opened
    with psycopg.connect(pg_server_url, autocommit=True) as admin:
        admin.execute(f"drop database if exists {name} with (force)".encode())


def split(connection: Connection, budget: int, channels: list[tuple[float, float, int]]) -> list[int]:
    """`channels`: gain, exponent and floor of each."""
    row = connection.execute(
        "select reports.split_by_return(%s, %s::float8[], %s::float8[], %s::bigint[])",
        (budget, *([one[index] for one in channels] for index in range(3))),
    ).fetchone()
    assert row is not None
    return list(row[0])


def proposal(
    connection: Connection, budget: object, floors: object = None, **more: object
) -> dict[str, dict[str, Any]]:
    named = "".join(f", {name} => %({name})s" for name in more)
    cursor = connection.execute(
        "select * from reports.budget_proposal(date '2026-01-01', date '2026-12-31', %(budget)s::numeric, "
        f"%(floors)s::jsonb{named})".encode(),
        {"budget": budget, "floors": json.dumps(floors or {}), **more},
    )
    names = [column.name for column in cursor.description or ()]
    rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return {row["channel"]: row for row in rows}


def days(connection: Connection, rows: list[tuple[Any, ...]]) -> None:
    """Rows of day, channel, spend, inquiries, won, revenue; nothing else is known."""
    connection.execute("truncate reports.ad_payback_days")
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into reports.ad_payback_days values (%s, 'C1', %s, %s, %s, %s, %s)",
            rows,
        )


@QUICK
@given(budget=kopecks, channels=st.lists(st.tuples(gains, exponents, st.integers(0, 10**8)), min_size=1, max_size=6))
def test_every_kopeck_is_given_out_and_no_floor_is_cut(
    connection: Connection, budget: int, channels: list[tuple[float, float, int]]
) -> None:
    assume(sum(floor for _, _, floor in channels) <= budget)
    parts = split(connection, budget, channels)
    assert sum(parts) == budget
    assert all(part >= floor for part, (_, _, floor) in zip(parts, channels, strict=True))


@QUICK
@given(
    budget=kopecks,
    channels=st.lists(st.tuples(gains, exponents, st.integers(0, 1000)), min_size=2, max_size=6),
    times=st.floats(1, 100),
)
def test_a_channel_that_brings_more_is_never_given_less(
    connection: Connection, budget: int, channels: list[tuple[float, float, int]], times: float
) -> None:
    assume(sum(floor for _, _, floor in channels) <= budget)
    (gain, exponent, floor), *others = channels
    before = split(connection, budget, channels)
    after = split(connection, budget, [(gain * times, exponent, floor), *others])
    assert after[0] >= before[0]


@QUICK
@given(
    budget=st.integers(10**4, 10**9),
    channels=st.lists(st.tuples(gains, exponents, st.just(0)), min_size=2, max_size=5),
)
def test_no_kopeck_would_bring_more_elsewhere(
    connection: Connection, budget: int, channels: list[tuple[float, float, int]]
) -> None:
    parts = split(connection, budget, channels)

    def slope(index: int, kopeck: float) -> float:
        gain, exponent, _ = channels[index]
        return float(gain * exponent * kopeck ** (exponent - 1))

    last = [slope(index, part - 0.5) for index, part in enumerate(parts) if part > 0]
    following = [slope(index, part + 0.5) for index, part in enumerate(parts)]
    assert min(last) >= max(following) * (1 - 1e-9)


def test_twice_the_return_of_a_square_root_is_four_times_the_money(connection: Connection) -> None:
    """Equal spend, returns 400 000 and 200 000 of twenty deals each, one month: a square root, so 4 : 1."""
    january = ("search", 400_000), ("social", 200_000)
    days(connection, [("2026-01-10", channel, 100_000, 40, 20, revenue) for channel, revenue in january])
    found = proposal(connection, 100_000)
    assert {name: row["proposed"] for name, row in found.items()} == {"search": 80_000, "social": 20_000}
    search = found["search"]
    assert (search["exponent"], search["trust_percent"], search["measured_in"]) == (Decimal("0.5"), 80, "revenue")
    # 0.8 · 400 000 · √0.8, and its slope there: half of return over spend, a hundred times
    assert search["expected_return"] == Decimal("286216.70")
    assert search["return_of_last_hundred"] == found["social"]["return_of_last_hundred"] == Decimal("178.8854")
    floored = proposal(connection, 100_000, {"social": 30_000})
    assert {name: row["proposed"] for name, row in floored.items()} == {"search": 70_000, "social": 30_000}
    by_inquiries = proposal(connection, 1, return_of="inquiries")
    assert [row["proposed"] for row in by_inquiries.values()] == [Decimal("0.5"), Decimal("0.5")]


def test_the_curve_of_many_months_is_believed_over_the_square_root(connection: Connection) -> None:
    """Return is exactly 10 · spend ^ 0.7 in six months, so the power is 0.7; the other channel varies by chance."""
    rows: list[tuple[Any, ...]] = []
    for month, (spend, noise) in enumerate(zip((10, 20, 40, 80, 120, 200), (9, 2, 8, 3, 9, 1), strict=True), start=1):
        rows.append((f"2026-{month:02d}-05", "search", spend * 1000, 10, 10, round(10 * (spend * 1000) ** 0.7, 2)))
        rows.append((f"2026-{month:02d}-05", "social", 50_000 + spend, 10, 10, noise * 10_000))
    days(connection, rows)
    found = proposal(connection, 500_000)
    assert abs(found["search"]["exponent"] - Decimal("0.7")) < Decimal("0.001")
    assert abs(found["social"]["exponent"] - Decimal("0.5")) < Decimal("0.05")
    assert sum(row["proposed"] for row in found.values()) == 500_000


@QUICK
@given(
    revenue=st.lists(
        st.tuples(st.integers(0, 10**7), st.integers(1, 10**6), st.integers(0, 30)), min_size=2, max_size=8
    ),
    budget=st.decimals(100, 10**6, places=2),
    times=st.integers(2, 9),
)
def test_the_report_sums_to_the_budget_and_rewards_return(
    connection: Connection, revenue: list[tuple[int, int, int]], budget: Decimal, times: int
) -> None:
    rows = [
        (f"2026-{index // 2 % 12 + 1:02d}-10", ("search", "social")[index % 2], spend, 1, won, money if won else 0)
        for index, (money, spend, won) in enumerate(revenue)
    ]
    assume(any(row[1] == "search" and row[5] for row in rows))
    days(connection, rows)
    before = proposal(connection, budget, {"social": 50.5, "radio": 1})
    assert sum(row["proposed"] for row in before.values()) == budget
    assert before["social"]["proposed"] >= Decimal("50.5")
    assert before["radio"]["proposed"] == 1
    days(connection, [(*row[:5], row[5] * times) if row[1] == "search" else row for row in rows])
    after = proposal(connection, budget, {"social": 50.5, "radio": 1})
    assert after["search"]["proposed"] >= before["search"]["proposed"]


@pytest.mark.parametrize(
    ("budget", "floors", "says"),
    [
        (100, {"search": 60, "social": 50}, "the floors add up to 110, more than the budget of 100"),
        (100, {"search": -1}, "the floor of search is not an amount"),
        (100, {"search": 0.001}, "the floor of search is not an amount"),
        (100, {"search": "much"}, "the floor of search is not an amount"),
        (100, [1], "floors is an object"),
        (-1, {}, "budget is an amount"),
        ("0.005", {}, "budget is an amount"),
        (100, {"radio": 20}, "there is nothing to split by"),
    ],
)
def test_what_cannot_be_done_is_an_error_that_says_so(
    connection: Connection, budget: object, floors: object, says: str
) -> None:
    days(connection, [("2026-01-10", "search", 100, 0, 0, 0)])
    with pytest.raises(psycopg.errors.InvalidParameterValue, match=says):
        proposal(connection, budget, floors)


def test_floors_that_take_all_need_no_history(connection: Connection) -> None:
    days(connection, [])
    assert proposal(connection, 20, {"radio": 20})["radio"]["proposed"] == 20
