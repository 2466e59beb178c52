"""Tables of schema `build`: cheap to write, known to the planner, and never published after a crash emptied them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import jinja2
import psycopg
import pytest

from extractors.core.errors import GuardError
from runtime.home import REPOSITORY, open_home
from runtime.postgres import running_server
from runtime.progress import Progress
from tests.city import City
from tests.runtime.processes import eventually, processes_of
from tests.warehouse.small_warehouse import Warehouse
from warehouse.dbt import PROJECT
from warehouse.publish import publish

NOW = datetime(2026, 7, 1, tzinfo=UTC)
LOAD = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from runtime.home import open_home
from runtime.postgres import running_server
from runtime.progress import Progress
from warehouse.build import build
from warehouse.migrate import migrate
now, work = datetime(2026, 7, 1, tzinfo=UTC), Path(sys.argv[2])
with running_server(open_home({"CHAIRSIDE_HOME": sys.argv[1]}), Progress()) as server:
    migrate(server.url())
    told = []
    build(server.url(), run_id=sys.argv[3], as_of=now, work_folder=work, say=told.append)
    print(next(line for line in told if line.startswith("build:")), flush=True)
    time.sleep(600 if sys.argv[3] == "first" else 0)
"""


def test_models_are_unlogged_and_the_planner_knows_them(city: City) -> None:
    """All of it can be made again, so nothing goes to the write-ahead log. reltuples is -1 before ANALYZE."""
    with psycopg.connect(city.url) as connection:
        seeds = {"channel_groupings", "click_id_kinds", "referrer_groupings", "vat_rates"}
        tables = connection.execute(
            "select relname, relpersistence, reltuples from pg_class"
            " where relnamespace = 'build'::regnamespace and relkind = 'r'"
        ).fetchall()
    assert len(tables) > 100
    assert {name for name, persistence, _ in tables if persistence != "u"} - seeds == set()
    assert {name for name, _, rows in tables if rows < 0 and not name.startswith("family_")} == set()


def test_two_views_with_others_on_both_are_dropped_at_once_without_a_deadlock(warehouse: Warehouse) -> None:
    """As dbt does with what it replaced, two models at a time. Without the turn some of these drops are ended."""
    macros = jinja2.Environment(autoescape=False).from_string(  # noqa: S701 - SQL, no page
        (PROJECT / "macros" / "drop_one_at_a_time.sql").read_text(encoding="utf-8")
    )
    drops = [macros.module.postgres__drop_view(f"hung.{name}") for name in ("one", "two")]  # type: ignore[attr-defined]
    upon = [
        f"create view hung.v{n} as select one.x from hung.one, hung.two" + (f", hung.v{n - 1}" if n % 3 else "")
        for n in range(60)
    ]
    bases = [f"create view hung.{name} as select 1 as x" for name in ("one", "two")]
    connections = [psycopg.connect(warehouse.url, autocommit=True) for _ in drops]
    with connections[0], connections[1], ThreadPoolExecutor(2) as threads:
        for _ in range(20):
            connections[0].execute(";".join(["create schema hung", *bases, *upon]).encode())
            list(threads.map(lambda connection, drop: connection.execute(drop.encode()), connections, drops))
            left = connections[0].execute("select from pg_views where schemaname = 'hung'").rowcount
            assert left == 0
            connections[0].execute("drop schema hung")


@pytest.mark.slow
def test_after_a_crash_nothing_is_published_until_everything_was_built_again(tmp_path: Path) -> None:
    folder, work = tmp_path / "home", tmp_path / "dbt"
    home = open_home({"CHAIRSIDE_HOME": str(folder)})

    def load(run_id: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", LOAD, str(folder), str(work), run_id]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)

    first = load("first")
    assert first.stdout is not None
    assert first.stdout.readline().startswith("build: everything")
    os.kill(int((home.postgres / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)
    first.kill()
    first.wait()
    assert eventually(lambda: processes_of(folder) == []), processes_of(folder)

    with (
        running_server(home, Progress()) as server,
        pytest.raises(GuardError, match="PostgreSQL stopped hard after the last build"),
    ):
        publish(server.url(), work / "manifest.json", run_id="first", now=NOW)

    second = load("second")
    assert second.communicate()[0] == "build: everything (nothing was built before)\n"
    with running_server(home, Progress()) as server:
        assert publish(server.url(), work / "manifest.json", run_id="second", now=NOW).tables
