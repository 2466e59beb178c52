"""The session that looks for blocking employees never becomes what its own work waits for."""

from __future__ import annotations

import time

import psycopg
import pytest

from extractors import unblocked as watching
from tests.warehouse.small_warehouse import Warehouse


@pytest.mark.timeout(30, func_only=True)
def test_work_that_holds_the_list_of_employees_ends(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks who is an employee; the work has locked that table, and ends only when the watcher has."""
    monkeypatch.setattr(watching, "LOOK_EVERY", 0.01)
    with psycopg.connect(warehouse.url) as connection:
        with watching.unblocked(connection):
            connection.execute("lock table access.employees in access exclusive mode")
            time.sleep(0.3)
        connection.rollback()


@pytest.mark.timeout(30, func_only=True)
def test_an_upgrade_of_the_list_of_employees_waits_for_no_employees_open_transaction(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Who reads the list then waits behind the upgrade, the watcher too. Somebody else is waited for, and named."""
    monkeypatch.setattr(watching, "LOOK_EVERY", 0.05)
    clerk = warehouse.add("clerk")
    warehouse.run("select access.allow(%s, 'deal_entry')", (clerk,))
    with (
        warehouse.connect(clerk) as employee,
        psycopg.connect(warehouse.url) as other,
        psycopg.connect(warehouse.url) as upgrade,
    ):
        employee.execute("begin read write")
        employee.execute("select deals.add('Deal of one')")
        upgrade.execute("set lock_timeout = '5s'")
        with watching.unblocked(upgrade):
            upgrade.execute("alter table access.employees add column upgraded text")
        upgrade.rollback()
        with pytest.raises(psycopg.OperationalError):
            employee.execute("select 1")

        other.execute("select from access.employees limit 1")
        upgrade.execute("set lock_timeout = '500ms'")
        with watching.unblocked(upgrade), pytest.raises(psycopg.errors.LockNotAvailable):
            upgrade.execute("alter table access.employees add column upgraded text")
        assert caplog.text.count(f"server process {other.info.backend_pid}") == 1
