"""Where the test run's PostgreSQL lies: in memory where the machine has some to spare.

Each of many hundred tests takes a copy of a database, which is a thousand small files to make and to drop; a disk's
file system takes several times as long for it as memory does.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import MutableMapping
from pathlib import Path

from runtime.memory import usable_mb

MEMORY = Path("/dev/shm")  # noqa: S108 - shared memory is what is wanted
NAME = "chairside-tests-"
VARIABLE = "CHAIRSIDE_TEST_MEMORY"
# A run's databases take about a gigabyte, its log of changes another.
ROOM_MB, MACHINE_MB = 4_000, 8_000
STOPPING_SECONDS = 20.0


def choose(environ: MutableMapping[str, str], memory: Path = MEMORY) -> Path | None:
    """The folder in memory of this run, told to its workers by the environment; None where there is no room, or where
    it was chosen before. Folders that killed runs left are gone afterwards."""
    if VARIABLE in environ or not os.access(memory, os.W_OK):
        return None
    for left in memory.glob(f"{NAME}*"):
        if left.stat().st_uid == os.getuid() and not Path("/proc", left.name.removeprefix(NAME)).exists():
            shutil.rmtree(left, ignore_errors=True)
    if shutil.disk_usage(memory).free < ROOM_MB << 20 or usable_mb() < MACHINE_MB:
        return None
    folder = memory / f"{NAME}{os.getpid()}"
    folder.mkdir(mode=0o700)
    environ[VARIABLE] = str(folder)
    return folder


def leave(folder: Path) -> None:
    """Take the folder away once its server, which its last user's leaving stops, is down."""
    until = time.monotonic() + STOPPING_SECONDS
    while any(folder.rglob("postmaster.pid")) and time.monotonic() < until:
        time.sleep(0.1)
    shutil.rmtree(folder, ignore_errors=True)
