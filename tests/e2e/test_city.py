"""The invented city, through the vendors' wire: every report equals the city's truth computed apart from the SQL.

Files and all vendors over real HTTP go in; the oracle reads the same city as import files of every kind, which no
vendor has touched. A figure that is lost, doubled or changed on the way from a vendor to a report differs.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from extractors.registry import SOURCES
from extractors.run import run_stream
from extractors.sources.files.load import load_inbox
from simulators.running import SIMULATORS, quick_options, running_simulators
from simulators.world import build_world
from simulators.world.export import write_files
from tests.e2e.comparing import compare
from warehouse.build import build
from warehouse.migrate import migrate
from warehouse.publish import publish

FIRST = date(2026, 8, 1)


def city_is_equal(seed: int, days: int, url: str, folder: Path) -> None:
    world = build_world(seed, date_from=FIRST, days=days)
    moment = datetime(2026, 8, 1, tzinfo=UTC) + timedelta(days=days + 3)
    some, everything = folder / f"files_{seed}", folder / f"truth_{seed}"
    some.mkdir()
    everything.mkdir()
    served = SIMULATORS.keys() & SOURCES.keys()
    write_files(world, some, served)
    write_files(world, everything)
    migrate(url)
    assert load_inbox(url, some, run_id="city", now=moment).rows_rejected == 0
    with running_simulators(world, options=quick_options()) as simulators:
        for source in sorted(served):
            endpoint = simulators.endpoints[source]
            settings = {
                **endpoint["settings"], "base_url": endpoint["base_url"], "token": endpoint["token"],
                "requests_per_second": 0,
            }  # fmt: skip
            first = SIMULATORS[source].first_day(world.date_from)
            for stream in SOURCES[source].streams:
                result = run_stream(
                    url, source, stream.name, first, moment.date(), settings=settings, run_id="city", now=moment
                )
                assert result.rows_rejected == 0, f"{source} {stream.name}"
    build(url, run_id="city", as_of=moment, work_folder=folder / "dbt", say=lambda _text: None)
    publish(url, folder / "dbt" / "manifest.json", run_id="city", now=moment)
    found = list(compare(url, everything, FIRST, FIRST + timedelta(days=days - 1), moment))
    assert not found, f"seed {seed}: {len(found)} differences, the first: " + "\n".join(found[:10])


def test_the_marts_say_what_the_city_knows(fresh_database: str, tmp_path: Path) -> None:
    city_is_equal(1, 45, fresh_database, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 10))
def test_the_marts_say_what_other_cities_know(seed: int, fresh_database: str, tmp_path: Path) -> None:
    city_is_equal(seed, 60, fresh_database, tmp_path)
