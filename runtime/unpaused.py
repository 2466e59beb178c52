"""DAGs that a command lets run for its own time, though they are paused: paused again at its end, whatever that is.

A file in `run/` says that a DAG was paused before; every command that needs it running holds a shared lock on the file.
Whoever finds it held by nobody, the last to leave or the next command after one that was killed, pauses the DAG.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from runtime.airflow_api import Airflow, AirflowRefused, AirflowSilent
from runtime.home import Home
from runtime.progress import Progress

PREFIX = "unpaused."


@contextmanager
def unpaused(airflow: Airflow, home: Home, dag: str) -> Iterator[None]:
    """The DAG runs during the block; afterwards it is paused where it was before and nobody else needs it."""
    path = home.run / f"{PREFIX}{dag}"
    if not path.exists() and not airflow.dags()[dag]["is_paused"]:
        yield
        return
    held = _held(path)
    try:
        airflow.pause(dag, paused=False)
        yield
    finally:
        # Airflow may be gone before us; the file stays then, and the next command pauses the DAG.
        with suppress(AirflowSilent):
            _pause_if_last(airflow, path, held)


def pause_again(airflow: Airflow, home: Home, progress: Progress) -> None:
    """Pause what commands left running that were killed, and say so."""
    found = []
    for path in sorted(home.run.glob(f"{PREFIX}*")):
        with suppress(FileNotFoundError):
            if _pause_if_last(airflow, path, os.open(path, os.O_RDWR)):
                found.append(path.name.removeprefix(PREFIX))
    if found:
        progress.say(f"paused again, as before a command that was killed: {', '.join(found)}")


def _held(path: Path) -> int:
    """The file, there and locked with others; one that was removed meanwhile is made anew."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        with suppress(FileNotFoundError):
            if path.stat().st_ino == os.fstat(descriptor).st_ino:
                return descriptor
        os.close(descriptor)


def _pause_if_last(airflow: Airflow, path: Path, descriptor: int) -> bool:
    """Pause the DAG and remove its file unless another command holds it; closes the file."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        try:
            airflow.pause(path.name.removeprefix(PREFIX))
        except AirflowRefused as error:
            if error.status != 404:  # a DAG of an earlier version is no more
                raise
        path.unlink()
        return True
    finally:
        os.close(descriptor)
