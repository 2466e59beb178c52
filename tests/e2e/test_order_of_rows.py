"""Rows of equal rank stand in one order, wherever they lie: a list that is asked twice is the same list."""

from __future__ import annotations

import psycopg
from psycopg import sql

from tests.city import FIRST, LAST, City

PERIOD = f"date '{FIRST}', date '{LAST}'"
BUSY = "(select mode() within group (order by person_key) from reports.client_path_steps)"
CALLS = (
    f"ad_payback({PERIOD}, 'campaign')", f"ad_payback_curve({PERIOD}, 'campaign')",
    f"administrator_conversion({PERIOD})", f"attribution({PERIOD})", f"attribution({PERIOD}, 'payment', 90, 'channel')",
    f"budget_proposal({PERIOD}, 1000, return_of => 'inquiries')",
    f"channels_and_sources({PERIOD}, 'campaign', 'linear')",
    f"channels_and_sources({PERIOD}, 'source', 'markov', 'period', 'all', true)", f"client_path({BUSY})",
    f"deal_summary({PERIOD})", f"deals_as_of('{LAST}')", f"direction_load({PERIOD})", f"hot_clients({PERIOD})",
    f"lead_plan({PERIOD}, 20)", f"lost_inquiries({PERIOD})", f"lost_inquiries_by_reason({PERIOD})", "open_pipeline()",
    f"service_buyers({PERIOD})", f"service_frequency({PERIOD})", f"service_sales({PERIOD}, 'week')",
    f"stage_times({PERIOD})", f"top_deals({PERIOD}, 1000)", f"traffic_influence({PERIOD})", f"utm_audit({PERIOD})",
    f"why_one_person({BUSY})",
)  # fmt: skip


def test_the_order_of_a_reports_rows_is_not_that_of_its_tables(own_city: City) -> None:
    with psycopg.connect(own_city.url) as owner:

        def answers() -> dict[str, list[tuple[object, ...]]]:
            return {call: owner.execute(f"select * from reports.{call}".encode()).fetchall() for call in CALLS}

        # two rows of one rank, that only their channel tells apart
        owner.execute(
            "insert into reports.deal_summary_days select (jsonb_populate_record(one, jsonb_build_object("
            "'summary_key', one.summary_key || ' twin', 'channel', one.channel || ' twin'))).*"
            " from reports.deal_summary_days as one"
        )
        before = answers()
        assert all(before.values())
        owner.execute("select setseed(0.5)")
        tables = owner.execute("select tablename from pg_tables where schemaname = 'reports'").fetchall()
        for (name,) in tables:
            table = sql.Identifier("reports", name)
            shuffle = "create temporary table shuffled as select * from {} order by random()"
            owner.execute(sql.SQL(shuffle).format(table))
            owner.execute(sql.SQL("delete from {}").format(table))
            owner.execute(sql.SQL("insert into {} select * from shuffled").format(table))
            owner.execute("drop table shuffled")
        after = answers()
    assert {call: rows for call, rows in after.items() if rows != before[call]} == {}
