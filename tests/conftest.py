"""What every test may ask for: a PostgreSQL server and an empty database on it.

One server per test run, shared by the workers of pytest-xdist, started by the first that needs it and stopped with the
last. `CHAIRSIDE_TEST_PG=postgresql://superuser@host:port/database` uses a server that is already there.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from runtime.home import open_home
from runtime.postgres import running_server
from runtime.progress import Progress
from tests import memory_folder
from tests.city import City, copy_of, shared_city
from tests.e2e.july import load_july
from tests.e2e.june import load_june, load_more_than_june
from tests.templates import Template, copied, template_fixture
from warehouse.migrate import migrate

# Test data may die with the machine; tests should not wait for the disk.
TEST_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    # Nothing here lives until a night's cleaning, and a template that a worker of it visits cannot be copied meanwhile.
    "autovacuum": "off",
}


IN_MEMORY = pytest.StashKey[Path]()

# Files that come first, in this order: one that makes the city, which many wait for; then those that take longest and
# do not wait for it, so that no worker is left with one of them when the others are done.
FIRST = (
    "tests/e2e/test_catalog_says_what_it_is.py", "tests/warehouse/test_a_day_equals_everything.py",
    "tests/e2e/test_marts_equal_the_oracle.py", "tests/e2e/test_city.py", "tests/e2e/test_deals_by_hand.py",
    "tests/runtime/test_commands.py", "tests/e2e/test_june.py",
)  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """The process that people start chooses where the server lies; its workers are told."""
    if not os.environ.get("CHAIRSIDE_TEST_PG") and (chosen := memory_folder.choose(os.environ)):
        config.stash[IN_MEMORY] = chosen


def pytest_unconfigure(config: pytest.Config) -> None:
    if chosen := config.stash.get(IN_MEMORY, None):
        memory_folder.leave(chosen)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order in which files go out to the workers: FIRST, then as they stand."""
    places = {file: place for place, file in enumerate(FIRST)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(places)))


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this test run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


@pytest.fixture(scope="session")
def pg_server_url(run_folder: Path) -> Iterator[str]:
    """The URL of a server, as a superuser, on its maintenance database."""
    if given := os.environ.get("CHAIRSIDE_TEST_PG"):
        yield given
        return
    place = Path(os.environ.get(memory_folder.VARIABLE) or run_folder)
    home = open_home({"CHAIRSIDE_HOME": str(place / "server")})
    with running_server(home, Progress(), settings=TEST_SETTINGS) as server:
        yield server.url()


@pytest.fixture
def fresh_database(pg_server_url: str) -> Iterator[str]:
    """The URL of an empty database that is dropped after the test, whoever is still connected to it."""
    name = f"test_{uuid.uuid4().hex[:16]}"
    with psycopg.connect(pg_server_url, autocommit=True) as admin:
        admin.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
        yield urlsplit(pg_server_url)._replace(path=f"/{name}").geturl()
        admin.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


# Everything `warehouse.migrate` makes.
migrated_template = template_fixture("migrated", lambda url, _folder: migrate(url))


@pytest.fixture
def migrated_database(pg_server_url: str, migrated_template: Template) -> Iterator[str]:
    """The URL of a warehouse that was migrated and holds nothing; dropped after the test."""
    with copied(migrated_template.url, pg_server_url) as url:
        yield url


# June loaded; its folder holds dbt's manifest.
june_template = template_fixture("june", load_june)
# June with treatments, stages of a deal and spoilt tags.
more_than_june_template = template_fixture("more_than_june", load_more_than_june)
# July loaded.
july_template = template_fixture("july", load_july)


@pytest.fixture(scope="session")
def city_template(pg_server_url: str, run_folder: Path) -> Iterator[City]:
    """The invented city, built once per test run; only to be copied."""
    with shared_city(pg_server_url, run_folder) as city:
        yield city


@pytest.fixture(scope="session")
def city(pg_server_url: str, city_template: City) -> Iterator[City]:
    """The invented city, to be read. Whoever changes anything asks for `own_city`."""
    with copy_of(city_template, pg_server_url) as copied:
        yield copied


@pytest.fixture
def own_city(pg_server_url: str, city_template: City) -> Iterator[City]:
    """The invented city, for one test, to do with as it likes."""
    with copy_of(city_template, pg_server_url) as copied:
        yield copied
