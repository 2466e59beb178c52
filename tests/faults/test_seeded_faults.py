"""Each fault of the list is noticed by the test that it names; the list itself follows the code."""

from __future__ import annotations

import re
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from tests.e2e.comparing import MOMENT
from tests.faults.faults_of_a_day import FAULTS_OF_A_DAY
from tests.faults.planting import ROOT, UNIT, Attempt, copy_of_project, planted, run_pytest, run_units
from tests.faults.seeded_faults import FAULTS as OTHERS
from tests.faults.seeded_faults import Fault
from warehouse.pipeline import run_all

JUNE = ROOT / "tests" / "cases" / "june"
FAULTS = (*OTHERS, *FAULTS_OF_A_DAY)
FEWEST = 70


def test_every_fault_still_has_its_place_in_the_code() -> None:
    wrong = {
        fault.what: count
        for fault in FAULTS
        if (count := (ROOT / fault.file).read_text(encoding="utf-8").count(fault.old)) != 1
    }
    assert not wrong, f"the text to replace is there so many times: {wrong}"
    assert len(FAULTS) >= FEWEST
    assert [what for what, count in Counter(fault.what for fault in FAULTS).items() if count > 1] == []
    assert all(fault.old != fault.new for fault in FAULTS)


def test_every_test_that_catches_a_fault_is_there() -> None:
    units = set(re.findall(r"^  - name: (\w+)$", "".join(_texts("dbt_project", "*__unit_tests.yml")), re.MULTILINE))
    for fault in FAULTS:
        if fault.caught_by.startswith(UNIT):
            assert fault.caught_by.removeprefix(UNIT) in units, fault.caught_by
            continue
        file, _, name = fault.caught_by.partition("::")
        text = (ROOT / file).read_text(encoding="utf-8")
        assert f"def {name.partition('[')[0]}(" in text if name else "def test_" in text, fault.caught_by


def _texts(folder: str, pattern: str) -> Iterator[str]:
    return (path.read_text(encoding="utf-8") for path in sorted((ROOT / folder).rglob(pattern)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A copy of the project to plant faults in, and where its tests run."""

    place: Path
    server: str
    built: str
    dbt: Path

    def run(self, *names: str) -> Attempt:
        """Tests of one sort: dbt's unit tests, or pytest's nodes."""
        if names[0].startswith(UNIT):
            return run_units(self.place, [name.removeprefix(UNIT) for name in names], self.built, self.dbt)
        return run_pytest(self.place, names, self.server)


@pytest.fixture(scope="module")
def bench(
    request: pytest.FixtureRequest, pg_server_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bench]:
    """The copy, a built warehouse whose tables dbt's unit tests look at only for their columns, and first all chosen
    tests without any fault: a test that fails anyway catches nothing.
    """
    faults = [item.callspec.params["fault"] for item in request.session.items if is_of_a_fault(item)]
    chosen = {fault.caught_by for fault in faults if isinstance(fault, Fault)}
    units = sorted(name for name in chosen if name.startswith(UNIT))
    folder, name = tmp_path_factory.mktemp("faults"), f"test_{uuid.uuid4().hex[:16]}"
    url = urlsplit(pg_server_url)._replace(path=f"/{name}").geturl()
    with psycopg.connect(pg_server_url, autocommit=True) as admin, copy_of_project(folder) as place:
        admin.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
        try:
            if units:
                run_all(url, JUNE, run_id="faults", now=MOMENT, folder=folder / "june", say=lambda _text: None)
            found = Bench(place=place, server=pg_server_url, built=url, dbt=folder / "dbt")
            for names in (units, sorted(chosen.difference(units))):
                if names:
                    clean = found.run(*names)
                    assert not clean.failed, f"without a fault {clean.by} fails:\n{clean.output[-4000:]}"
            yield found
        finally:
            admin.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


def is_of_a_fault(item: pytest.Item) -> TypeGuard[pytest.Function]:
    return isinstance(item, pytest.Function) and item.function is test_a_seeded_fault_is_caught


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
def test_a_seeded_fault_is_caught(bench: Bench, fault: Fault, capsys: pytest.CaptureFixture[str]) -> None:
    """Some of them: -k and words of what is wrong."""
    with planted(bench.place, fault):
        found = bench.run(fault.caught_by)
    with capsys.disabled():
        print(f"\n{fault.what} → {found.by if found.failed else 'NOT CAUGHT'}", flush=True)
    assert found.failed, f"nobody noticed: {fault.what} ({fault.file}) by {fault.caught_by}"
