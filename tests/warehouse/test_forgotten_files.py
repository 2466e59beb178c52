"""Files of the home without a forgotten person: text that services write on, and what cannot be read as text."""

from __future__ import annotations

from pathlib import Path

import pytest

from warehouse.forget_files import clean_home
from warehouse.forget_find import Found
from warehouse.forget_text import Replacer

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
