"""Open Dental's times: office-local text without offset, year 1 for nothing, and the server's own stamps."""

from __future__ import annotations

from datetime import datetime, time
from zoneinfo import ZoneInfo

from simulators.world.model import World

NO_DATE, NO_TIME = "0001-01-01", "0001-01-01 00:00:00"


def local_time(instant: datetime | None, zone: ZoneInfo) -> str:
    return NO_TIME if instant is None else instant.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def change_stamp(world: World, changed: datetime, server: ZoneInfo) -> str:
    """`DateTStamp`. The clinics moved to this system on the city's first day: older rows were entered then."""
    moved_in = datetime.combine(world.date_from, time(0), server)
    return local_time(max(changed, moved_in), server)
