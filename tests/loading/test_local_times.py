"""A wall clock that jumps: every local time has one moment, the same whenever it is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from extractors.core.values import local_time

BERLIN = ZoneInfo("Europe/Berlin")
# Two hours before and after both changes of 2026.
MINUTES = st.integers(-120, 240)
CHANGES = st.sampled_from([datetime(2026, 3, 29, 2), datetime(2026, 10, 25, 2)])  # noqa: DTZ001 - wall clock


@given(CHANGES, MINUTES)
def test_a_local_time_around_a_change_of_the_clock_is_one_moment(change: datetime, minutes: int) -> None:
    wall = change + timedelta(minutes=minutes)
    moment = local_time(f"{wall:%Y-%m-%d %H:%M:%S}", BERLIN, "at")
    assert moment is not None and moment.tzinfo is UTC
    shown = moment.astimezone(BERLIN).replace(tzinfo=None)
    skipped = change.month == 3 and 0 <= minutes < 60
    assert shown == (wall + timedelta(hours=1) if skipped else wall)
    assert moment == local_time(wall.isoformat(), BERLIN, "at")


@given(MINUTES)
def test_in_the_doubled_hour_the_earlier_one_is_meant(minutes: int) -> None:
    wall = datetime(2026, 10, 25, 2) + timedelta(minutes=minutes % 60)  # noqa: DTZ001 - wall clock
    assert local_time(wall.isoformat(), BERLIN, "at") == (wall - timedelta(hours=2)).replace(tzinfo=UTC)
