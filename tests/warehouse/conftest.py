"""A small warehouse for each test, empty of people and rights."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from tests.warehouse.small_warehouse import BUILD_TABLES, REPORT_FILE, Warehouse
from warehouse.migrate import migrate


@pytest.fixture(scope="session")
def migrated(pg_server_url: str) -> Iterator[str]:
    """The name of a migrated database to copy: migrating anew takes several times as long."""
    name = f"test_{uuid.uuid4().hex[:16]}"
    with psycopg.connect(pg_server_url, autocommit=True) as admin:
        admin.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
        migrate(urlsplit(pg_server_url)._replace(path=f"/{name}").geturl())
        yield name
        admin.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def warehouse(pg_server_url: str, migrated: str, tmp_path: Path) -> Iterator[Warehouse]:
    name = f"test_{uuid.uuid4().hex[:16]}"
    database = sql.Identifier(name)
    with psycopg.connect(pg_server_url, autocommit=True) as admin:
        admin.execute(sql.SQL("create database {} template {}").format(database, sql.Identifier(migrated)))
        # A copy has the default grants again.
        admin.execute(sql.SQL("revoke connect, temporary on database {} from public").format(database))
    url = urlsplit(pg_server_url)._replace(path=f"/{name}").geturl()
    made = Warehouse(url=url, folder=tmp_path, prefix=f"t{uuid.uuid4().hex[:8]}")
    made.run(BUILD_TABLES)
    made.write_report(REPORT_FILE)
    yield made
    # A failed test may have left a session open in a transaction; it must not hold up the others.
    made.run("select pg_terminate_backend(pid) from pg_stat_activity where usename like %s", (f"{made.prefix}%",))
    made.run("select access.remove_employee(database_role) from access.employees")
    with psycopg.connect(pg_server_url, autocommit=True) as admin:
        admin.execute(sql.SQL("drop database if exists {} with (force)").format(database))


@pytest.fixture
def published(warehouse: Warehouse) -> Warehouse:
    warehouse.publish()
    return warehouse
