"""A small warehouse for each test, empty of people and rights."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.templates import Template, copied, template_fixture
from tests.warehouse.attribution_chain import Chain, make_chain
from tests.warehouse.small_warehouse import BUILD_TABLES, REPORT_FILE, Warehouse
from warehouse.migrate import migrate


def _make(url: str, folder: Path) -> None:
    migrate(url)
    Warehouse(url=url, folder=folder, prefix="nobody").run(BUILD_TABLES)


def _make_published(url: str, folder: Path) -> None:
    _make(url, folder)
    made = Warehouse(url=url, folder=folder, prefix="nobody")
    made.write_report(REPORT_FILE)
    made.publish()


# The small warehouse, not yet published, and published once.
small_template = template_fixture("small", _make)
published_template = template_fixture("published", _make_published)
# The models of attribution over two tables, compiled once.
chain_template = template_fixture("chain", make_chain)


@pytest.fixture(scope="module")
def chain(pg_server_url: str, chain_template: Template) -> Iterator[Chain]:
    with (
        copied(chain_template.url, pg_server_url) as url,
        psycopg.connect(url, autocommit=True) as connection,
    ):
        yield Chain(connection)


@pytest.fixture
def warehouse(request: pytest.FixtureRequest, pg_server_url: str, tmp_path: Path) -> Iterator[Warehouse]:
    is_published = "published" in request.fixturenames
    template: Template = request.getfixturevalue("published_template" if is_published else "small_template")
    with copied(template.url, pg_server_url) as url:
        made = Warehouse(url=url, folder=tmp_path, prefix=f"t{uuid.uuid4().hex[:8]}")
        made.write_report(REPORT_FILE)
        yield made
        with psycopg.connect(url) as owner:
            # A failed test may have left a session open in a transaction; it must not hold up the others.
            owner.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where usename like %s", (f"{made.prefix}%",)
            )
            owner.execute("select access.remove_employee(database_role) from access.employees")


@pytest.fixture
def published(warehouse: Warehouse) -> Warehouse:
    """The small warehouse as it was published: `warehouse` sees who asks for it."""
    warehouse.write_manifest()
    return warehouse
