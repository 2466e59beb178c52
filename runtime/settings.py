"""Settings of the environment that only Airflow would notice to be wrong, minutes later and in its own words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from extractors.core.errors import ConfigError
from extractors.registry import WITH_FILES
from runtime.supervise import is_free
from runtime.tidy import keep_days

SCHEDULES = "CHAIRSIDE_SCHEDULE"
AIRFLOW_PORT, BI_PORT = "CHAIRSIDE_AIRFLOW_PORT", "CHAIRSIDE_BI_PORT"
OTHER_SCHEDULES = ("CHAIRSIDE_FALLBACK_SCHEDULE", "CHAIRSIDE_WATCH_SCHEDULE")


def require_settings(environ: Mapping[str, str]) -> None:
    """Raises ConfigError, naming the variable, what is wrong and what it takes (dags/common/settings.py)."""
    zone = environ.get("CHAIRSIDE_TIME_ZONE") or "UTC"
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigError(f"CHAIRSIDE_TIME_ZONE={zone} is no time zone; e.g. Europe/Moscow") from None
    for name, value in sorted(environ.items()):
        if name == SCHEDULES or name.startswith(f"{SCHEDULES}_"):
            source = name.removeprefix(SCHEDULES).strip("_").lower()
            if source and source not in WITH_FILES:
                raise ConfigError(f"{name}: there is no source {source!r}. Known: {', '.join(WITH_FILES)}")
            _require_cron(name, value, never=True)
        elif name in OTHER_SCHEDULES:
            _require_cron(name, value, never=False)
    by = environ.get("CHAIRSIDE_MARTS_BY") or "none"
    try:
        _ = by.lower() == "none" or time.fromisoformat(by)
        float(environ.get("CHAIRSIDE_ALERT_REPEAT_HOURS") or 24)
    except ValueError:
        raise ConfigError(
            "CHAIRSIDE_MARTS_BY is an hour of the day, e.g. 09:00, or `none`; CHAIRSIDE_ALERT_REPEAT_HOURS is a number"
        ) from None
    keep_days(environ)
    wanted = environ.get("CHAIRSIDE_SOURCES", "").replace(",", " ").split()
    if unknown := [source for source in wanted if source not in WITH_FILES]:
        raise ConfigError(f"CHAIRSIDE_SOURCES: there is no source {unknown[0]!r}. Known: {', '.join(WITH_FILES)}")


def wanted_port(environ: Mapping[str, str], name: str) -> int | None:
    """The port that this setting names; null: any. Raises ConfigError where it is none, or somebody has it."""
    given = environ.get(name)
    if not given:
        return None
    if not given.isdecimal() or not 0 < int(given) < 65536:
        raise ConfigError(f"{name}={given} is no port; it is a number from 1 to 65535")
    if not is_free(int(given)):
        raise ConfigError(
            f"{name}={given}: another program listens there. Stop it, or leave the setting out: a free port is found"
        )
    return int(given)


def _require_cron(name: str, value: str, *, never: bool) -> None:
    # Airflow's own reader of cron; a second of imports that other commands do without.
    from croniter import croniter  # type: ignore[import-untyped]

    if (never and value.lower() == "none") or croniter.is_valid(value):
        return
    or_never = ", or `none`: never" if never else ""
    raise ConfigError(f"{name}={value!r} is no cron expression; e.g. '0 5 * * *', every day at five{or_never}")
