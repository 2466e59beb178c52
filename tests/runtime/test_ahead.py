"""Tasks are forks of the scheduler: they find heavy libraries there, and our own files as they lie on disk."""

from __future__ import annotations

import json
import subprocess
import sys

import psycopg
import pytest

from runtime.home import REPOSITORY
from warehouse.migrate import migrate

OURS = ("bi", "dags", "expectations", "extractors", "warehouse")
# As the scheduler and a task of its worker: what a gate imports beyond what its parent has.
GATE = """
import json, os, sys
from datetime import UTC, datetime
from runtime.ahead import load
load()
known, threads = set(sys.modules), len(os.listdir("/proc/self/task"))
if (child := os.fork()) == 0:
    from warehouse import pipeline
    now = datetime(2026, 7, 1, tzinfo=UTC)
    pipeline.check_landed(sys.argv[1], run_id="ahead", now=now, sources=("files",), say=lambda line: None)
    print(json.dumps({"known": sorted(known), "new": sorted(set(sys.modules) - known), "threads": threads}), flush=True)
    os._exit(0)
sys.exit(os.waitpid(child, 0)[1])
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere tasks are no forks")
def test_a_gate_imports_no_library_again_and_none_of_our_files_is_kept(fresh_database: str) -> None:
    migrate(fresh_database)
    with psycopg.connect(fresh_database) as connection:
        connection.execute(
            "insert into staging.files__clinics (clinic_id, name, time_zone, _ordinal)"
            " values ('c1', 'Clinic', 'Europe/Moscow', 1)"
        )
    done = subprocess.run(
        [sys.executable, "-c", GATE, fresh_database], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    new = {name.partition(".")[0] for name in told["new"]}
    assert "expectations" in new, "the gate was asked"
    assert new & {"great_expectations", "pandas", "sqlalchemy", "dbt", "airflow"} == set()
    assert {name for name in told["known"] if name.partition(".")[0] in OURS} == set()
    assert told["threads"] == 1
