"""Builds the models as of a moment, of everything or of the families that a day touched; a row each in `ops`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import psycopg

from warehouse.dbt import BuildFailed, Dbt, ModelRun
from warehouse.increment.run import build_models
from warehouse.timings import Scope, record

__all__ = ["BuildFailed", "ModelRun", "build"]


def build(
    url: str,
    *,
    run_id: str,
    as_of: datetime,
    work_folder: Path,
    say: Callable[[str], None],
    everything: bool = False,
) -> list[ModelRun]:
    """Build the models as of a moment: of the families that changed since the last build, or `everything`.

    Raises BuildFailed naming what failed; what was built before it stays.
    """
    _set_moment(url, as_of)
    dbt = Dbt(url, work_folder, say)
    scope: Scope | None = None
    try:
        scope = build_models(dbt, as_of=as_of, everything=everything)
    finally:
        record(url, run_id, dbt.runs, scope=scope)
    return dbt.runs


def _set_moment(url: str, as_of: datetime) -> None:
    """Tell the models the moment of this load. Not by `--vars`: a changed variable makes dbt parse everything anew."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "insert into staging.settings (name, value) values ('as_of', %s)"
            " on conflict (name) do update set value = excluded.value",
            (as_of.isoformat(),),
        )
