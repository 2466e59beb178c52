"""A small warehouse for each test, empty of people and rights."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.warehouse.small_warehouse import BUILD_TABLES, REPORT_FILE, Warehouse
from warehouse.migrate import migrate


@pytest.fixture
def warehouse(fresh_database: str, tmp_path: Path) -> Iterator[Warehouse]:
    migrate(fresh_database)
    made = Warehouse(url=fresh_database, folder=tmp_path, prefix=f"t{uuid.uuid4().hex[:8]}")
    made.run(BUILD_TABLES)
    made.write_report(REPORT_FILE)
    yield made
    # A failed test may have left a session open in a transaction; it must not hold up the others.
    made.run("select pg_terminate_backend(pid) from pg_stat_activity where usename like %s", (f"{made.prefix}%",))
    made.run("select access.remove_employee(database_role) from access.employees")


@pytest.fixture
def published(warehouse: Warehouse) -> Warehouse:
    warehouse.publish()
    return warehouse
