"""What a server, a worker or a network leaves behind that is gone without a word, and what becomes of the run."""

from __future__ import annotations

import time

import psycopg
import pytest

from tests.warehouse.small_warehouse import Warehouse
from warehouse import pipeline
from warehouse.migrate import migrate

KEPT = (
    "select said from pg_db_role_setting cross join unnest(setconfig) as said"
    " where setdatabase = (select oid from pg_database where datname = current_database()) order by 1"
)


def test_a_session_of_a_machine_that_is_gone_ends_within_minutes(warehouse: Warehouse) -> None:
    """It may hold the turn of builds; another worker waits for it."""
    warehouse.run(
        "do $$ begin execute format('alter database %I set tcp_keepalives_count = 9', current_database()); end $$"
    )
    migrate(warehouse.url)
    migrate(warehouse.url)
    asked = ["tcp_keepalives_count=9", "tcp_keepalives_idle=60", "tcp_keepalives_interval=15"]
    assert [said for (said,) in warehouse.run(KEPT)] == asked


def test_a_server_that_ends_what_lasts_too_long_leaves_builders_their_turn(warehouse: Warehouse) -> None:
    """An administrator's limits are for readers: with the turn gone a second builder would begin beside the first."""
    limits = ("transaction_timeout", "idle_in_transaction_session_timeout", "statement_timeout", "lock_timeout")
    known = [name for (name,) in warehouse.run("select name from pg_settings where name = any(%s)", (list(limits),))]
    for name in known:
        warehouse.run(f"do $$ begin execute format('alter database %I set {name} = 200', current_database()); end $$")
    with pipeline.exclusive(warehouse.url):
        time.sleep(0.5)
        with psycopg.connect(warehouse.url) as other, pytest.raises(psycopg.errors.LockNotAvailable):
            other.execute("lock table ops.build_turn in exclusive mode nowait")
