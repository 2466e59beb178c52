"""A source's staging views on landed tables, made from their files without dbt."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg

STAGING = Path(__file__).resolve().parents[2] / "dbt_project" / "models" / "staging"
SOURCE_CALL = re.compile(r"\{\{\s*source\('(\w+)',\s*'(\w+)'\)\s*\}\}")


def create_views(url: str, source: str) -> None:
    """Create every `stg_<source>__<kind>` in the schema `staging`."""
    with psycopg.connect(url, autocommit=True) as connection:
        for path in sorted((STAGING / source).glob("stg_*.sql")):
            text = SOURCE_CALL.sub(r"staging.\1__\2", path.read_text(encoding="utf-8"))
            connection.execute(f"create view staging.{path.stem} as {text}".encode())
