"""Landed rows to published marts: once all sources are new, or at the fallback hour, so that one dead vendor does not
freeze the rest. What is missing then is named in the log of `build`.

Airflow keeps a source's event until all sources have one, also over a build at the fallback hour. So the morning after
a source was silent, that source's first word begins a run while the others' events are of the day before. Such a run
waits until they have loaded too, and leaves the build to the fallback hour where they do not.
"""

# mypy: disable-error-code="untyped-decorator"
# Airflow's imports are not followed by the type checker, so its decorators have no types here.

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import DAG, AssetOrTimeSchedule, BaseSensorOperator, CronTriggerTimetable, chain, task
from airflow.sdk.exceptions import AirflowSkipException

from dags.common.alerts import AlertsNotifier
from dags.common.settings import (
    DEFAULT_ARGS,
    FALLBACK_SCHEDULE,
    START,
    TIME_ZONE,
    awaited,
    run_name,
    warehouse_url,
)
from dags.common.source_dag import asset_of, tried_again_if_passing
from extractors.registry import WITH_FILES

# The gate of landed rows again: at the fallback hour rows that their own source's gate refused may lie there.
STEPS = ("check_landed", "build", "forecast", "check_marts", "publish", "lints", "expire_history")
WAITED_FOR = awaited(WITH_FILES)
# An event that is older when a run begins is of another day's load.
TODAYS = timedelta(hours=20)
LOOK_SECONDS = 60.0


def run_step(name: str, context: Any) -> None:  # noqa: ANN401 - Airflow's context
    """One step of warehouse/pipeline.py on the warehouse, as this run."""
    from warehouse import pipeline

    url, run_id, now = warehouse_url(), run_name(context), context["dag_run"].run_after.astimezone(UTC)
    with tried_again_if_passing():
        match name:
            case "check_landed":
                pipeline.check_landed(url, run_id=run_id, now=now)
            case "build":
                if stale := pipeline.stale_sources(url, WAITED_FOR, now=datetime.now(UTC)):
                    print(f"built without news of: {', '.join(stale)}")
                with pipeline.exclusive(url):
                    pipeline.build(url, run_id=run_id, as_of=datetime.now(UTC))
            case "forecast":
                with pipeline.exclusive(url):
                    pipeline.forecast(url, run_id=run_id, as_of=datetime.now(UTC))
            case "check_marts":
                with pipeline.exclusive(url):
                    pipeline.check_marts(url, run_id=run_id, now=now)
            case "publish":
                with pipeline.exclusive(url):
                    pipeline.publish(url, run_id=run_id, now=datetime.now(UTC))
            case "lints":
                pipeline.lints(url, run_id=run_id)
            case _:
                pipeline.expire_history(url, run_id=run_id, now=datetime.now(UTC))


def still_to_come(run: Any) -> Sequence[str]:  # noqa: ANN401 - Airflow's run
    """Sources that have not loaded today although their events began this run; none of a run by hour or by hand."""
    if run.run_type != "asset_triggered":
        return ()
    from warehouse import pipeline

    return pipeline.without_news(warehouse_url(), WAITED_FOR, since=run.run_after - TODAYS)


def fallback_after(moment: datetime) -> datetime:
    """When the fallback hour comes next."""
    from croniter import croniter  # type: ignore[import-untyped]

    found: datetime = croniter(FALLBACK_SCHEDULE, moment.astimezone(ZoneInfo(TIME_ZONE))).get_next(datetime)
    return found


class FirstStep(BaseSensorOperator):  # type: ignore[misc]
    """The first step, once all of today's are in. Between two looks it takes no place of a worker."""

    def poke(self, context: Any) -> bool:  # noqa: ANN401 - Airflow's context
        run = context["dag_run"]
        if missing := still_to_come(run):
            if datetime.now(UTC) >= fallback_after(run.run_after):
                raise AirflowSkipException("The build of the fallback hour takes this one's place")
            print(f"waiting for today's load of: {', '.join(missing)}")
            return False
        run_step(self.task_id, context)
        return True


def step_task(name: str) -> Any:  # noqa: ANN401
    @task(task_id=name)
    def run(**context: Any) -> None:  # noqa: ANN401
        run_step(name, context)

    return run()


with DAG(
    dag_id="build_warehouse",
    description="the gate of landed rows, dbt build, seasons, gate before publication, publication, lints, expiry",
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable(FALLBACK_SCHEDULE, timezone=TIME_ZONE),
        assets=[asset_of(name) for name in WAITED_FOR],
    ),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    # What passes here is the warehouse's own: a server that restarts, a worker that died. It takes minutes.
    default_args=DEFAULT_ARGS | {"retries": 2},
    on_failure_callback=AlertsNotifier(),
    tags=["warehouse"],
) as dag:
    first = FirstStep(task_id=STEPS[0], mode="reschedule", poke_interval=LOOK_SECONDS)
    chain(first, *(step_task(name) for name in STEPS[1:]))
