"""Writes down what each model of a build took. `ops.model_timings` and `ops.slow_models` read it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal

import psycopg

from extractors.core.redact import without_rows
from warehouse.dbt import ModelRun

# A build of everything takes longer than one of a day; only runs of one scope are compared.
Scope = Literal["day", "everything"]


def record(url: str, run_id: str, runs: Iterable[ModelRun], *, scope: Scope | None) -> None:
    """A row of `ops.model_runs` per model, seed and test. `scope`: null where the build ended before it was chosen."""
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "insert into ops.model_runs (run_id, model, kind, status, seconds, rows, finished_at, message, scope)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    run_id, run.model, run.kind, run.status, run.seconds, run.rows, datetime.now(UTC),
                    None if run.message is None else without_rows(run.message), scope,
                )
                for run in runs
            ],
        )  # fmt: skip
