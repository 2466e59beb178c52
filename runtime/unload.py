"""`make unload`: a wrong import file taken back. Without `WHY` it only says what would leave."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import psycopg

from extractors.core.errors import ConfigError
from extractors.sources.files.unload import landed_files, unload
from runtime.home import Home
from runtime.progress import Progress
from runtime.warehouse import filled
from warehouse import pipeline

MOST_LISTED = 100


def take_back(home: Home, file: str | None, why: str | None, *, progress: Progress) -> int:
    """List the files that rows are of, say what one holds, or take it back. Raises ConfigError for an unknown one."""
    if why is not None and file is None:
        raise ConfigError("WHY needs FILE: `make unload` lists the files that there are")
    with filled(home, os.environ, progress) as warehouse:
        with psycopg.connect(warehouse) as connection:
            found = landed_files(connection, file)
        if file is not None and not found:
            raise ConfigError(f"No landed row is of a file {file!r}. `make unload` lists the files that there are")
        if file is None or why is None:
            for each in found[:MOST_LISTED]:
                loaded = f"{each.loaded_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
                print(f"{each.file:<32} {each.kind:<18} {each.rows:>9,} rows, the newest of {loaded}", flush=True)
            if len(found) > MOST_LISTED:
                print(f"… the {MOST_LISTED} loaded last of {len(found)}", flush=True)
            progress.say("nothing was changed; `make unload FILE=<name> WHY=<reason>` takes a file back")
            return 0
        now = datetime.now(UTC)
        with (
            pipeline.step(warehouse, f"unload/{now:%Y-%m-%dT%H:%M:%S}", "unload_file", progress.say) as note,
            psycopg.connect(warehouse, autocommit=True) as connection,
        ):
            gone = unload(connection, file)
            note.text = f"{file}: {', '.join(f'{rows:,} rows of {kind}' for kind, rows in gone.items())}. {why}"
    if (place := home.root / "inbox" / file).exists():
        progress.say(f"{place} is still there: take it away, or the next daily load brings its rows back")
    progress.say(
        "marts follow with the next build: `make load INBOX=<folder>` with the files that are right. A row that this"
        " one had overwritten comes back with the file that said it before"
    )
    return 0
