"""Files of the home without a forgotten person: text that services write on, and what cannot be read as text."""

from __future__ import annotations

import errno
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from openpyxl import Workbook, load_workbook

from runtime.forget import forget as command
from runtime.home import open_home
from runtime.progress import Progress
from tests.warehouse.small_warehouse import Warehouse
from warehouse.forget import forget, free_space
from warehouse.forget_files import clean_home
from warehouse.forget_find import Found
from warehouse.forget_text import Replacer
from warehouse.forgotten_list import FILE, read_file

PHONE, NAME = "+79031112233", "Незабудкина Ирина"


@pytest.fixture
def replacer() -> Replacer:
    found = Found(identifiers={("phone", PHONE), ("name", NAME)})
    return Replacer(found, {("phone", PHONE): "+999000000000001", ("name", NAME): "forgotten"})


def test_a_log_is_cleaned_in_its_place_and_its_service_writes_on(tmp_path: Path, replacer: Replacer) -> None:
    log = tmp_path / "logs" / "postgres.log"
    log.parent.mkdir()
    log.write_text(f"who called: {NAME}, 8 903 111-22-33\n" + "a line of nobody\n" * 3)
    with log.open("a") as service:
        assert [file.what for file in clean_home(tmp_path, replacer)] == ["rewritten"]
        service.write("the next line\n")
    said = log.read_text()
    assert said.endswith("a line of nobody\nthe next line\n") and "forgotten" in said
    assert NAME not in said and "111" not in said
    assert "\0" not in said


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"PK\0\0" + f"имя: {NAME}".encode(), id="UTF-8 in a binary file"),
        pytest.param(b"PK\0\0" + f"имя: {NAME}".encode("utf-16-le"), id="UTF-16, as old spreadsheets keep it"),
        pytest.param(f"{NAME};".encode("cp1251") + b"\x98", id="no text of one encoding"),
        pytest.param(f"\ufefftel {PHONE}".encode("utf-16-le"), id="UTF-16 text"),
    ],
)
def test_what_holds_the_person_and_cannot_be_rewritten_is_named(
    tmp_path: Path, replacer: Replacer, content: bytes
) -> None:
    (tmp_path / "export.bin").write_bytes(content)
    (tmp_path / "other.bin").write_bytes(b"\0\x98 nobody")
    (found,) = clean_home(tmp_path, replacer)
    assert (found.path, "delete it" in found.what) == ("export.bin", True)
    assert (tmp_path / "export.bin").read_bytes() == content


def test_a_workbook_stays_as_private_as_it_was(tmp_path: Path, replacer: Replacer) -> None:
    book = Workbook()
    book.worksheets[0].append([NAME, PHONE, "crown"])
    place = tmp_path / "export.xlsx"
    book.save(place)
    place.chmod(0o600)
    assert [file.what for file in clean_home(tmp_path, replacer)] == ["rewritten"]
    (row,) = load_workbook(place).worksheets[0].iter_rows(values_only=True)
    assert row == ("forgotten", "+999000000000001", "crown")
    assert place.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["export.xlsx"]


def test_a_file_that_is_gone_by_then_is_none_and_one_that_cannot_be_read_is_named(
    tmp_path: Path, replacer: Replacer, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "no file").mkdir()
    found = [tmp_path / "gone.log", tmp_path / "no file"]
    monkeypatch.setattr("warehouse.forget_files._files", lambda _home: found)
    (doubtful,) = clean_home(tmp_path, replacer)
    assert (doubtful.path, doubtful.what) == ("no file", "cannot be read or written (Is a directory): look yourself")


def test_on_a_full_disk_or_stopped_among_files_no_table_has_changed_and_the_command_can_be_given_again(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the tables are changed nobody is found by that phone, and nobody could say what the files are to lose."""
    warehouse.run(
        "insert into staging.files__contacts (contact_id, clinic_id, occurred_at, kind, direction, phone, phone_e164)"
        " values ('E1', 'C1', '2026-06-01 09:00+00', 'call', 'inbound', %s, %s)",
        (PHONE, PHONE),
    )
    export = tmp_path / "home" / "export.csv"
    export.parent.mkdir()
    export.write_text(f"contact_id,phone\nE1,{PHONE}\n")
    monkeypatch.setattr("warehouse.forget.find_person", lambda *_: Found(identifiers={("phone", PHONE)}))

    def full(_path: Path, _content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "export.csv")

    with monkeypatch.context() as patch:
        patch.setattr("warehouse.forget_files._write", full)
        with pytest.raises(OSError, match="No space left"):
            forget(warehouse.url, PHONE, now=datetime.now(UTC), home=export.parent)
    assert warehouse.run("select phone from staging.files__contacts") == [(PHONE,)]
    assert warehouse.run("select count(*) from ops.forgotten_people") == [(0,)]

    done = forget(warehouse.url, PHONE, now=datetime.now(UTC), home=export.parent)

    assert (done.doubtful_files, done.unfreed_tables) == ((), ())
    assert PHONE not in export.read_text()
    ((phone,),) = warehouse.run("select phone from staging.files__contacts")
    assert phone.startswith("+999")
    assert "export.csv" in done.act


def test_a_table_whose_space_cannot_be_freed_is_told_and_stops_nothing(warehouse: Warehouse) -> None:
    with psycopg.connect(warehouse.url, autocommit=True) as connection:
        unfreed = free_space(connection, [("staging", "not_there"), ("staging", "files__contacts")])
    assert unfreed == ["staging.not_there"]


def test_the_list_beside_the_backups_is_written_also_where_the_rest_failed(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        warehouse.run(
            "insert into ops.forgotten_people (forgotten_at, reason, categories, phone, email)"
            " values (now(), 'asked', '{}', '+99900000000', 'x@forgotten.invalid')"
        )
        raise psycopg.OperationalError

    monkeypatch.setenv("WAREHOUSE_URL", warehouse.url)
    monkeypatch.setattr("runtime.forget.migrate", lambda _url: None)
    monkeypatch.setattr("runtime.forget.forget_person", fail)
    home = open_home({"CHAIRSIDE_HOME": str(tmp_path)})
    with pytest.raises(psycopg.OperationalError):
        command(home, Progress(), PHONE, None, None)
    assert len(read_file(home.root / "acts" / FILE)["people"]) == 1
