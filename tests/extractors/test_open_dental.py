"""Open Dental: what the office deletes is gone, and comes back under its number only as something newer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from extractors.core.errors import GuardError
from extractors.run import LoadResult, run_stream
from simulators.running import Simulators, running_simulators
from simulators.world import build_world
from tests.extractors.staging_views import create_views

Ask = Callable[..., list[tuple[Any, ...]]]
FIRST, LAST = date(2026, 6, 1), date(2026, 9, 12)
NOW = datetime(2026, 9, 12, 3, tzinfo=UTC)
BOOKED = "select count(*) from staging.stg_open_dental__appointments where appointment_id = %s"
PAID = "select count(*), sum(amount) from staging.stg_open_dental__payments"


class Office:
    """The simulator and a warehouse with its staging views."""

    def __init__(self, running: Simulators, warehouse: str) -> None:
        self.state: Any = running.state("open_dental")
        self._endpoint = running.endpoints["open_dental"]
        self._warehouse = warehouse

    def load(self, *streams: str, first: date = FIRST, last: date = LAST, **settings: object) -> LoadResult:
        for stream in streams:
            result = run_stream(
                self._warehouse, "open_dental", stream, first, last, run_id="run", now=NOW,
                settings={**self._endpoint["settings"], "base_url": self._endpoint["base_url"],
                          "token": self._endpoint["token"], "requests_per_second": 0, "retry_base_seconds": 0.001,
                          **settings},
            )  # fmt: skip
        return result


@pytest.fixture
def office(warehouse: str) -> Iterator[Office]:
    world = build_world(3, date_from=date(2026, 8, 1), days=30, clinics=1)
    with running_simulators(world, only=["open_dental"]) as running:
        create_views(warehouse, "open_dental")
        yield Office(running, warehouse)


def test_a_deleted_appointment_is_no_booking_and_a_later_one_of_its_number_is(office: Office, rows: Ask) -> None:
    appointments, history = office.state.rows["appointments"], office.state.rows["histappointments"]
    appointments[0]["AptStatus"] = "Scheduled"
    kept = dict(appointments[0])
    number = kept["AptNum"]
    office.load("appointments", "deleted_appointments")
    assert rows(BOOKED, f"open_dental:{number}") == [(1,)]
    booked = rows("select count(*) from staging.stg_open_dental__appointments")[0][0]
    office.state.delete_appointment(number)
    moved = {"HistApptNum": 2, "HistApptAction": "Changed", "HistDateTStamp": office.state.server_time()}
    history.append({**appointments[0], **moved, "DateTStamp": office.state.server_time()})
    office.load("appointments", "deleted_appointments")
    assert rows(BOOKED, f"open_dental:{number}") == [(0,)]
    assert rows("select count(*) from staging.stg_open_dental__appointments") == [(booked - 1,)]
    assert office.load("deleted_appointments", deleted_appointments=False).rows_read == 0
    assert rows(BOOKED, f"open_dental:{number}") == [(0,)]
    appointments.insert(0, {**kept, "DateTStamp": "2026-09-30 00:00:00"})
    office.load("appointments", "deleted_appointments")
    assert rows(BOOKED, f"open_dental:{number}") == [(1,)]


def test_a_payment_that_was_deleted_is_gone_and_one_before_the_window_stays(office: Office, rows: Ask) -> None:
    payments = office.state.rows["payments"]
    office.load("payments")
    count, paid = rows(PAID)[0]
    gone = payments.pop(len(payments) // 2)
    assert office.load("payments").rows_deleted == 1
    assert rows(PAID) == [(count - 1, paid - Decimal(gone["PayAmt"]))]
    first = min(row["DateEntry"] for row in payments)
    payments[:] = [row for row in payments if row["DateEntry"] > first]
    office.load("payments", first=date.fromisoformat(first) + timedelta(days=1))
    assert rows(PAID)[0][0] == count - 1


def test_payments_that_all_vanish_are_a_fault_of_the_vendor(office: Office, rows: Ask) -> None:
    office.load("payments")
    before = rows(PAID)
    office.state.rows["payments"].clear()
    with pytest.raises(GuardError):
        office.load("payments")
    assert rows(PAID) == before
