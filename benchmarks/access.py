"""Dashboard queries as a restricted employee, against the same with the condition written by hand, as owner.

Five times BENCH_ROWS rows of 50 clinics, made on the server, published and granted as the product does it. Both ask in
one session, which a superuser hands from one to the other, one query each in turns, short ones hundreds of times: what
else the machine does meets both alike, and a pause meets one query, not a median. Planning is part of it: policies cost
there too. The plans are compared besides (plans.py).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import psycopg

from benchmarks.harness import Bench, Disagreement, in_turns, rounds_wanted, seconds
from benchmarks.plans import become, same_plan
from warehouse.migrate import migrate
from warehouse.publish import publish

DATABASE = "chairside_bench_access"
TABLE = "administrator_conversion_inquiries"
FILL = """
create table build.administrator_conversion_inquiries as
select
    'inquiry:' || n as inquiry_key, 'C' || n %% 50 as clinic_id, date '2026-01-01' + (n / 50) %% 180 as local_date,
    'A' || n %% 350 as administrator_id, 'channel ' || n %% 12 as channel, (n %% 100000)::numeric(18, 2) as amount,
    n::bigint * 7919 %% 10000000 as amount_kopecks, n %% 2 = 0 as is_booked
from generate_series(1, %s) as n
"""
NOT_NULL = "alter table build.administrator_conversion_inquiries alter inquiry_key set not null"
# What a dashboard asks; {} is where an owner writes the condition.
QUERIES = {
    "30 days by day and channel": "select local_date, channel, count(*), count(*) filter (where is_booked), sum(amount)"
    " from {table} where local_date between '2026-03-01' and '2026-03-30' {and_clinics} group by 1, 2",
    "months by channel": "select date_trunc('month', local_date), channel, count(*), sum(amount) from {table}"
    " where true {and_clinics} group by 1, 2",
    "one day's rows": "select * from {table} where local_date = '2026-03-08' {and_clinics} order by 1 limit 100",
    "figures of a day": "select count(*), count(*) filter (where is_booked), sum(amount) from {table}"
    " where local_date = '2026-04-15' {and_clinics}",
    "largest above an amount": "select inquiry_key, amount_kopecks from {table} where amount_kopecks > 9990000"
    " {and_clinics} order by amount_kopecks desc limit 20",
    "values of a filter": "select channel, count(*) from {table} where true {and_clinics} group by channel",
}
# Right of the employee, and the same written by hand.
READERS: dict[str, tuple[list[str] | None, bool, str]] = {
    "1 of 50 clinics": (["C7"], False, "and clinic_id = 'C7'"),
    "5 of 50 clinics": (
        ["C3", "C7", "C11", "C20", "C41"], False, "and clinic_id = any ('{C11,C20,C3,C41,C7}'::text[])"
    ),
    "all clinics": (None, False, ""),
    "own rows": (["C7"], True, "and clinic_id = 'C7' and administrator_id = 'A7'"),
}
# Of both together, a query and round of BENCH_ROUNDS.
SECONDS = 0.6
FEWEST, MOST = 7, 501


def run(bench: Bench) -> None:
    rows = int(os.environ.get("BENCH_ROWS", "1000000")) * 5
    budget = rounds_wanted() * SECONDS
    url = urlsplit(bench.url)._replace(path=f"/{DATABASE}").geturl()
    with psycopg.connect(bench.url, autocommit=True) as admin:
        admin.execute(f"drop database if exists {DATABASE} with (force)".encode())
        admin.execute(f"create database {DATABASE} template template0".encode())
    try:
        settle(url, bench.work, rows)
        _measure(bench, url, budget, rows)
    finally:
        with psycopg.connect(url) as owner:
            owner.execute("select access.remove_employee(database_role) from access.employees")
        with psycopg.connect(bench.url, autocommit=True) as admin:
            admin.execute(f"drop database {DATABASE} with (force)".encode())


def settle(url: str, work: Path, rows: int, prefix: str = "bench_reader") -> None:
    """The table, published as dbt's manifest asks, and an employee per reader, whose roles begin with `prefix`."""
    migrate(url)
    manifest, reports = work / "manifest.json", work / "reports"
    reports.mkdir(exist_ok=True)
    block = {
        "schema": "reports", "report": "administrator_conversion", "clinic_column": "clinic_id", "key": ["inquiry_key"],
        "owner_columns": ["administrator_id"], "personal": False,
        "indexes": [["clinic_id", "local_date"], ["local_date"], ["amount_kopecks"]],
    }  # fmt: skip
    node = {
        "resource_type": "model", "name": TABLE, "alias": TABLE, "description": "Bench.", "constraints": [],
        "config": {"meta": {"publish": block}},
        "columns": {"inquiry_key": {"name": "inquiry_key", "constraints": [{"type": "not_null"}]}},
    }  # fmt: skip
    manifest.write_text(json.dumps({"nodes": {f"model.chairside.{TABLE}": node}}), encoding="utf-8")
    with psycopg.connect(url) as owner:
        owner.execute(FILL, (rows,))
        owner.execute(NOT_NULL)
    publish(url, manifest, run_id="bench", now=datetime(2026, 7, 1, tzinfo=UTC), reports=reports)
    with psycopg.connect(url, autocommit=True) as owner:
        for number, (clinics, own, _) in enumerate(READERS.values()):
            role = f"{prefix}_{number}"
            owner.execute("select access.add_employee(%s, 'Reader', null, 'A7')", (role,))
            owner.execute("select access.allow(%s, 'administrator_conversion', %s, %s)", (role, clinics, own))
        owner.execute(f"vacuum (analyze) reports.{TABLE}".encode())


