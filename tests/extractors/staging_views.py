"""A source's staging views on landed tables, made from their files without dbt."""

from __future__ import annotations

from pathlib import Path

import psycopg
from jinja2 import Environment

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"


def create_views(url: str, source: str) -> None:
    """Create every `stg_<source>__<kind>` in the schema `staging`."""
    macros = [path for path in sorted((PROJECT / "macros").glob("*.sql")) if path.stem.startswith(f"{source}_")]
    own = "".join(path.read_text(encoding="utf-8") for path in macros)
    with psycopg.connect(url, autocommit=True) as connection:
        for path in sorted((PROJECT / "models" / "staging" / source).glob("stg_*.sql")):
            template = Environment(autoescape=False).from_string(own + path.read_text(encoding="utf-8"))  # noqa: S701
            text = template.render(source=lambda name, table: f"staging.{name}__{table}")
            connection.execute(f"create view staging.{path.stem} as {text}".encode())
