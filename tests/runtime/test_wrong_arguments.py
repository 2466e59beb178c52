"""What is missing or wrong is said in the words of `make`, with what to write instead."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from runtime.__main__ import main, parser
from runtime.home import REPOSITORY


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("load", "make load: INBOX=… is missing\nIt is asked like this: make load INBOX=… [MAPPING=…]"),
        ("backfill --source calltouch", "make backfill: FROM=… and TO=… are missing"),
        ("backfill --source x --from 2026-13-01 --to 2026-01-02", "FROM: '2026-13-01' is no date; write it like"),
        ("export --report x --from 01.06.2026", "FROM: '01.06.2026' is no date; write it like 2026-06-30"),
        ("export --report x --format pdf", "FORMAT: invalid choice: 'pdf' (choose from 'csv', 'xlsx')"),
        ("fix --id first --set a=b", "ID: 'first' is no whole number"),
        ("release", "make release: WHY=… is missing\nIt is asked like this: make release [ID=…] WHY=… [WHO=…]"),
        ("restore", "[REPLACE=yes]"),
        ("restore --from x --replace true", "REPLACE: invalid choice: 'true' (choose from 'yes', 'no')"),
        ("quarantine --show 1", "SHOW: invalid choice: '1' (choose from 'yes', 'no')"),
    ],
)
def test_a_wrong_argument_is_named_as_people_gave_it(
    capsys: pytest.CaptureFixture[str], arguments: str, said: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments.split())
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert said in told
    assert "--" not in told


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ("load --inbox ~/files", "inbox"), ("load --inbox . --mapping ~/files", "mapping"),
        ("backup --out ~/files", "out"), ("restore --from ~/files", "place"), ("docs --out ~/files", "out"),
        ("export --report x --out ~/files", "out"), ("data-docs --out ~/files", "out"),
        ("replay --mapping ~/files", "mapping"),
    ],
)  # fmt: skip
def test_a_place_below_ones_home_is_found(arguments: str, name: str) -> None:
    """`make load INBOX=~/files`: zsh and sh leave the tilde as it is."""
    assert vars(parser().parse_args(arguments.split()))[name] == Path.home() / "files"


def test_the_language_of_the_session_is_none_of_the_dashboards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many systems set LANGUAGE=en_US:en; only what is given to make counts."""
    monkeypatch.setenv("LANGUAGE", "en_US:en")
    for given, wanted in (((), False), (("LANGUAGE=ru",), True)):
        command = ["make", "--dry-run", "metabase", "URL=http://127.0.0.1:1", *given]
        shown = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
        assert ('--language "ru"' in shown) == wanted
        assert "en_US" not in shown


def test_help_has_one_whole_line_for_each_command_that_make_knows() -> None:
    command = ["make", "--no-print-directory", "help"]
    shown = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    told = re.findall(r"^([a-z-]+):.*## *(.+)$", makefile, re.MULTILINE)
    assert [tuple(line.split(maxsplit=2)[1:]) for line in shown.splitlines()] == told
    phony = re.search(r"^\.PHONY:((?:.*\\\n)*.*)$", makefile, re.MULTILINE)
    assert phony is not None
    assert {name for name, _ in told} == set(phony[1].replace("\\", " ").split()) - {"FORCE"}
