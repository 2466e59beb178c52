"""`make metabase` as it is typed: the login from the environment, every change said, no password anywhere."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path

import psycopg
import pytest

from runtime.home import REPOSITORY
from tests.bi.metabase_stand_in import PASSWORD, USER, StandIn, serving
from tests.city import City


@pytest.mark.slow
def test_the_command_sets_up_a_metabase_and_says_what_it_changed(own_city: City, tmp_path: Path) -> None:
    group = f"g{uuid.uuid4().hex[:8]}"
    with psycopg.connect(own_city.url) as connection:
        connection.execute("select access.allow(%s, 'top_deals')", (group,))
    environ = {
        **os.environ, "CHAIRSIDE_HOME": str(tmp_path / "home"), "WAREHOUSE_URL": own_city.url, "METABASE_USER": USER,
    }  # fmt: skip
    service = StandIn()

    def metabase(url: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "runtime", "metabase", "--url", url, "--groups", group, "--language", "ru"],
            cwd=REPOSITORY, env={**environ, **more}, capture_output=True, text=True, check=False, timeout=240,
        )  # fmt: skip

    try:
        with serving(service) as url:
            without = metabase(url)
            first = metabase(url, METABASE_PASSWORD=PASSWORD)
            second = metabase(url, METABASE_PASSWORD=PASSWORD)
        assert without.returncode == 1
        assert "METABASE_PASSWORD" in without.stderr
        assert first.returncode == 0, first.stderr
        assert "dashboard Лучшие сделки" in first.stderr
        assert "Metabase is up to date" in second.stderr
        (database,) = service.databases.values()
        for said in (without, first, second):
            assert PASSWORD not in said.stdout + said.stderr
            assert database["details"]["password"] not in said.stdout + said.stderr
    finally:
        with psycopg.connect(own_city.url) as connection:
            connection.execute("select access.remove_employee(database_role) from access.employees")
