"""Logs of services that run for years: each begins anew at a size, with what it said before in one file beside it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

LONGEST_LOG = 64 * 2**20  # bytes; of each service one more file of so much is kept


def before(log: Path) -> Path:
    """The file with what a log said before it began anew."""
    return log.with_name(f"{log.name}.1")


def begin_anew(log: Path) -> None:
    """Its lines so far go to a file beside it; its service, which holds the log open, writes on at its beginning."""
    shutil.copyfile(log, before(log))
    before(log).chmod(log.stat().st_mode & 0o777)
    with log.open("rb") as written, before(log).open("ab") as kept:
        # What was written while the rest was copied.
        written.seek(kept.tell())
        shutil.copyfileobj(written, kept)
    os.truncate(log, 0)


def begin_anew_if_long(log: Path) -> None:
    if log.is_file() and log.stat().st_size > LONGEST_LOG:
        begin_anew(log)
