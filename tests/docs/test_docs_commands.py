"""Every command of the docs is run: SQL and Python here, shell commands here in the long run, others where they say."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import uuid
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest

from runtime.__main__ import parser
from tests.city import City
from tests.docs.commands import COMMAND, PYTHON, ROOT, SHELL, SQL, Block, blocks, blocks_of, pages

# Logins belong to the whole server: each run has names of its own.
LOGIN = re.compile(r"add_employee\('(\w+)'")
# A page is one transaction that is taken back; its own are for the reader's prompt.
TRANSACTION = re.compile(r"^(begin|commit)[^;]*;$", re.MULTILINE)


def here(languages: frozenset[str]) -> dict[str, list[Block]]:
    """The blocks that this file runs, by page."""
    found: dict[str, list[Block]] = defaultdict(list)
    for block in blocks(languages):
        if not block.run_by:
            found[str(block.page.relative_to(ROOT))].append(block)
    return found


def test_no_command_hides_in_a_fence_without_a_language() -> None:
    unnamed = [block for page in pages() for block in blocks_of(page) if not block.language]
    hidden = [block.where for block in unnamed if COMMAND.search(block.text)]
    assert not hidden, "write ```sql, ```sh or ```python"


def test_every_test_that_is_named_exists() -> None:
    named = {name for page in pages() for block in blocks_of(page) for name in block.run_by}
    assert named
    for name in sorted(named):
        path, _, function = name.partition("::")
        text = (ROOT / path).read_text(encoding="utf-8")
        assert re.search(rf"^def {re.escape(function)}\(", text, re.MULTILINE), name


def logins_of(page: str) -> dict[str, str]:
    """Logins that the page adds, and names for them that no other test has."""
    prefix = f"t{uuid.uuid4().hex[:8]}"
    return {name: f"{prefix}_{name}" for block in here(SQL).get(page, ()) for name in LOGIN.findall(block.text)}


def run_sql(connection: psycopg.Connection[Any], page: str, logins: Mapping[str, str]) -> None:
    """The SQL of a page, block after block, in one transaction."""
    for block in here(SQL).get(page, ()):
        text = TRANSACTION.sub("", block.text)
        for login, ours in logins.items():
            text = text.replace(f"'{login}'", f"'{ours}'")
        try:
            connection.execute(text.encode())
        except psycopg.Error as error:
            pytest.fail(f"{block.where}: {error}")


@pytest.mark.parametrize("page", here(SQL))
def test_the_sql_of_a_page_runs(city: City, page: str) -> None:
    with psycopg.connect(city.url) as connection:
        run_sql(connection, page, logins_of(page))
        connection.rollback()


def commands_of(block: Block) -> list[str]:
    """Its lines without comments; a line that ends with a backslash goes on."""
    text = block.text.replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


@pytest.mark.parametrize("block", blocks(SHELL), ids=lambda block: block.where)
def test_a_make_command_is_one_that_make_and_the_runtime_know(block: Block) -> None:
    for line in commands_of(block):
        for call in re.findall(r"(?:^|\$\(|&& |\| )(make [^|)&#]*)", line.partition(" <<<")[0]):
            words = [word.strip("[]") for word in shlex.split(call)]
            shown = subprocess.run(
                [words[0], "-n", "-o", ".venv/.installed", *words[1:]],
                cwd=ROOT, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert shown.returncode == 0, f"{block.where}: {shown.stderr}"
            asked = re.search(r"-m runtime --with-parent (.*)", shown.stdout.replace("\\\n", " "))
            if asked:
                known = re.sub(r"<\w[^>]*>|…", "2026-08-01", asked.group(1))
                assert parser().parse_args(shlex.split(known)).command


def test_what_a_page_says_in_passing_about_make_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    unknown = {
        f"{page.relative_to(ROOT)}: make {target}"
        for page in pages()
        for target in re.findall(r"`make ([a-z-]+)", page.read_text(encoding="utf-8"))
        if target not in targets
    }
    assert not unknown


def test_every_link_between_pages_leads_somewhere() -> None:
    lost = []
    for page in pages():
        text = re.sub(r"^ *```.*?^ *```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            path, _, heading = link.partition("#")
            if "://" in link:
                continue
            target = (page.parent / path).resolve() if path else page
            if not target.exists() or (heading and heading not in headings(target)):
                lost.append(f"{page.relative_to(ROOT)}: {link}")
    assert not lost


def headings(page: Path) -> set[str]:
    """The anchors of a page, as GitHub makes them of its headings."""
    found = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


@pytest.mark.parametrize("page", here(PYTHON))
def test_the_python_of_a_page_runs(city: City, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAREHOUSE", city.url)
    names: dict[str, object] = {}
    for block in here(PYTHON)[page]:
        exec(compile(block.text, block.where, "exec"), names)  # noqa: S102 - the page's own example


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", here(SHELL))
def test_the_shell_commands_of_a_page_run(own_city: City, tmp_path: Path, page: str) -> None:
    """In one shell per page, on a copy of the city where the page's SQL was run; `make` is make, on this Python."""
    logins = logins_of(page)
    lines = [line for block in here(SHELL)[page] for line in commands_of(block)]
    for login, ours in logins.items():
        lines = [line.replace(f"ROLE={login}", f"ROLE={ours}") for line in lines]
    with psycopg.connect(own_city.url) as connection:
        run_sql(connection, page, logins)
    make = f"make() {{ command make -s -o .venv/.installed PY={shlex.quote(sys.executable)} \"$@\"; }}"
    # piped SQL that fails must fail the command
    (tmp_path / "psqlrc").write_text("\\set ON_ERROR_STOP on\n", encoding="utf-8")
    environ = {
        **os.environ,
        "CHAIRSIDE_HOME": str(tmp_path / "home"),
        "WAREHOUSE_URL": own_city.url,
        "PSQLRC": str(tmp_path / "psqlrc"),
    }
    try:
        done = subprocess.run(
            ["bash", "-c", "\n".join(["set -e", make, *lines])],
            cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=600, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == 0, f"{page}: {done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    finally:
        with psycopg.connect(own_city.url) as connection:
            connection.execute("select access.remove_employee(database_role) from access.employees")
