"""How long people wait for the database: every report function and view, and every query of every dashboard.

A network of 50 clinics with five years of history (`network_rows`, the largest of BENCH_TOUCHPOINTS), built and
published as always; or, with BENCH_WAREHOUSE (a superuser's URL), a published warehouse, which is only read. A director
of all clinics, a marketer of five and the head administrator of one log in as themselves and ask for the last month,
quarter and year. A query's figure is the slowest of these nine; each is the median of five after one that does not
count. Planning is part of it. Superset opens a session for each query, so for dashboards a new one is asked each time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from benchmarks.build import BEGAN, SIZES, fresh_database
from benchmarks.harness import Bench, Rounds, rounds_wanted, seconds
from benchmarks.network_rows import fill
from benchmarks.report_queries import Asked, dashboard_queries, report_queries
from bi.rendering import Period
from warehouse import pipeline
from warehouse.migrate import migrate

LIMIT = 0.3  # seconds
PERIODS = {"month": 30, "quarter": 91, "year": 365}
CLINICS: dict[str, int | None] = {"director": None, "marketer": 5, "head": 1}
PREFIX = "bench_report_"
NOT_REPORTS = ("marts", "deal_entry")


def run(bench: Bench) -> None:
    if url := os.environ.get("BENCH_WAREHOUSE"):
        measure(bench, url)
        return
    size = max(int(each) for each in (os.environ.get("BENCH_TOUCHPOINTS") or SIZES).split(","))
    name = "chairside_bench_reports"
    url = fresh_database(bench.url, name)
    try:
        migrate(url)
        fill(url, touchpoints=size, now=BEGAN)
        folder = bench.work / "dbt_reports"
        pipeline.build_and_publish(url, run_id="bench", now=BEGAN, folder=folder, say=lambda _line: None)
        measure(bench, url)
    finally:
        with psycopg.connect(bench.url, autocommit=True) as admin:
            admin.execute(f"drop database {name} with (force)".encode())


def measure(bench: Bench, url: str) -> None:
    """Record a figure for every query, the slowest first."""
    found: dict[str, dict[str, tuple[float, ...]]] = {}
    with readers(url) as logins:
        last, person, sizes = _what_is_there(url)
        for reader, login in logins.items():
            for period, days in PERIODS.items():
                span = Period(first=last - timedelta(days=days - 1), last=last)
                asked_by = f"{reader}, {period}"
                with psycopg.connect(login, autocommit=True, prepare_threshold=None) as session:
                    for asked in report_queries(span, person):
                        found.setdefault(asked.name, {})[asked_by] = _asked(session, asked)
                for asked in dashboard_queries(span):
                    found.setdefault(asked.name, {})[asked_by] = _asked_by_superset(login, asked)
    rounds = {name: Rounds(of) for name, of in found.items()}
    slowest = {name: max(of.seconds, key=of.__getitem__) for name, of in rounds.items()}
    for name in sorted(rounds, key=lambda name: -rounds[name][slowest[name]]):
        took = rounds[name][slowest[name]]
        bench.record(
            f"reports: {name}", took / LIMIT, 1.0, f"× 300 ms: {took * 1000:.0f} ms, {slowest[name]}",
            rounds=rounds[name], sizes=sizes,
        )  # fmt: skip


def _asked(session: psycopg.Connection[Any], asked: Asked) -> tuple[float, ...]:
    """Seconds of each time; the first, which reads from the disk, does not count."""
    return tuple(seconds(lambda: answer(session, asked)) for _time in range(1 + rounds_wanted()))[1:]


def _asked_by_superset(login: str, asked: Asked) -> tuple[float, ...]:
    """The same, each time in a session of its own; opening it does not count."""
    took = []
    for _time in range(1 + rounds_wanted()):
        with psycopg.connect(login, autocommit=True, prepare_threshold=None) as session:
            took.append(seconds(lambda: answer(session, asked)))
    return tuple(took[1:])


def answer(session: psycopg.Connection[Any], asked: Asked) -> None:
    """All rows. A report that finds nothing to divide by says so: that is an answer too."""
    with suppress(psycopg.errors.InvalidParameterValue):
        session.execute(asked.query.encode()).fetchall()


def _what_is_there(url: str) -> tuple[date, str, dict[str, int]]:
    """The last day that has spend, a person of the head administrator's clinic with many records, and how many rows."""
    with psycopg.connect(url) as owner:
        (last,) = owner.execute("select max(spend_date) from reports.channels_and_sources_spend").fetchall()[0]
        (person,) = owner.execute(
            "select person_key from reports.inquiry_history_contacts where clinic_id = %s"
            " group by person_key order by count(*) desc, person_key limit 1",
            (_clinics(owner, 1)[0],),
        ).fetchall()[0]
        rows = owner.execute(
            "select told ->> 'name', (told ->> 'rows')::bigint from ops.publications"
            " cross join lateral jsonb_array_elements(tables) as told"
            " where publication_id = (select max(publication_id) from ops.publications)"
        ).fetchall()
    counted: dict[str, int] = dict(rows)
    named = ("fct_touches", "fct_contacts", "channels_and_sources_events", "attribution_conversions", "fct_deals")
    return last, person, {name: counted[name] for name in named}


def _clinics(owner: psycopg.Connection[Any], many: int) -> list[str]:
    rows = owner.execute("select clinic_id from marts.dim_clinics order by clinic_id limit %s", (many,)).fetchall()
    return [clinic for (clinic,) in rows]


@contextmanager
def readers(url: str) -> Iterator[dict[str, str]]:
    """How each of them logs in. They are removed afterwards."""
    with psycopg.connect(url) as owner:
        reports = owner.execute("select report from access.known_reports").fetchall()
        for reader, many in CLINICS.items():
            role = PREFIX + reader
            owner.execute("select access.add_employee(%s, 'Reader', null, null)", (role,))
            for (report,) in reports:
                if report not in NOT_REPORTS:
                    clinics = _clinics(owner, many) if many else None
                    owner.execute("select access.allow(%s, %s, %s, false, true)", (role, report, clinics))
        logins = {
            reader: make_conninfo(url, user=PREFIX + reader, password=owner.execute(
                "select access.login_password(%s)", (PREFIX + reader,)
            ).fetchall()[0][0])
            for reader in CLINICS
        }  # fmt: skip
    try:
        yield logins
    finally:
        with psycopg.connect(url) as owner:
            owner.execute(
                "select access.remove_employee(database_role) from access.employees where database_role like %s",
                (f"{PREFIX}%",),
            )
