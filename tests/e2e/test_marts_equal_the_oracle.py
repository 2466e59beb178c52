"""Random months that nobody has seen: every report of the marts equals the rules computed apart from the SQL."""

from __future__ import annotations

import calendar
from datetime import date
from pathlib import Path

import pytest

from tests.e2e.comparing import compare, differences, load
from tests.oracle.random_month import random_month

QUICK = (101, 102)
LONG = (103, *range(201, 241))


def month_is_equal(seed: int, url: str, folder: Path, work_folder: Path) -> None:
    first, last = _period(random_month(seed, folder))
    load(url, folder, work_folder)
    found = list(compare(url, folder, first, last))
    assert not found, f"seed {seed}: {len(found)} differences, the first: " + "\n".join(found[:10])


def test_random_months_equal_the_oracle_and_a_wrong_one_does_not(fresh_database: str, tmp_path: Path) -> None:
    for seed in QUICK:
        month_is_equal(seed, fresh_database, _folder(tmp_path, seed), tmp_path / "dbt")
    # a comparison that cannot fail proves nothing: the oracle reads a month that lacks one contact
    contacts = tmp_path / f"month_{QUICK[-1]}" / "contacts.csv"
    lines = contacts.read_text(encoding="utf-8").splitlines(keepends=True)
    contacts.write_text("".join(lines[:-1]), encoding="utf-8")
    period = _period(random_month(QUICK[-1], _folder(tmp_path, 0)))
    assert next(compare(fresh_database, contacts.parent, *period), None)


def test_a_row_that_comes_twice_is_a_difference() -> None:
    row = {"administrator_id": "a1", "inquiries": 3}
    assert differences([row], [row]) == []
    assert differences([row, row], [row]) == ["2 times in the marts: ('a1',)"]
    assert differences([row], [row, row]) == ["2 times in the oracle: ('a1',)"]


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_many_random_months_equal_the_oracle(fresh_database: str, tmp_path: Path) -> None:
    for seed in LONG:
        month_is_equal(seed, fresh_database, _folder(tmp_path, seed), tmp_path / "dbt")


def _period(first: date) -> tuple[date, date]:
    return first, first.replace(day=calendar.monthrange(first.year, first.month)[1])


def _folder(tmp_path: Path, seed: int) -> Path:
    folder = tmp_path / f"month_{seed}"
    folder.mkdir()
    return folder
