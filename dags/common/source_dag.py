"""The DAG of a source: its streams one after another, then the gate, then the asset that the warehouse waits for.

    load_<stream> … ─▶ validate ─▶ announce (asset staging_<source>)

The asset is announced by one task after all streams, so that one load is one event. Streams depend on no other: what
one cannot load the next ones can. Only one task of a source runs at a time, because a vendor counts the requests of all
of them together; the run itself takes turns too (extractors/turns.py), this saves Airflow places of those that wait.
"""

# mypy: disable-error-code="untyped-decorator"
# Airflow's imports are not followed by the type checker, so its decorators have no types here.

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import DAG, Asset, Param, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from dags.common.alerts import AlertsNotifier
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
from extractors.core.settings import required
from extractors.registry import source


def asset_of(name: str) -> Asset:
    """What a source announces: its landed rows are new and passed their gate."""
    return Asset(f"staging_{name}")


@contextmanager
def tried_again_if_passing() -> Iterator[None]:
    """Only a passing failure is worth another try; anything else needs a person, who should not wait for retries."""
    try:
        yield
    except TransientError:
        raise
    except ChairsideError as error:
        raise AirflowFailException(str(error)) from error


def load_stream(name: str, stream: str, context: Any) -> dict[str, Any]:  # noqa: ANN401 - Airflow's context
    """One stream over the run's window. The result is shown in the task's XCom."""
    from extractors.days import days_to_load
    from extractors.run import run_stream

    params = context["params"]
    url = warehouse_url()
    now = datetime.now(UTC)
    with tried_again_if_passing():
        settings = source_settings(name)
        first, last = days_to_load(
            url,
            source(name).stream(stream),
            settings,
            now=now,
            time_zone=TIME_ZONE,
            asked=asked_days(params, context["dag_run"]),
            lookback_days=params["lookback_days"],
        )
        result = run_stream(url, name, stream, first, last, settings=settings, run_id=run_name(context), now=now)
    return {"window": f"{first}..{last}", "read": result.rows_read, "written": result.rows_written,
            "deleted": result.rows_deleted, "rejected": result.rows_rejected}  # fmt: skip


def load_inbox(context: Any) -> dict[str, Any]:  # noqa: ANN401
    """The import files of the folder that the connection `files` names."""
    from warehouse import pipeline

    with tried_again_if_passing():
        settings = source_settings("files")
        inbox, mapping = Path(required(settings, "files", "path")), settings.get("mapping")
    if inbox.is_dir() and not any(inbox.iterdir()):
        print(f"{inbox} is empty: nothing was put there, nothing to load")
        return {"files": 0}
    with tried_again_if_passing():
        result = pipeline.load_files(
            warehouse_url(),
            inbox,
            Path(mapping) if mapping else None,
            run_id=run_name(context),
            now=datetime.now(UTC),
        )
    if not result.ok:
        raise AirflowFailException("Some files could not be read, the others are loaded: " + "; ".join(result.errors))
    return {"files": len(result.files), "read": result.rows_read, "rejected": result.rows_rejected}


def asked_days(params: Mapping[str, Any], run: Any) -> tuple[date | None, date | None]:  # noqa: ANN401 - Airflow's run
    """As the run's parameters say; a run of Airflow's own backfill stands for the day of its tick."""
    asked = as_date(params["date_from"]), as_date(params["date_to"])
    if asked == (None, None) and run.run_type == "backfill" and run.logical_date is not None:
        day = run.logical_date.astimezone(ZoneInfo(TIME_ZONE)).date()
        return day, day
    return asked


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
        on_failure_callback=AlertsNotifier(),
        tags=["source", name],
        params={
            "date_from": Param(
                None, type=["null", "string"], format="date", description="First day; empty: by bookmark"
            ),
            "date_to": Param(None, type=["null", "string"], format="date", description="Last day; empty: today"),
            "lookback_days": Param(None, type=["null", "integer"], minimum=0, description="Empty: the stream's own"),
            "announce": Param(True, type="boolean", description="Whether the daily build takes it for today's news"),
        },
    ) as dag:

        @task(task_id="validate")
        def validate(**context: Any) -> None:  # noqa: ANN401
            from warehouse import pipeline

            now = datetime.now(UTC)
            with tried_again_if_passing():
                pipeline.check_landed(warehouse_url(), run_id=run_name(context), now=now, sources=(name,))

        @task(task_id="announce", outlets=[asset_of(name)])
        def announce(**context: Any) -> str:  # noqa: ANN401
            if context["dag_run"].run_type == "backfill" or not context["params"]["announce"]:
                # The daily build waits for one event of each source; old days are no news of today.
                raise AirflowSkipException("a backfill is not announced; its rows are in the next build")
            return run_name(context)

        def load(stream: str) -> Any:  # noqa: ANN401
            @task(task_id=f"load_{stream}")
            def load_window(**context: Any) -> dict[str, Any]:  # noqa: ANN401
                return load_inbox(context) if name == "files" else load_stream(name, stream, context)

            return load_window()

        [load(stream) for stream in streams] >> validate() >> announce()
    return dag
