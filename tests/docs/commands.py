"""The commands that the documentation shows: fenced blocks of README.md and docs/, and who runs each.

A block is run by tests/docs/test_docs_commands.py, as it stands there, unless the line above it names other tests:

    <!-- run by: tests/runtime/test_demo.py::test_the_demo_loads_everything_and_a_second_one_says_the_same -->
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(
    r"^(?: *<!-- run by: (?P<run_by>[^>]+) -->\n\n?)?(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
SQL = frozenset({"sql", "psql"})
SHELL = frozenset({"sh", "make", "bash"})
PYTHON = frozenset({"python"})
# What a line of a command begins with: such a line may not hide in a fence that is a picture or an output.
COMMAND = re.compile(r"^(\$ |make |psql |\.venv/|python |export |uv |select |with .+ as \()", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block: where it stands, and the tests that run it (none: tests/docs/test_docs_commands.py)."""

    page: Path
    line: int
    language: str
    text: str
    run_by: tuple[str, ...]

    @property
    def where(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        indent = len(found["indent"])
        yield Block(
            page=page,
            line=text.count("\n", 0, found.start("language")) + 1,
            language=found["language"],
            text="".join(line[indent:] or "\n" for line in found["text"].splitlines(keepends=True)),
            run_by=tuple(name.strip() for name in (found["run_by"] or "").split(",") if name.strip()),
        )


def blocks(languages: frozenset[str]) -> list[Block]:
    """All blocks in one of these languages, page by page."""
    return [block for page in pages() for block in blocks_of(page) if block.language in languages]
