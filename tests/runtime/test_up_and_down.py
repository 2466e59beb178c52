"""`make up`, `make status`, `make backfill`, `make down`, one after another, with a vendor that answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.airflow import connection_of
from runtime.home import REPOSITORY
from simulators.running import SIMULATORS, quick_options, running_simulators
from simulators.world import build_world
from simulators.world.export import write_files
from tests.city import FIRST
from tests.runtime.processes import processes_of

DAYS = 12


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_what_serves_is_seen_loads_days_again_and_stops(tmp_path: Path) -> None:
    environ = {key: value for key, value in os.environ.items() if key != "WAREHOUSE_URL"}
    environ |= {"CHAIRSIDE_HOME": str(tmp_path / "home")}
    world = build_world(1, date_from=FIRST, days=DAYS)
    write_files(world, tmp_path / "inbox", SIMULATORS)

    def run(*arguments: str, stdin: str = "") -> str:
        done = subprocess.run(
            [sys.executable, "-m", "runtime", *arguments],
            cwd=REPOSITORY, env=environ, input=stdin, capture_output=True, text=True, check=False, timeout=1200,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout + done.stderr

    with running_simulators(world, options=quick_options(), only=["calltouch"]) as simulators:
        vendor = simulators.endpoints["calltouch"]
        settings = {**(vendor["settings"] or {}), "requests_per_second": 0}
        environ["AIRFLOW_CONN_CALLTOUCH"] = json.dumps(
            connection_of(vendor["base_url"], vendor["token"], settings)
        )
        run("load", "--inbox", str(tmp_path / "inbox"))
        try:
            run("up")
            assert "serving (process" in run("status")
            said = run(
                "backfill", "--source", "calltouch", "--from", str(FIRST), "--to", str(FIRST.replace(day=DAYS))
            )
            assert "calltouch" in said
        finally:
            run("down")
        assert "not serving" in run("status")
    counted = run("psql", stdin="\\pset tuples_only on\nselect count(*) > 0 from staging.calltouch__calls;")
    assert counted.split()[0] == "t"
    assert processes_of(tmp_path) == []
