"""What a server, a worker or a network leaves behind that is gone without a word, and what becomes of the run."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

import psycopg
import pytest

from expectations import gate
from extractors.core.errors import ChairsideError, GuardError, PublicationRefused, TransientError
from tests.warehouse.small_warehouse import NOW, Warehouse
from warehouse import pipeline
from warehouse.dbt import BuildFailed
from warehouse.migrate import migrate

KEPT = (
    "select said from pg_db_role_setting cross join unnest(setconfig) as said"
    " where setdatabase = (select oid from pg_database where datname = current_database()) order by 1"
)
LOST = "server closed the connection unexpectedly"


def restart(url: str) -> None:
    """As far as sessions see it: all of them end."""
    with psycopg.connect(url) as other:
        other.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'"
        )


def failing(error: ChairsideError, before: Callable[[], None]) -> Callable[..., None]:
    """A build or a gate that ends with an error after something happened."""

    def run(*_arguments: object, **_named: object) -> None:
        before()
        raise error

    return run


def test_a_session_of_a_machine_that_is_gone_ends_within_minutes(warehouse: Warehouse) -> None:
    """It may hold the turn of builds; another worker waits for it."""
    warehouse.run(
        "do $$ begin execute format('alter database %I set tcp_keepalives_count = 9', current_database()); end $$"
    )
    migrate(warehouse.url)
    migrate(warehouse.url)
    asked = ["tcp_keepalives_count=9", "tcp_keepalives_idle=60", "tcp_keepalives_interval=15"]
    assert [said for (said,) in warehouse.run(KEPT)] == asked


@pytest.mark.parametrize("is_cut", [True, False])
def test_a_build_that_a_restart_broke_is_tried_again_and_another_is_not(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, is_cut: bool
) -> None:
    before = (lambda: restart(warehouse.url)) if is_cut else (lambda: None)
    monkeypatch.setattr(pipeline, "run_dbt", failing(BuildFailed(f"model one: {LOST}"), before))

    with pytest.raises(TransientError if is_cut else BuildFailed), pipeline.exclusive(warehouse.url):
        pipeline.build(warehouse.url, run_id="one", as_of=NOW, folder=warehouse.folder, say=lambda _text: None)

    assert warehouse.run("select status from ops.last_build") == [("broken",)]
    ((status, said),) = warehouse.run("select status, message from ops.steps")
    assert (status, "Run it again" in said) == ("failed", is_cut)


@pytest.mark.parametrize("is_cut", [True, False])
def test_a_gate_that_a_restart_kept_from_asking_refuses_nothing(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, is_cut: bool
) -> None:
    before = (lambda: restart(warehouse.url)) if is_cut else (lambda: None)
    said = PublicationRefused(f"rows_are_there of build.x: could not be asked: {LOST}")
    monkeypatch.setattr(gate, "check_marts", failing(said, before))
    monkeypatch.setattr(gate, "check_landed", failing(said, before))
    warehouse.run("select ops.begin_build('one', now())")
    expected = TransientError if is_cut else PublicationRefused

    with pytest.raises(expected):
        pipeline.check_marts(warehouse.url, run_id="one", now=datetime.now(UTC), say=lambda _text: None)
    with pytest.raises(expected):
        pipeline.check_landed(warehouse.url, run_id="one", now=datetime.now(UTC), say=lambda _text: None)

    assert warehouse.run("select count(*) from ops.refused_publications") == [(0 if is_cut else 1,)]
    assert warehouse.run("select gate from ops.last_build") == [(None if is_cut else "refused",)]


def test_what_a_crash_emptied_is_no_refusal_of_the_gate(warehouse: Warehouse) -> None:
    """Recovery empties unlogged tables. Rows that are gone like this wait for no decision, they are built again."""
    warehouse.run("create unlogged table build.family_state (as_of timestamptz); select ops.begin_build('one', now())")
    emptied = "PostgreSQL stopped hard after the last build"
    with pytest.raises(GuardError, match=emptied):
        pipeline.check_marts(warehouse.url, run_id="one", now=NOW, say=lambda _text: None)
    with pytest.raises(GuardError, match=emptied):
        pipeline.forecast(warehouse.url, run_id="one", as_of=NOW, say=lambda _text: None)
    assert warehouse.run("select count(*) from ops.refused_publications") == [(0,)]


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
