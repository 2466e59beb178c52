"""When DAGs run, from the environment, and what tasks read from Airflow's connections.

    CHAIRSIDE_TIME_ZONE              zone of the schedules; default Europe/Moscow
    CHAIRSIDE_SCHEDULE               cron of the sources; default 0 5 * * *
    CHAIRSIDE_SCHEDULE_<SOURCE>      cron of one source; `none`: only by hand
    CHAIRSIDE_FALLBACK_SCHEDULE      when the warehouse is built although a source is missing; default 0 8 * * *
    CHAIRSIDE_SOURCES                sources that this clinic has: the warehouse waits for these; default all
    CHAIRSIDE_MARTS_BY               hour by which marts of the day are published, else people are told; default 09:00;
                                     `none`: no such promise
    CHAIRSIDE_WATCH_SCHEDULE         cron of the check for what is wrong; default */15 * * * *
    CHAIRSIDE_ALERT_REPEAT_HOURS     a trouble that lasts is said again after so long; default 24
    CHAIRSIDE_DOCS_URL               address of this folder's pages, put before the runbook in a message
    CHAIRSIDE_START                  ticks of the schedules before this moment are no concern; default 2026-01-01

Environment, not Variables: a Variable read while parsing is a query every few seconds. Connections are read by tasks.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from airflow.sdk import CronTriggerTimetable

WAREHOUSE_CONNECTION = "warehouse"
TIME_ZONE = os.environ.get("CHAIRSIDE_TIME_ZONE") or "Europe/Moscow"
FALLBACK_SCHEDULE = os.environ.get("CHAIRSIDE_FALLBACK_SCHEDULE", "0 8 * * *")
WATCH_SCHEDULE = os.environ.get("CHAIRSIDE_WATCH_SCHEDULE", "*/15 * * * *")

# A source has one run a day: a vendor that restarts for some minutes shall not cost it. The pauses are 30 s, 90 s and
# 4.5 min, each up to twice as long (Airflow spreads them): at most 13 min in all. Alerts keep still for 20
# (RETRIES_TAKE in warehouse/alerts/causes.py).
DEFAULT_ARGS = {
    "owner": "chairside",
    "retries": 3,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 3.0,
    "max_retry_delay": timedelta(minutes=15),
    "execution_timeout": timedelta(hours=2),
}


def beginning(said: str, zone: str) -> datetime:
    """When schedules begin, by the clock of `zone`: Airflow takes a DAG's zone from it, and a home writes it in UTC."""
    found, clock = datetime.fromisoformat(said), ZoneInfo(zone)
    return found.replace(tzinfo=clock) if found.tzinfo is None else found.astimezone(clock)


START = beginning(os.environ.get("CHAIRSIDE_START") or "2026-01-01", TIME_ZONE)


def schedule_of(source: str) -> CronTriggerTimetable | None:
    """When a source's DAG runs, by the clock of TIME_ZONE; null: only by hand."""
    default = os.environ.get("CHAIRSIDE_SCHEDULE", "0 5 * * *")
    found = os.environ.get(f"CHAIRSIDE_SCHEDULE_{source.upper()}", default)
    return None if found.lower() == "none" else CronTriggerTimetable(found, timezone=TIME_ZONE)


def awaited(known: Sequence[str]) -> tuple[str, ...]:
    """Which of the known sources the warehouse waits for before it is built ahead of its fallback hour."""
    wanted = os.environ.get("CHAIRSIDE_SOURCES", "").replace(",", " ").split()
    return tuple(name for name in known if name in wanted) if wanted else tuple(known)


def warehouse_url() -> str:
    """The warehouse as its owner, from the connection `warehouse`."""
    from airflow.sdk import Connection

    found = Connection.get(WAREHOUSE_CONNECTION)
    user = f"{quote(found.login or '', safe='')}:{quote(found.password or '', safe='')}"
    options = f"?{urlencode(found.extra_dejson)}" if found.extra_dejson else ""
    return f"postgresql://{user}@{found.host}:{found.port or 5432}/{quote(found.schema or '', safe='')}{options}"


def source_settings(source: str) -> dict[str, Any]:
    """A vendor's settings from the connection of its name, wherever Airflow keeps it."""
    from airflow.sdk import Connection

    from extractors.core.settings import settings_from_connection

    found = Connection.get(source)
    fields = {name: getattr(found, name) for name in ("conn_type", "host", "port", "schema", "login", "password")}
    return settings_from_connection(json.dumps({**fields, "extra": found.extra_dejson}))


def run_name(context: Any) -> str:  # noqa: ANN401 - Airflow's context
    """The id of this run in `ops`: unique among all DAGs."""
    return f"{context['dag'].dag_id}/{context['run_id']}"
