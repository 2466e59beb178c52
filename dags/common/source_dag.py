"""The DAG of a source: its streams one after another, then the gate, then the asset that the warehouse waits for.

    load_<stream> … ─▶ validate ─▶ announce (asset staging_<source>)

The asset is announced by one task after all streams, so that one load is one event. Streams depend on no other: what
one cannot load the next ones can. Only one task of a source runs at a time, because a vendor counts the requests of all
of them together; the run itself takes turns too (extractors/turns.py), this saves Airflow places of those that wait.
"""

# mypy: disable-error-code="untyped-decorator"
# Airflow's imports are not followed by the type checker, so its decorators have no types here.

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Asset, Param, task
from airflow.sdk.exceptions import AirflowFailException

from dags.common.settings import (
    DEFAULT_ARGS,
    START,
    TIME_ZONE,
    run_name,
    schedule_of,
    source_settings,
    warehouse_url,
)
from extractors.core.errors import ChairsideError, TransientError
from extractors.registry import source

FIRST_LOAD_DAYS = 90  # how far back a stream that was never read begins, unless the connection's `first_load_days` says


def asset_of(name: str) -> Asset:
    """What a source announces: its landed rows are new and passed their gate."""
    return Asset(f"staging_{name}")


def window(
    *,
    today: date,
    read_to: date | None,
    lookback_days: int,
    first_load_days: int,
    asked: tuple[date | None, date | None],
) -> tuple[date, date]:
    """The days to load, both included: as asked, else from the bookmark less the lookback until today."""
    first, last = asked
    last = last or today
    if first is None:
        known = last if read_to is None else min(read_to, last)
        first = known - timedelta(days=first_load_days if read_to is None else lookback_days)
    return first, last


def stop_or_retry(error: ChairsideError) -> Exception:
    """Only a passing failure is worth another try; anything else needs a person, who should not wait for retries."""
    return error if isinstance(error, TransientError) else AirflowFailException(str(error))


def load_stream(name: str, stream: str, context: Any) -> dict[str, Any]:  # noqa: ANN401 - Airflow's context
    """One stream over the run's window. The result is shown in the task's XCom."""
    from zoneinfo import ZoneInfo

    import psycopg

    from extractors.run import run_stream

    spec = source(name).stream(stream)
    settings = source_settings(name)
    params = context["params"]
    url = warehouse_url()
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "select read_to from ops.bookmarks where source = %s and stream = %s", (name, stream)
        ).fetchone()
    lookback = params["lookback_days"] if params["lookback_days"] is not None else spec.lookback_days
    now = datetime.now(UTC)
    first, last = window(
        today=now.astimezone(ZoneInfo(settings.get("time_zone") or TIME_ZONE)).date(),
        read_to=row[0] if row else None,
        lookback_days=lookback,
        first_load_days=int(settings.get("first_load_days") or FIRST_LOAD_DAYS),
        asked=(as_date(params["date_from"]), as_date(params["date_to"])),
    )
    try:
        result = run_stream(url, name, stream, first, last, settings=settings, run_id=run_name(context), now=now)
    except ChairsideError as error:
        raise stop_or_retry(error) from error
    return {"window": f"{first}..{last}", "read": result.rows_read, "written": result.rows_written,
            "deleted": result.rows_deleted, "rejected": result.rows_rejected}  # fmt: skip


def load_inbox(context: Any) -> dict[str, Any]:  # noqa: ANN401
    """The import files of the folder that the connection `files` names."""
    from warehouse import pipeline

    settings = source_settings("files")
    inbox, mapping = Path(settings["path"]), settings.get("mapping")
    if inbox.is_dir() and not any(inbox.iterdir()):
        print(f"{inbox} is empty: nothing was put there, nothing to load")
        return {"files": 0}
    try:
        result = pipeline.load_files(
            warehouse_url(),
            inbox,
            Path(mapping) if mapping else None,
            run_id=run_name(context),
            now=datetime.now(UTC),
        )
    except ChairsideError as error:
        raise stop_or_retry(error) from error
    if not result.ok:
        raise AirflowFailException("Some files could not be read, the others are loaded: " + "; ".join(result.errors))
    return {"files": len(result.files), "read": result.rows_read, "rejected": result.rows_rejected}


def as_date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def source_dag(name: str, *, streams: Sequence[str], description: str) -> DAG:
    """The DAG of one source. `streams` of the import files is one: the inbox."""
    with DAG(
        dag_id=f"extract_{name}",
        description=description,
        schedule=schedule_of(name),
        start_date=START,
        catchup=False,
        max_active_runs=1,
        max_active_tasks=1,
        default_args=DEFAULT_ARGS,
        tags=["source", name],
        params={
            "date_from": Param(
                None, type=["null", "string"], format="date", description="First day; empty: by bookmark"
            ),
            "date_to": Param(None, type=["null", "string"], format="date", description="Last day; empty: today"),
            "lookback_days": Param(None, type=["null", "integer"], minimum=0, description="Empty: the stream's own"),
        },
    ) as dag:

        @task(task_id="validate")
        def validate(**context: Any) -> None:  # noqa: ANN401
            from warehouse import pipeline

            now = datetime.now(UTC)
            try:
                pipeline.check_landed(warehouse_url(), run_id=run_name(context), now=now, sources=(name,))
            except ChairsideError as error:
                raise stop_or_retry(error) from error

        @task(task_id="announce", outlets=[asset_of(name)])
        def announce(**context: Any) -> str:  # noqa: ANN401
            return run_name(context)

        def load(stream: str) -> Any:  # noqa: ANN401
            @task(task_id=f"load_{stream}")
            def load_window(**context: Any) -> dict[str, Any]:  # noqa: ANN401
                return load_inbox(context) if name == "files" else load_stream(name, stream, context)

            return load_window()

        [load(stream) for stream in streams] >> validate() >> announce()
    return dag
