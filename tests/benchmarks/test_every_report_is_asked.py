"""The benchmark of reports leaves no report out, and every query it sends is one that the warehouse answers."""

from __future__ import annotations

import re

import psycopg

from benchmarks.report_queries import DAYS, FUNCTIONS, WHOLE, dashboard_queries, report_queries
from benchmarks.reports import answer
from bi.rendering import Period
from tests.city import FIRST, LAST, City

# Parts of other reports, and what is a report of another day or of one figure.
HELPERS = {
    "are_days", "beta_quantile", "beta_share", "binomial_interval", "channels_and_sources_credits", "compared_periods",
    "is_one_of", "log_gamma", "plain_text", "service_sales_depth", "split_by_return", "text_likeness", "touch_weight",
}  # fmt: skip
OTHERWISE = re.compile(r"_as_of$|_trace$|^trace_")


def test_every_report_function_and_view_is_asked(city: City) -> None:
    with psycopg.connect(city.url) as connection:
        rows = connection.execute(
            "select distinct proname from pg_proc where pronamespace = 'reports'::regnamespace"
            " union all select viewname from pg_views where schemaname = 'reports'"
        ).fetchall()
    there = {name for (name,) in rows if not OTHERWISE.search(name)} - HELPERS
    asked = {re.match(r"\w+", call)[0] for call in FUNCTIONS} | set(DAYS) | set(WHOLE)  # type: ignore[index]
    assert asked == there


def test_every_query_is_answered(city: City) -> None:
    period = Period(first=FIRST, last=LAST)
    with psycopg.connect(city.url, autocommit=True) as connection:
        (person,) = connection.execute("select min(person_key) from marts.fct_contacts").fetchall()[0]
        queries = [*report_queries(period, person), *dashboard_queries(period)]
        for asked in queries:
            answer(connection, asked)
    assert len({asked.name for asked in queries}) == len(queries) > 150
