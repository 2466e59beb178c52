"""`make quarantine`, `make fix`, `make dismiss`, `make replay`: rows that were set aside, and what becomes of them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from extractors.core.errors import ConfigError
from extractors.core.settings import settings_from_environment
from extractors.quarantine import MOST_LISTED, no_such_row, waiting
from extractors.quarantine import dismiss as dismiss_row
from extractors.quarantine import fix as fix_row
from extractors.quarantine import replay as replay_rows
from extractors.registry import require_known
from runtime.home import Home
from runtime.progress import Progress
from runtime.warehouse import databases, filled
from warehouse.migrate import migrate


def listed(home: Home, source: str | None, number: int | None, *, shown: bool, progress: Progress) -> int:
    """Print the rows that wait. Values by their shape, unless `shown`: they are mostly about people.

    Raises ConfigError for a source that is none, or a number of no such row.
    """
    if source is not None:
        require_known(source)
    with databases(home, os.environ, progress) as urls:
        migrate(urls.warehouse)
        with psycopg.connect(urls.warehouse) as connection:
            found = waiting(connection, source=source, number=number)
    if number is not None and not found:
        raise ConfigError(no_such_row(number))
    for one in found[:MOST_LISTED]:
        print("\n".join(one.lines(shown=shown)), flush=True)
    told = "1 row waits" if len(found) == 1 else f"{len(found)} rows wait"
    print(told + (f", the first {MOST_LISTED} are shown" if len(found) > MOST_LISTED else ""))
    return 0


def fix(home: Home, number: int, given: str, *, progress: Progress) -> int:
    """Correct one value (`column=value`) or several (a JSON object) of a row. Raises ConfigError."""
    with filled(home, os.environ, progress) as warehouse, psycopg.connect(warehouse) as connection:
        fix_row(connection, number, changes(given))
    progress.say(f"row {number} is corrected; `make replay ID={number}` lands it")
    return 0


def changes(given: str) -> Mapping[str, Any]:
    """`column=value`, or a JSON object of several. Raises ConfigError."""
    if given.lstrip().startswith("{"):
        try:
            found = json.loads(given)
        except ValueError:
            raise ConfigError("SET begins like a JSON object and is none.") from None
        return dict(found)
    name, equals, value = given.partition("=")
    if not equals:
        raise ConfigError("SET is `column=value`, or a JSON object: SET='{\"column\": \"value\"}'.")
    return {name.strip(): value.strip()}


def dismiss(home: Home, number: int, why: str, *, progress: Progress) -> int:
    with filled(home, os.environ, progress) as warehouse, psycopg.connect(warehouse) as connection:
        dismiss_row(connection, number, why, now=datetime.now(UTC))
    progress.say(f"row {number} is dismissed")
    return 0


def replay(home: Home, source: str | None, number: int | None, mapping: Path | None, *, progress: Progress) -> int:
    """Land what can be read now. 0 if no row is left waiting. Raises ConfigError for a source that is none."""
    if source is not None:
        require_known(source)
    now = datetime.now(UTC)
    with databases(home, os.environ, progress) as urls:
        migrate(urls.warehouse)
        done = replay_rows(
            urls.warehouse, settings_of=lambda name: settings_from_environment(name, os.environ),
            run_id=f"replay-{now:%Y%m%dT%H%M%S}", now=now, source=source, number=number, mapping=mapping,
        )  # fmt: skip
    for waits, why in done.waiting.items():
        progress.say(f"row {waits} waits: {why}")
    progress.say(f"{len(done.landed)} rows are landed, {len(done.waiting)} wait; marts follow with the next build")
    return 1 if done.waiting else 0
