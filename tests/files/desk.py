"""A clinic's employee with a folder of import files, and where the reference material is."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from extractors.sources.files import LoadSummary, load_inbox

NOW = datetime(2026, 7, 1, 3, 0, tzinfo=UTC)
CLINICS = "clinic_id,name,time_zone\nC1,First,Europe/Moscow\nC2,Second,Asia/Yekaterinburg\n"


class Desk:
    """What a clinic's employee has: a folder, a button that loads it, and a look at the tables."""

    def __init__(self, url: str, inbox: Path, connection: psycopg.Connection[Any]) -> None:
        self.url = url
        self.inbox = inbox
        self._connection = connection
        self._runs = 0

    def put(self, name: str, content: str | bytes, encoding: str = "utf-8") -> Path:
        path = self.inbox / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    def load(self, mapping: Path | None = None) -> LoadSummary:
        self._runs += 1
        return load_inbox(self.url, self.inbox, mapping=mapping, run_id=f"run-{self._runs}", now=NOW)

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(query.encode(), parameters or None).fetchall()

    def run(self, statement: str) -> None:
        self._connection.execute(statement.encode())

    def rejected(self) -> list[tuple[Any, ...]]:
        return self.rows(
            "select file, row_number, column_name, reason from staging.rejected_rows order by file, stream, row_number"
        )


def shared_folder(*parts: str) -> Path:
    """A folder of the reference material, which is not part of the project; skips the test where it is absent."""
    root = Path(os.environ.get("CHAIRSIDE_SHARED") or Path(__file__).parents[3] / "shared")
    path = root.joinpath(*parts)
    if not path.is_dir():
        pytest.skip(f"{'/'.join(parts)} is not beside the project; set CHAIRSIDE_SHARED to the folder that holds it")
    return path
