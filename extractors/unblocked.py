"""No employee holds up a load: what waits for a lock of an employee who is doing nothing does not wait for long.

An employee can open a transaction and leave it: one read of a report, or one deal entered by hand, holds locks on what
he touched. Whatever changes such a relation waits, and everybody behind it. So while the owner works, a second session
looks every second whether he waits for an employee, and ends that session (access.end_blockers_of).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

log = logging.getLogger(__name__)
LOOK_EVERY = 1.0  # seconds
# No lawful statement of an employee holds a lock on inner tables for longer; a long report holds only its own.
INNER_STATEMENT = "5 seconds"
REPORT_STATEMENT = "2 minutes"


@contextmanager
def unblocked(connection: psycopg.Connection[Any], *, longest_statement: str = INNER_STATEMENT) -> Iterator[None]:
    """While the block runs, employees' transactions that this connection waits for are ended: idle ones after a second,
    working ones that are older than `longest_statement`. Where that is not allowed, it waits as ever.
    """
    info = connection.info
    where = make_conninfo(info.dsn, password=info.password, application_name="chairside unblocked")
    done = threading.Event()
    watcher = threading.Thread(
        target=_watch, args=(where, info.backend_pid, longest_statement, done), daemon=True, name="unblocked"
    )
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _watch(where: str, backend_pid: int, longest_statement: str, done: threading.Event) -> None:
    """Connects only where the work takes longer than a moment."""
    if done.wait(LOOK_EVERY):
        return
    try:
        with psycopg.connect(where, autocommit=True) as watching:
            # What it reads the work itself may have locked, and the work ends only when this has.
            watching.execute("set lock_timeout = '200ms'")
            while True:
                with suppress(psycopg.errors.LockNotAvailable):
                    watching.execute(
                        "select access.end_blockers_of(%s, %s::interval)", (backend_pid, longest_statement)
                    )
                if done.wait(LOOK_EVERY):
                    return
    except (psycopg.errors.UndefinedFunction, psycopg.errors.InvalidSchemaName):
        log.debug("a first migration: there are no employees yet")
    except psycopg.Error as error:
        log.warning("nobody looks after blocking sessions: %s", type(error).__name__)
