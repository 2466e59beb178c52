"""No employee holds up a load: what waits for a lock of an employee who is doing nothing does not wait for long.

An employee can open a transaction and leave it: one read of a report, or one deal entered by hand, holds locks on what
he touched. Whatever changes such a relation waits, and everybody behind it. So while the owner works, a second session
looks every second whether he waits for an employee, and ends that session (access.end_blockers_of). Where the work
waits for the list of employees itself, which nobody can read then, employees are known by the comment of their role.
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

# Whom access.end_blockers_of would end, told without our tables, and others who hold the work up.
_WITHOUT_THE_LIST = """
    select
        activity.pid,
        activity.usename,
        coalesce(shobj_description(roles.oid, 'pg_authid'), '') = 'Chairside employee',
        activity.state like 'idle in transaction%%' and activity.state_change < clock_timestamp() - interval '1 second'
        or activity.xact_start < clock_timestamp() - %(longest)s::interval
    from unnest(pg_blocking_pids(%(pid)s)) as blocking (pid)
    inner join pg_stat_activity as activity on activity.pid = blocking.pid
    left join pg_roles as roles on roles.rolname = activity.usename
"""


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
            told: set[int] = set()
            while True:
                try:
                    watching.execute(
                        "select access.end_blockers_of(%s, %s::interval)", (backend_pid, longest_statement)
                    )
                except psycopg.errors.LockNotAvailable:
                    _end_without_the_list(watching, backend_pid, longest_statement, told)
                if done.wait(LOOK_EVERY):
                    return
    except (psycopg.errors.UndefinedFunction, psycopg.errors.InvalidSchemaName):
        log.debug("a first migration: there are no employees yet")
    except psycopg.Error as error:
        log.warning("nobody looks after blocking sessions: %s", type(error).__name__)


def _end_without_the_list(
    watching: psycopg.Connection[Any], backend_pid: int, longest_statement: str, told: set[int]
) -> None:
    """`told`: of whom it was said before."""
    given = {"pid": backend_pid, "longest": longest_statement}
    for pid, login, is_employee, is_due in watching.execute(_WITHOUT_THE_LIST, given).fetchall():
        if is_employee and is_due:
            with suppress(psycopg.errors.InsufficientPrivilege):
                watching.execute("select pg_terminate_backend(%s, 500)", (pid,))
                continue
        if not is_employee and pid not in told:
            told.add(pid)
            log.warning("waiting for an open transaction of %s (server process %s) to end", login, pid)
