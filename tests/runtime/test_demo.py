"""`make demo` twice in one home: the same figures, and nothing left running."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.home import REPOSITORY
from tests.runtime.processes import processes_of


def demo(home: Path) -> subprocess.CompletedProcess[str]:
    environ = {key: value for key, value in os.environ.items() if key != "WAREHOUSE_URL"}
    return subprocess.run(
        [sys.executable, "-m", "runtime", "demo"],
        cwd=REPOSITORY,
        env=environ | {"CHAIRSIDE_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_demo_loads_everything_and_a_second_one_says_the_same(tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = demo(home)
    assert first.returncode == 0, first.stderr[-4000:]
    assert processes_of(tmp_path) == []
    for source in ("yandex_direct", "calltouch", "bitrix24", "open_dental", "files"):
        assert f"\n{source} " in first.stdout
    assert "paid_search" in first.stdout
    for place in ("  Airflow    http", "make psql", "  Superset   http"):
        assert place in first.stdout
    second = demo(home)
    assert second.returncode == 0, second.stderr[-4000:]
    assert second.stdout == first.stdout
    assert processes_of(tmp_path) == []
