"""Each fault of the list is noticed by the test that it names; the list itself follows the code."""

from __future__ import annotations

import re
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from tests.e2e.comparing import MOMENT
from tests.faults.faults_of_a_day import FAULTS_OF_A_DAY
from tests.faults.planting import ROOT, UNIT, copy_of_project, planted, run_pytest, run_units
from tests.faults.seeded_faults import FAULTS as OTHERS
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


@pytest.fixture(scope="module")
def built(pg_server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A warehouse whose tables dbt's unit tests look at: only for their columns."""
    name = f"test_{uuid.uuid4().hex[:16]}"
    url = urlsplit(pg_server_url)._replace(path=f"/{name}").geturl()
    with psycopg.connect(pg_server_url, autocommit=True) as admin:
        admin.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
        run_all(url, JUNE, run_id="faults", now=MOMENT, folder=tmp_path_factory.mktemp("dbt"), say=lambda _text: None)
        yield url
        admin.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_every_seeded_fault_is_caught(
    built: str, pg_server_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """First without any fault, so that a test that fails anyway catches nothing."""
    units = sorted({fault.caught_by.removeprefix(UNIT) for fault in FAULTS if fault.caught_by.startswith(UNIT)})
    nodes = sorted({fault.caught_by for fault in FAULTS if not fault.caught_by.startswith(UNIT)})
    missed = []
    with copy_of_project(tmp_path) as place:
        for clean in (run_units(place, units, built, tmp_path / "dbt"), run_pytest(place, nodes, pg_server_url)):
            assert not clean.failed, f"without a fault {clean.by} fails:\n{clean.output[-4000:]}"
        for number, fault in enumerate(FAULTS, start=1):
            with planted(place, fault):
                if fault.caught_by.startswith(UNIT):
                    found = run_units(place, [fault.caught_by.removeprefix(UNIT)], built, tmp_path / "dbt")
                else:
                    found = run_pytest(place, [fault.caught_by], pg_server_url)
            with capsys.disabled():
                print(f"{number:3} {fault.what} → {found.by if found.failed else 'NOT CAUGHT'}", flush=True)
            if not found.failed:
                missed.append(f"{fault.what} ({fault.file}) by {fault.caught_by}")
    assert not missed, "nobody noticed: " + "; ".join(missed)
