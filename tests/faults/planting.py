"""Planting a fault in a copy of the project and running the test that must notice it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.faults.seeded_faults import Fault
from warehouse.dbt import dbt_environment

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("dags", "dbt_project", "docs", "expectations", "extractors", "runtime", "simulators", "tests", "warehouse")
UNIT = "unit:"
FAILED_TESTS = 1  # pytest's exit status; others mean that it could not even begin
# The test that failed, in pytest's summary or dbt's lines; SQL that does not run is an ERROR there and catches nothing.
SAID = re.compile(r"^(?:FAILED|ERROR) (\S+)|\bFAIL \d+ \w+::(\w+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What running a test in a copy came to. `by`: the test that failed first; `output`: all that was printed."""

    failed: bool
    by: str
    output: str


@contextmanager
def copy_of_project(folder: Path) -> Iterator[Path]:
    """The project's own files below `folder`, gone afterwards. The environment is the one that runs this."""
    place = folder / "copy"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for part in PARTS:
        shutil.copytree(ROOT / part, place / part, ignore=shutil.ignore_patterns("__pycache__", "target", "logs"))
    for file in ("pyproject.toml", "README.md", "Makefile"):
        shutil.copy(ROOT / file, place / file)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def planted(place: Path, fault: Fault) -> Iterator[None]:
    """The fault is in the copy for the time of the block."""
    path = place / fault.file
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(fault.old, fault.new), encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(text, encoding="utf-8")


def run_pytest(place: Path, nodes: Sequence[str], server: str) -> Attempt:
    """Run tests in the copy, on a server that is there already."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n0", "-p", "no:cacheprovider", "--no-header", *nodes]
    environ = without_pytest(os.environ) | {"CHAIRSIDE_TEST_PG": server, "PYTHONPATH": str(place)}
    done = subprocess.run(command, cwd=place, env=environ, capture_output=True, text=True, check=False)
    return _attempt(done.returncode, done.stdout + done.stderr)


def run_units(place: Path, names: Sequence[str], url: str, work_folder: Path) -> Attempt:
    """Run dbt's unit tests of the copy on a warehouse that was built. `work_folder` keeps what dbt parsed."""
    command = [
        str(Path(sys.executable).with_name("dbt")), "--no-use-colors", "test", "--select", *names,
        "--project-dir", str(place / "dbt_project"), "--profiles-dir", str(place / "dbt_project"),
        "--target-path", str(work_folder), "--log-path", str(work_folder), "--no-send-anonymous-usage-stats",
        "--no-version-check",
    ]  # fmt: skip
    with dbt_environment(url):
        environ = without_pytest(os.environ)
    done = subprocess.run(command, cwd=place, env=environ, capture_output=True, text=True, check=False)
    return _attempt(done.returncode, done.stdout + done.stderr)


def without_pytest(environ: Mapping[str, str]) -> dict[str, str]:
    """Without what the running pytest tells its workers."""
    return {key: value for key, value in environ.items() if not key.startswith(("PYTEST_", "COV_"))}


def _attempt(status: int, output: str) -> Attempt:
    found = next((first or second for first, second in SAID.findall(output)), "")
    if status not in (0, FAILED_TESTS) or (status and not found):
        raise AssertionError(f"the test could not be run (status {status}):\n{output[-4000:]}")
    return Attempt(failed=status == FAILED_TESTS, by=found, output=output)
