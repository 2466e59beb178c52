"""A server that restarts ends all sessions. What a step says then is nothing about models or rows: it passes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from extractors.core.errors import PublicationRefused, TransientError
from warehouse.dbt import BuildFailed

# How what a step says of a passing failure ends; alerts wait for what the next try says.
AGAIN = "Run it again."


@contextmanager
def passing_where_cut_off(url: str, name: str) -> Iterator[None]:
    """A failed build or a gate that refuses is a TransientError where the server ended its sessions meanwhile.

    dbt and Great Expectations hand on words alone, in the server's language, so a session that does nothing tells.
    """
    with psycopg.connect(url, autocommit=True, application_name="chairside witness") as witness:
        try:
            yield
        except (BuildFailed, PublicationRefused):
            try:
                witness.execute("select")
            except psycopg.OperationalError:
                raise TransientError(f"{name}: the warehouse ended its sessions meanwhile. {AGAIN}") from None
            raise
