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
