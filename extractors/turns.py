"""One run of a source at a time, wherever it was started: two together would ask a vendor twice as often as it allows.

A run keeps its vendor's rate in its own memory (extractors/core/throttle.py). What all runs share is the warehouse, so
the turn is a lock there: it ends with the holder's connection, however the run ends. Not an advisory lock: any login
may take one and hold it, and with it the source. docs/decisions/one_run_of_a_source.md
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

import psycopg
from psycopg import sql

from extractors.core.errors import ConfigError, TransientError

log = logging.getLogger(__name__)
# Whoever waits, or holds a turn and does nothing else, may do so for hours. Not every server knows all of these.
PATIENCE = (
    "select set_config(name, '0', true) from pg_catalog.pg_settings where name in"
    " ('idle_in_transaction_session_timeout', 'transaction_timeout', 'statement_timeout', 'lock_timeout')"
)


@contextmanager
def turn(url: str, source: str) -> Iterator[Callable[[], None]]:
    """Wait for the source's turn and hold it until the end of the block. Yields what raises if it was lost meanwhile.

    ConfigError where the warehouse does not know the source; TransientError, from the yielded function, where the
    connection that holds the turn is gone.
    """
    lock = sql.SQL("lock table {} in exclusive mode").format(sql.Identifier("ops", f"turn_of_{source}"))
    # A transaction with nothing but the lock in it holds back no vacuum, however long it is idle.
    with closing(psycopg.connect(url, application_name=f"chairside turn of {source}")) as holder:
        try:
            holder.execute(PATIENCE)
            holder.execute(lock + sql.SQL(" nowait"))
        except psycopg.errors.LockNotAvailable:
            log.info("%s: another run of this source is under way; this one waits for its end.", source)
            holder.rollback()
            holder.execute(PATIENCE)
            holder.execute(lock)
        except psycopg.errors.UndefinedTable:
            raise ConfigError(
                f"The warehouse knows no source {source!r} yet. Run warehouse.migrate first (`make load` does)."
            ) from None
        yield partial(_require_held, holder, source)


def _require_held(holder: psycopg.Connection[Any], source: str) -> None:
    try:
        holder.execute("select")
    except psycopg.OperationalError as error:
        raise TransientError(
            f"{source}: the connection that held this run's turn is gone ({type(error).__name__}); another run may have"
            " begun. What was loaded stays. Run it again."
        ) from None
