"""Looks every few minutes what is wrong or late, also where no run began, and tells people: once per cause."""

# mypy: disable-error-code="untyped-decorator"
# Airflow's imports are not followed by the type checker, so its decorators have no types here.

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable, task

from dags.common.alerts import tell_what_is_wrong
from dags.common.settings import DEFAULT_ARGS, START, TIME_ZONE, WATCH_SCHEDULE

with DAG(
    dag_id="watch",
    description="what is wrong, late or over: one message per cause",
    schedule=CronTriggerTimetable(WATCH_SCHEDULE, timezone=TIME_ZONE),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    # A check that hangs would keep the next ones from beginning, and nobody would be told anything meanwhile.
    default_args=DEFAULT_ARGS | {"retries": 1, "execution_timeout": timedelta(minutes=10)},
    tags=["warehouse"],
) as dag:

    @task(task_id="tell")
    def tell() -> int:
        return tell_what_is_wrong()

    tell()
