"""`make load`: import files into marts, with nothing but PostgreSQL running."""

from __future__ import annotations

import logging
import os
import uuid
from datetime import UTC, datetime
from pathlib import Path

from extractors.core.errors import ConfigError
from runtime.home import Home
from runtime.look import first_question
from runtime.progress import Progress
from runtime.warehouse import databases
from warehouse import pipeline

STOPPED = "stopped: files read whole are landed, readers keep the last publication. The same command does the rest"


def load(home: Home, progress: Progress, inbox: Path, mapping: Path | None) -> int:
    """Load a folder. 0 only if every file was read; rows that could not be used are in staging.rejected_rows."""
    if not inbox.is_dir():
        raise ConfigError(f"There is no folder {inbox}. Name one: make load INBOX=<folder with csv or xlsx files>")
    if mapping is not None and not mapping.is_file():
        raise ConfigError(f"There is no file {mapping}. Name one: MAPPING=<file>.yml, or leave it out")
    now = datetime.now(UTC)
    # Its remarks on temporary folders are no news to a person.
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    run_id = f"load/{now:%Y-%m-%dT%H:%M:%S}/{uuid.uuid4().hex[:8]}"
    with databases(home, os.environ, progress) as urls:
        try:
            outcome = pipeline.run_all(
                urls.warehouse,
                inbox.resolve(),
                mapping.resolve() if mapping else None,
                run_id=run_id,
                now=now,
                folder=home.dbt_target,
                say=progress.say,
            )
        except (KeyboardInterrupt, SystemExit):
            progress.say(STOPPED)
            raise
        ask = first_question(home, urls.warehouse)
    if outcome.files.rows_rejected:
        progress.say(f"rows set aside: {outcome.files.rows_rejected:,}; `make quarantine` lists what waits")
    for error in outcome.files.errors:
        progress.say(f"ERROR: {error}")
    progress.say("loaded and published" if outcome.complete else "NOT ALL WAS LOADED: see ERROR; the rest is published")
    progress.say(ask)
    return 0 if outcome.complete else 1
