"""A wrong file taken back: its rows leave, what it had overwritten comes back with the right one."""

from __future__ import annotations

from pathlib import Path

import pytest

from extractors.core.errors import ConfigError
from runtime.__main__ import parser, run
from runtime.progress import Progress
from tests.files.desk import Desk

PATIENTS = "patient_id,clinic_id,full_name\n"


@pytest.fixture
def asked_at(open_desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The desk's warehouse is the one that the commands work on."""
    monkeypatch.setenv("CHAIRSIDE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WAREHOUSE_URL", open_desk.url)
    return open_desk


def asked(*words: str) -> int:
    return run(parser().parse_args(["unload", *words]), Progress())


def test_a_wrong_file_is_taken_back_and_the_right_one_restores_what_it_overwrote(
    asked_at: Desk, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    asked_at.put("patients.csv", f"{PATIENTS}P1,C1,Right\nP2,C1,Same\n")
    asked_at.load()
    wrong = asked_at.put("patients_wrong.csv", f"{PATIENTS}P1,C2,Wrong\nP2,C1,Same\nP9,C1,Nobody\nP8,C9,Refused\n")
    asked_at.load()
    names = "select patient_id, full_name, _file from staging.files__patients order by 1"
    landed = asked_at.rows(names)
    assert landed == [
        ("P1", "Wrong", "patients_wrong.csv"), ("P2", "Same", "patients.csv"), ("P9", "Nobody", "patients_wrong.csv"),
    ]  # fmt: skip
    capfd.readouterr()

    assert asked() == asked("--file", wrong.name) == 0
    said = capfd.readouterr()
    assert said.out.count("patients_wrong.csv") == 2 and "2 rows" in said.out and "clinics.csv" in said.out
    assert "nothing was changed" in said.err
    assert asked_at.rows(names) == landed

    (tmp_path / "home" / "inbox").mkdir(parents=True)
    wrong.rename(tmp_path / "home" / "inbox" / wrong.name)
    assert asked("--file", wrong.name, "--why", "of another network") == 0
    said = capfd.readouterr()
    assert "is still there: take it away" in said.err and "make load INBOX=<folder>" in said.err
    assert asked_at.rows(names) == [("P2", "Same", "patients.csv")]
    assert asked_at.rejected() == []
    assert asked_at.rows("select message from ops.steps where step = 'unload_file' and status = 'done'") == [
        ("patients_wrong.csv: 2 rows of patients. of another network",)
    ]

    asked_at.load()
    assert asked_at.rows(names) == [("P1", "Right", "patients.csv"), ("P2", "Same", "patients.csv")]


def test_a_clinic_that_others_are_of_is_not_taken_back(asked_at: Desk) -> None:
    asked_at.put("patients.csv", f"{PATIENTS}P1,C1,One\n")
    asked_at.load()
    with pytest.raises(ConfigError, match=r"Nothing was taken back: files__patients have rows of clinics"):
        asked("--file", "clinics.csv", "--why", "x")
    assert len(asked_at.rows("select from staging.files__clinics")) == 2
    for words, said in (
        (("--file", "nothing.csv"), "No landed row is of a file 'nothing.csv'"),
        (("--file", "nothing.csv", "--why", "x"), "No landed row is of a file 'nothing.csv'"),
        (("--why", "x"), "WHY needs FILE"),
    ):
        with pytest.raises(ConfigError, match=said):
            asked(*words)
