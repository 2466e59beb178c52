"""One run of a source at a time, wherever it was started: two together would ask a vendor twice as often as it allows.

A run keeps its vendor's rate in its own memory (extractors/core/throttle.py). What all runs share is the warehouse, so
the turn is a lock there: it ends with the run's connection, however the run ends. docs/decisions/one_run_of_a_source.md
"""

from __future__ import annotations

import logging
from typing import Any

import psycopg

log = logging.getLogger(__name__)
LOCK = "select pg_advisory_lock(hashtextextended(%s, 0))"
TRY_LOCK = "select pg_try_advisory_lock(hashtextextended(%s, 0))"


def take_turn(connection: psycopg.Connection[Any], source: str) -> None:
    """Wait until no other run of the source is under way. The turn lasts as long as the connection's session."""
    key = (f"chairside extract {source}",)
    if connection.execute(TRY_LOCK, key).fetchone() == (True,):
        return
    log.info("%s: another run of this source is under way; this one waits for its end.", source)
    connection.execute(LOCK, key)
