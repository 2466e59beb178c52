"""The invented city, loaded, built and published once per test run (templates.py); tests read copies of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from simulators.world import build_world
from simulators.world.export import write_files
from simulators.world.model import World
from tests.e2e.comparing import load
from tests.templates import copied, shared_template

SEED = 3
FIRST = date(2026, 8, 1)
DAYS = 45
LAST = FIRST + timedelta(days=DAYS - 1)
# Long after the last day, so that saved requests which nobody called back are lost.
MOMENT = datetime(2026, 8, 1, tzinfo=UTC) + timedelta(days=DAYS + 40)


@dataclass(frozen=True, slots=True, kw_only=True)
class City:
    """A warehouse with the city in it: `files` are what was loaded, `dbt` is where it was built (manifest.json)."""

    url: str
    files: Path
    dbt: Path


def city_world() -> World:
    """What happened in the city, as its inventor knows it."""
    return build_world(SEED, date_from=FIRST, days=DAYS)


@contextmanager
def shared_city(server_url: str, run_folder: Path) -> Iterator[City]:
    """The city of this test run, to be copied and not connected to."""
    with shared_template(server_url, run_folder / "city", _make) as made:
        yield City(url=made.url, files=made.folder / "files", dbt=made.folder / "dbt")


@contextmanager
def copy_of(city: City, server_url: str) -> Iterator[City]:
    """A copy to do with as one likes; dropped afterwards."""
    with copied(city.url, server_url) as url:
        yield replace(city, url=url)


def _make(url: str, folder: Path) -> None:
    (folder / "files").mkdir(exist_ok=True)
    write_files(city_world(), folder / "files")
    load(url, folder / "files", folder / "dbt", MOMENT)
