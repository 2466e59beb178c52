"""`make backup`, `make restore` and the commands about rows that were set aside, as a person types them."""

from __future__ import annotations

import os
import re
from pathlib import Path

import psycopg
import pytest

from extractors.core.errors import ConfigError
from extractors.sources.files import load_inbox
from runtime.__main__ import parser, run
from runtime.backup import keep_list
from runtime.home import open_home
from runtime.progress import Progress
from runtime.quarantine import changes
from tests.warehouse.small_warehouse import NOW
from warehouse.migrate import migrate
from warehouse.restore import OURS

CONTACTS = "contact_id,clinic_id,occurred_at,kind,direction,phone\nE2,C1,at noon,call,inbound,+79000000002\n"


def asked(*words: str) -> int:
    return run(parser().parse_args(words), Progress())


@pytest.fixture
def home(fresh_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose warehouse is an empty database, migrated."""
    monkeypatch.setenv("CHAIRSIDE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WAREHOUSE_URL", fresh_database)
    migrate(fresh_database)
    return tmp_path / "home"


def inbox_of(folder: Path, url: str) -> None:
    folder.mkdir()
    (folder / "clinics.csv").write_text("clinic_id,name,time_zone\nC1,First,Europe/Moscow\n", encoding="utf-8")
    (folder / "contacts.csv").write_text(CONTACTS, encoding="utf-8")
    load_inbox(url, folder, run_id="load", now=NOW)


def test_the_commands_of_the_page_make_a_backup_and_restore_it(
    home: Path, fresh_database: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "copies"
    assert asked("backup", "--out", str(out)) == 0
    (place,) = (path for path in out.iterdir() if path.is_dir())
    assert re.fullmatch(r"warehouse_\d{4}-\d\d-\d\dT\d{6}Z", place.name)
    with psycopg.connect(fresh_database) as connection:
        connection.execute("insert into staging.settings values ('after', 'the backup')")
    with pytest.raises(ConfigError, match=r"holds a warehouse already"):
        asked("restore", "--from", str(place))

    assert asked("restore", "--from", str(place), "--replace") == 0

    with psycopg.connect(fresh_database) as connection:
        assert connection.execute("select count(*) from staging.settings where name = 'after'").fetchone() == (0,)
        for schema in OURS:
            connection.execute(f"drop schema if exists {schema} cascade".encode())
    assert asked("restore", "--from", str(place)) == 0
    assert "restored: the warehouse of" in capfd.readouterr().err
    # the list lies beside the backup and in the home, and follows whoever is forgotten later
    kept = keep_list(open_home(os.environ), fresh_database)
    assert kept == [home / "acts" / "forgotten.json", out / "forgotten.json"]


def test_rows_that_were_set_aside_are_listed_corrected_and_landed(
    home: Path, fresh_database: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    inbox_of(tmp_path / "inbox", fresh_database)
    assert asked("quarantine") == 0
    shown = capfd.readouterr().out
    assert "occurred_at = xx xxxx" in shown
    assert "9000000002" not in shown
    number = shown.partition(":")[0]
    assert asked("quarantine", "--source", "files", "--show") == 0
    assert "phone = +79000000002" in capfd.readouterr().out
    assert asked("replay", "--id", number) == 1
    assert asked("fix", "--id", number, "--set", "occurred_at=2026-06-01 12:00") == 0
    assert asked("replay", "--id", number) == 0
    with psycopg.connect(fresh_database) as connection:
        assert connection.execute("select contact_id from staging.files__contacts").fetchall() == [("E2",)]
    with pytest.raises(ConfigError, match=r"No row"):
        asked("dismiss", "--id", number, "--why", "a test call")


def test_several_values_are_corrected_at_once() -> None:
    assert changes('{"phone": "", "talk_seconds": 5}') == {"phone": "", "talk_seconds": 5}
    assert changes("note = a = b") == {"note": "a = b"}
    for wrong in ("nothing", "{nothing"):
        with pytest.raises(ConfigError, match=r"SET"):
            changes(wrong)
