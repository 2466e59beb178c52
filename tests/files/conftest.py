"""A migrated warehouse and a folder to put import files in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from extractors.kinds import KINDS
from tests.files.desk import CLINICS, Desk, shared_folder
from tests.templates import Template, copied


@pytest.fixture(scope="session")
def files_warehouse(pg_server_url: str, migrated_template: Template) -> Iterator[str]:
    """One migrated database for all tests of this folder; creating one for each would take most of their time."""
    with copied(migrated_template.url, pg_server_url) as url:
        yield url


@pytest.fixture
def desk(files_warehouse: str, tmp_path: Path) -> Iterator[Desk]:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    with psycopg.connect(files_warehouse, autocommit=True) as connection:
        with connection.transaction():
            for table in (*(kind.table for kind in KINDS), "rejected_rows", "settings"):
                connection.execute(sql.SQL("delete from {}").format(sql.Identifier("staging", table)))
            connection.execute("delete from ops.loads")
        migrate_settings(connection)
        yield Desk(files_warehouse, inbox, connection)


def migrate_settings(connection: psycopg.Connection[Any]) -> None:
    """Settings as a new warehouse has them."""
    connection.execute(
        "insert into staging.settings values"
        " ('reporting_currency', 'RUB'), ('country', 'RU'), ('phone_region', 'RU'), ('default_time_zone', null)"
    )


@pytest.fixture
def open_desk(desk: Desk) -> Desk:
    """A desk with two clinics in different zones."""
    desk.put("clinics.csv", CLINICS)
    return desk


@pytest.fixture
def june() -> Path:
    return shared_folder("cases", "june")
