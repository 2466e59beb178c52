"""A source is a set of files with one word in their names. What is missing, or stands alone, is named here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from expectations.suites import LANDED, SUITES
from extractors.registry import SOURCES
from simulators.running import SIMULATORS

ROOT = Path(__file__).resolve().parents[1]
STAGING = ROOT / "dbt_project" / "models" / "staging"
NO_VENDOR = {"files"}  # import files: no vendor to imitate, no streams
OTHER_DOCS = {"simulators"}  # pages of docs/sources that tell of no source
OTHER_SIMULATORS = {"world"}  # the city itself


def packages(folder: Path) -> set[str]:
    """Folders with Python files in them."""
    return {path.parent.name for path in folder.glob("*/*.py")}


def stems(folder: Path, pattern: str, prefix: str = "") -> set[str]:
    return {path.stem.removeprefix(prefix) for path in folder.glob(pattern)}


def places() -> dict[str, set[str]]:
    """Where a source shows, and the sources that show there."""
    return {
        "extractors/sources/<name>/": packages(ROOT / "extractors" / "sources"),
        "simulators/<name>/": packages(ROOT / "simulators") - OTHER_SIMULATORS,
        "expectations/<name>.py": set(LANDED),
        "dags/extract_<name>.py": stems(ROOT / "dags", "extract_*.py", "extract_"),
        "docs/sources/<name>.md": stems(ROOT / "docs" / "sources", "*.md") - OTHER_DOCS,
        "dbt_project/models/staging/<name>/": {path.name for path in STAGING.iterdir() if any(path.glob("*"))},
    }


@pytest.mark.parametrize("place", places())
def test_every_source_is_there_and_nobody_else(place: str) -> None:
    expected = set(SOURCES) | (NO_VENDOR if place != "simulators/<name>/" else set())
    found = places()[place]
    assert found - expected == set(), f"in {place} without a SOURCE in extractors/sources/<name>/__init__.py"
    assert expected - found == set(), f"missing in {place}"


def test_a_name_is_the_same_word_in_every_place() -> None:
    assert {name: spec.name for name, spec in SOURCES.items()} == {name: name for name in SOURCES}
    assert {name: spec.name for name, spec in SIMULATORS.items()} == {name: name for name in SOURCES}


@pytest.mark.parametrize("name", SOURCES)
def test_every_stream_is_landed_under_the_name_of_its_source_and_described_to_dbt(name: str) -> None:
    path = STAGING / name / f"_{name}__sources.yml"
    assert path.exists(), f"{path.relative_to(ROOT)} is missing"
    described: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    tables = {table["name"]: table for source in described["sources"] for table in source["tables"]}
    names = {str(table.get("identifier", name)) for name, table in tables.items()} | set(tables)
    for stream in SOURCES[name].streams:
        assert stream.table == f"{name}__{stream.name}"
        assert {stream.table, stream.name} & names, f"{stream.name} is not in {path.relative_to(ROOT)}"


def test_a_staging_view_is_read_where_its_kind_is_brought_together_and_the_other_way_round() -> None:
    project: Any = yaml.safe_load((ROOT / "dbt_project" / "dbt_project.yml").read_text(encoding="utf-8"))
    read = {f"stg_{source}__{kind}" for kind, them in project["vars"]["kind_sources"].items() for source in them}
    written = {path.stem for path in STAGING.glob("*/stg_*.sql")}
    assert written - read == set(), "a view without its source's word in kind_sources of dbt_project.yml"
    assert read - written == set(), "a word in kind_sources of dbt_project.yml without its view"


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_has_tests_that_speak_its_name(name: str) -> None:
    files = sorted(path.name for path in (ROOT / "tests").glob(f"*/test_{name}*.py"))
    assert files, f"no tests/<area>/test_{name}*.py"


def test_a_file_of_rules_has_a_suite() -> None:
    """Files that hold rules and no SUITE are asked by nobody."""
    rules = {
        path.stem
        for path in (ROOT / "expectations").glob("*.py")
        if re.search(r"^\w+ = \"staging\.\w+__", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert rules - set(SUITES) == set()