def asked(prefix: str = "bench_reader") -> Iterator[tuple[str, str, str, str]]:
    """Per query: its name, the role that asks, what it asks, and the same by hand."""
    for number, (reader, (_, _, condition)) in enumerate(READERS.items()):
        for name, text in QUERIES.items():
            own, by_hand = (text.format(table=f"reports.{TABLE}", and_clinics=also) for also in ("", condition))
            yield f"{name}, {reader}", f"{prefix}_{number}", own, by_hand


def _measure(bench: Bench, url: str, budget: float, rows: int) -> None:
    ratios, differing = [], []
    with psycopg.connect(url, autocommit=True, prepare_threshold=None) as connection:
        for name, role, own, by_hand in asked():
            _same(connection, role, own, by_hand)
            if not same_plan(connection, role, own, by_hand):
                differing.append(name)
            spent: dict[str, list[float]] = {"employee": [], "owner": []}
            ask = {
                "employee": _asking(connection, role, own, spent["employee"]),
                "owner": _asking(connection, None, by_hand, spent["owner"]),
            }
            pair = sum(one() for one in ask.values())
            times = in_turns(ask, min(MOST, max(FEWEST, int(budget / pair))))
            ratio = times["employee"] / times["owner"]
            ratios.append(ratio)
            bench.record(
                f"access: {name}", ratio, 1.2,
                f"as employee {times['employee'] * 1000:.2f} ms : by hand {times['owner'] * 1000:.2f} ms{_told(spent)}",
                rounds=times, sizes={"rows": rows},
            )  # fmt: skip
    bench.record("access: median of the dashboard queries", median(ratios), 1.05, "× the condition written by hand")
    told = "; ".join(differing) or "but for the order of conditions"
    bench.record("access: queries whose plan differs", len(differing), 0, told)


def _same(connection: psycopg.Connection[Any], role: str, own: str, by_hand: str) -> None:
    """Two queries that answer differently cannot be compared. Also warms both."""
    become(connection, role)
    mine = connection.execute(own.encode()).fetchall()
    become(connection, None)
    theirs = connection.execute(by_hand.encode()).fetchall()
    if "limit" in own:
        mine, theirs = [(len(mine),)], [(len(theirs),)]
    if sorted(map(repr, mine)) != sorted(map(repr, theirs)):
        raise Disagreement(f"the employee's rows differ: {own}")


def _asking(
    connection: psycopg.Connection[Any], role: str | None, query: str, spent: list[float]
) -> Callable[[], float]:
    """Seconds of one execution as that role (null: as owner); becoming him is not counted.

    `spent` collects the processor time of the same where the server runs here and says it.
    """
    encoded, pid = query.encode(), connection.info.backend_pid

    def ask() -> float:
        become(connection, role)
        before = _processor_seconds(pid)
        took = seconds(lambda: connection.execute(encoded).fetchall())
        if before is not None and (after := _processor_seconds(pid)) is not None:
            spent.append(after - before)
        return took

    return ask


def _processor_seconds(pid: int) -> float | None:
    """Processor time of a process so far, without that of parallel workers; null where Linux does not tell."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9
    except (OSError, ValueError, IndexError):
        return None


def _told(spent: dict[str, list[float]]) -> str:
    """On a busy machine a short query waits more than it works; what it worked says whether the policy costs."""
    if not all(spent.values()) or not (by_hand := median(spent["owner"])):
        return ""
    return f"; processor time {median(spent['employee']) / by_hand:.2f}"
