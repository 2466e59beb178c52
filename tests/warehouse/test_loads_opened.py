"""Loads that readers may see behind a figure: those that wrote rows, whatever the clock said."""

from __future__ import annotations

import psycopg

from tests.warehouse.small_warehouse import Warehouse
from warehouse.publish_lineage import open_loads


def test_loads_after_one_whose_clock_went_ahead_are_opened_too(warehouse: Warehouse) -> None:
    load = (
        "insert into ops.loads (run_id, source, stream, started_at, finished_at, rows_written, status)"
        " values ('{0}', 'files', 'contacts', '{1}', '{1}', 1, 'succeeded')"
    )
    opened = []
    for run_id, started_at in (("first", "2026-06-01"), ("ahead", "2999-01-01"), ("later", "2026-06-02")):
        warehouse.run(load.format(run_id, started_at))
        with psycopg.connect(warehouse.url) as connection:
            open_loads(connection, {("files", "contacts"): ["contacts"]})
        opened.append(sorted(run for (run,) in warehouse.run("select run_id from history.loads")))

    assert opened == [["first"], ["ahead", "first"], ["ahead", "first", "later"]]
