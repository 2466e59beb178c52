"""`make export`: a file holds what the role sees in SQL, as CSV and as a workbook; without the right there is none."""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from openpyxl import load_workbook

from extractors.core.errors import ConfigError
from runtime.__main__ import parser, run
from runtime.export import write_xlsx
from runtime.progress import Progress
from runtime.warehouse import role_url
from tests.city import City

WEEK = ("2026-08-10", "2026-08-16")
DEALS = f"from reports.deal_journal where created_date between '{WEEK[0]}' and '{WEEK[1]}'"


@pytest.fixture
def seller(city: City) -> Iterator[str]:
    """An employee who may see the deals of one clinic, and of nobody what is personal."""
    role = f"t{uuid.uuid4().hex[:8]}_seller"
    with psycopg.connect(city.url, autocommit=True) as owner:
        ((clinic,),) = owner.execute(f"select min(clinic_id) {DEALS}".encode()).fetchall()
        owner.execute("select access.add_employee(%s, 'Invented', null)", (role,))
        try:
            owner.execute("select access.allow(%s, 'deal_journal', clinics => array[%s])", (role, clinic))
            yield role
        finally:
            owner.execute("select access.remove_employee(%s)", (role,))


@pytest.fixture
def export(city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401 - a function
    monkeypatch.setenv("WAREHOUSE_URL", city.url)
    monkeypatch.setenv("CHAIRSIDE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    def asked(*arguments: str) -> int:
        return run(parser().parse_args(["export", *arguments]), Progress())

    return asked


def sheet_of(path: Path) -> Any:  # noqa: ANN401 - openpyxl's
    return load_workbook(path).active


def test_a_journal_is_downloaded_with_the_rights_of_the_role(
    city: City, seller: str, export: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]  # noqa: ANN401
) -> None:
    asked = ("--report", "reports.deal_journal", "--from", WEEK[0], "--to", WEEK[1], "--role", seller)
    with psycopg.connect(role_url(city.url, seller)) as employee:
        cursor = employee.execute(f"select * {DEALS}".encode())
        columns = [column.name for column in cursor.description or ()]
        wanted = {row[0]: dict(zip(columns, row, strict=True)) for row in cursor}
    with psycopg.connect(city.url) as owner:
        ((everybodys,),) = owner.execute(f"select count(*) {DEALS}".encode()).fetchall()
    assert 0 < len(wanted) < everybodys

    assert export(*asked, "--format", "csv") == 0
    shown = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert export(*asked, "--format", "csv", "--out", str(tmp_path / "journal.csv")) == 0
    with (tmp_path / "journal.csv").open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.DictReader(file)) == shown
    assert list(shown[0]) == columns
    assert {row["deal_id"]: row["amount"] for row in shown} == {
        key: "" if row["amount"] is None else str(row["amount"]) for key, row in wanted.items()
    }
    assert not any(row["client_name"] or row["phone"] for row in shown)

    assert export(*asked, "--format", "xlsx") == 0
    header, *rows = sheet_of(tmp_path / "deal_journal.xlsx").values
    assert list(header) == columns
    found = {row[0]: dict(zip(columns, row, strict=True)) for row in rows}
    assert set(found) == set(wanted)
    for key, row in found.items():
        assert row["amount"] == (None if wanted[key]["amount"] is None else float(wanted[key]["amount"]))
        assert row["created_date"].date() == wanted[key]["created_date"]
        assert datetime.fromisoformat(row["created_at"]) == wanted[key]["created_at"]


@pytest.mark.parametrize("report", ["channels_and_sources", "inquiry_history", "deal_summary_daily"])
def test_without_the_right_there_is_no_file(
    seller: str, export: Any, tmp_path: Path, report: str  # noqa: ANN401
) -> None:
    file = tmp_path / "x.csv"
    with pytest.raises(ConfigError, match="has no right to the report"):
        export("--report", report, "--from", WEEK[0], "--to", WEEK[1], "--role", seller, "--out", str(file))
    assert not file.exists()


def test_a_workbook_holds_whatever_a_cell_may_say(tmp_path: Path) -> None:
    """What XML cannot hold becomes a sign of its own; a formula is text; a phone and a number stay what they are."""
    row = ("a\x0bb\x1a", "=1+1", "+79000000001", Decimal("1.50"), date(2026, 6, 1), None, ["x", "=y"], "строка")
    write_xlsx(tmp_path / "x.xlsx", "a name that is longer than a sheet may have", list("abcdefgh"), [row])
    sheet = sheet_of(tmp_path / "x.xlsx")
    _, found = sheet.values
    day = datetime(2026, 6, 1)  # noqa: DTZ001 - as the workbook has it
    assert found == ("a\ufffdb\ufffd", "'=1+1", "+79000000001", 1.5, day, None, "x; =y", "строка")
    assert len(sheet.title) <= 31
