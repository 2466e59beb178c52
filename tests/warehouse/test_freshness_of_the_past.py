"""Whether a source was stale when a figure was shown, asked of a past day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import psycopg

from tests.warehouse.small_warehouse import REPORT_FILE, Warehouse, model_node
from warehouse.publish_reports import REPORTS_FOLDER

SHOWN = datetime(2026, 6, 1, 5, tzinfo=UTC)
STREAMS = "select lag_hours, is_stale, stale_since is null from reports.freshness{}"
REPORTS = "select is_stale, stale_since is null, stale_sources from reports.freshness_of_reports{}"


def test_what_was_stale_is_told_of_the_moment_of_publication(warehouse: Warehouse) -> None:
    """Calls were loaded two hours before, and nobody knows of a load since: fresh then, stale now."""
    for name, key in (
        ("freshness_streams", ["source", "stream"]), ("freshness_lineage", ["report", "source", "stream"]),
        ("freshness_load_days", ["day", "source", "stream"]),
    ):  # fmt: skip
        node = model_node(name, key=key, report="freshness", clinic_column=None)
        warehouse.nodes[f"model.chairside.{name}"] = node
    warehouse.run(
        "create table build.freshness_streams as select * from ops.freshness_streams;"
        " create table build.freshness_lineage (report text, needed_for text, source text, stream text);"
        " insert into build.freshness_lineage values ('inquiry_history', 'figures', 'calltouch', 'calls');"
        " create table build.freshness_load_days (day date, source text, stream text, loads bigint,"
        " failed_loads bigint, rows_read bigint, rows_written bigint, rows_restated bigint, rows_rejected bigint);"
        " insert into build.freshness_streams (source, stream, loaded_at, stale_from, is_failing)"
        " values ('calltouch', 'calls', '2026-06-01 03:00+00', '2026-06-02 05:00+00', false)"
    )
    warehouse.write_report(REPORT_FILE)
    warehouse.write_report((REPORTS_FOLDER / "freshness.sql").read_text(encoding="utf-8"), "freshness.sql")
    warehouse.publish(now=SHOWN)
    assert warehouse.run("select is_stale, lag_hours > 1000 from reports.freshness") == [(True, True)]

    warehouse.publish(now=SHOWN + timedelta(days=2))
    for day, hours, was_stale in ((1, 2, False), (2, 2, False), (3, 50, True)):
        of_day = f"_as_of('2026-06-0{day}')"
        assert warehouse.run(STREAMS.format(of_day)) == [(Decimal(hours), was_stale, not was_stale)]
        sources = ["calltouch"] if was_stale else []
        assert warehouse.run(REPORTS.format(of_day)) == [(was_stale, not was_stale, sources)]
    with psycopg.connect(warehouse.url) as owner:
        owner.execute("set local chairside.as_of = '1'")
        assert owner.execute("select is_stale from as_of.freshness").fetchall() == [(False,)]
