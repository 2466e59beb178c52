"""Run the lints of `warehouse/lints`: catalog queries that return nothing when rights cannot leak.

A lint begins with comment lines `-- rule: …`, `-- why: …`, `-- resolve: …`; a line without such a word goes on with the
one before. It returns (object, detail) per finding.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import psycopg

from extractors.core.errors import GuardError

LINTS_FOLDER = Path(__file__).parent / "lints"
HEADER_PARTS = ("rule", "why", "resolve")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lint:
    """One rule, its reason, how to resolve a finding, and the query that finds breaches."""

    name: str
    rule: str
    why: str
    resolve: str
    query: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One breach of one lint."""

    lint: str
    object: str
    detail: str
    rule: str
    resolve: str

    def __str__(self) -> str:
        return f"{self.lint}: {self.object}: {self.detail}. Rule: {self.rule}. To resolve: {self.resolve}"


def read_lints(folder: Path = LINTS_FOLDER) -> tuple[Lint, ...]:
    """All lints, by name. ValueError for one whose header lacks a part."""
    return tuple(_read(path) for path in sorted(folder.glob("*.sql")))


def run_lints(url: str, folder: Path = LINTS_FOLDER) -> list[Finding]:
    """Every finding of every lint. Run it as the owner of the warehouse; it changes nothing."""
    findings: list[Finding] = []
    with psycopg.connect(url, application_name="chairside lint") as connection:
        connection.read_only = True
        # With nothing in the path but the catalog, names are printed with their schema.
        connection.execute("set local search_path = pg_catalog, pg_temp")
        for lint in read_lints(folder):
            for row in connection.execute(lint.query.encode()).fetchall():
                findings.append(
                    Finding(lint=lint.name, object=row[0], detail=row[1], rule=lint.rule, resolve=lint.resolve)
                )
    return findings


def require_no_findings(url: str) -> None:
    """Stop a load whose rights could leak. GuardError lists all findings."""
    if findings := run_lints(url):
        raise GuardError("\n".join(["Published, but rights may leak:", *map(str, findings)]))


def _read(path: Path) -> Lint:
    text = path.read_text(encoding="utf-8")
    parts: dict[str, str] = {}
    part = ""
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        said = line.removeprefix("--").strip()
        if match := re.match(rf"({'|'.join(HEADER_PARTS)}):\s*(.+)", said):
            part = match.group(1)
            parts[part] = match.group(2)
        elif part:
            parts[part] += f" {said}"
    if missing := [name for name in HEADER_PARTS if name not in parts]:
        raise ValueError(f"{path.name}: the first comment lines lack {', '.join(missing)}")
    return Lint(name=path.stem, query=text, **parts)
