"""One account that is refused stops no other account of its connection, keeps its rows and is told by name."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import astuple
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest
from psycopg import sql

from extractors.core.errors import ConfigError, GuardError, RejectedError, TransientError
from extractors.core.spec import StreamSpec
from extractors.registry import all_streams, source
from extractors.run import LoadResult, make_context, run_stream
from simulators.faults import Fault
from simulators.http import Response
from simulators.running import Simulators, quick_options, running_simulators
from simulators.world import build_world
from simulators.world.setting import SYSTEMS

Ask = Callable[..., list[tuple[Any, ...]]]
FIRST, LAST = date(2026, 8, 1), date(2026, 8, 14)
NOW = datetime(2026, 8, 20, 3, tzinfo=UTC)
# Streams whose connection names several accounts: found, not listed.
STREAMS = {f"{stream.source} {stream.name}": stream for stream in all_streams() if stream.accounts is not None}
# The city has one account of this vendor: two clients of an agency share it. It refuses them where it gives tokens.
REFUSALS = {"vk_ads": Response(401, b'{"error": "invalid_user"}')}
SETTINGS: dict[str, dict[str, Any]] = {"vk_ads": {"accounts": {"client-1": "C1", "client-2": "C2"}, "clinics": {}}}


class Vendor:
    """The vendor of a stream, both clinics of the city among its clients, and a warehouse to load it into."""

    def __init__(self, stream: StreamSpec, running: Simulators, warehouse: str) -> None:
        self.stream = stream
        self.running = running
        self.warehouse = warehouse
        endpoint = running.endpoints[stream.source]
        self.settings = {
            **endpoint["settings"], "base_url": endpoint["base_url"], "token": endpoint["token"],
            "requests_per_second": 0, "retry_base_seconds": 0.001, "poll_seconds": 0.001, "attempts": 2,
            **SETTINGS.get(stream.source, {}),
        }
        context = make_context(source(stream.source), self.settings, run_id="", now=NOW)
        assert stream.accounts is not None
        self.accounts = tuple(stream.accounts(context))

    def load(self, first: date = FIRST, last: date = LAST, **settings: object) -> LoadResult:
        return run_stream(
            self.warehouse, self.stream.source, self.stream.name, first, last, run_id="run", now=NOW,
            settings={**self.settings, **settings},
        )

    def refuse(self, account: str, *, times: int = -1) -> None:
        """That many requests for the account are refused (negative: all)."""
        if self.stream.source == "vk_ads":
            self.running.state("vk_ads").delete_tokens()
        response = REFUSALS.get(self.stream.source, Response(403, b"{}"))
        self.running.faults.add(
            Fault("answer", self.stream.source, matching=account, times=times, response=response)
        )

    def landed(self) -> dict[str, int]:
        """Rows by account; by nothing where rows do not carry it."""
        column = self.stream.account
        query = sql.SQL("select {}, count(*) from {} group by 1").format(
            sql.Identifier(column) if column else sql.Literal(""), sql.Identifier("staging", self.stream.table)
        )
        with psycopg.connect(self.warehouse) as connection:
            return dict(connection.execute(query).fetchall())


@pytest.fixture
def vendor(request: pytest.FixtureRequest, warehouse: str) -> Iterator[Vendor]:
    stream = STREAMS[request.param]
    systems = next((kind for kind in SYSTEMS if stream.source in astuple(kind)), SYSTEMS[0])
    world = build_world(5, date_from=FIRST, days=14, clinics=2, systems=[systems])
    with running_simulators(world, options=quick_options(), only=[stream.source]) as running:
        yield Vendor(stream, running, warehouse)


each = pytest.mark.parametrize("vendor", sorted(STREAMS), indirect=True)
ads = pytest.mark.parametrize("vendor", ["google_ads ad_performance"], indirect=True)


@each
def test_the_others_are_loaded_and_the_refused_one_is_named(vendor: Vendor, rows: Ask) -> None:
    refused, *others = vendor.accounts  # the first: whatever comes after it must not suffer
    vendor.refuse(refused)
    with pytest.raises(RejectedError, match=f"1 of {len(vendor.accounts)} accounts.*Account {refused}: .*") as error:
        vendor.load()
    assert "take the account out of the connection" in str(error.value)
    landed = vendor.landed()
    assert set(landed) == (set(others) if vendor.stream.account else {""}) and all(landed.values())
    assert rows("select status, message like %s from ops.loads order by 1", f"account {refused}: %") == [
        ("failed", True), *[("succeeded", None)] * len(others),
    ]
    # Not read up to anywhere: the refused account's days are still owed.
    assert rows("select * from ops.bookmarks") == []


@each
def test_rows_of_an_account_that_is_refused_later_stay_and_come_up_to_date_when_it_is_let_in(
    vendor: Vendor, rows: Ask
) -> None:
    vendor.load()
    before = vendor.landed()
    vendor.refuse(vendor.accounts[-1], times=1)
    with pytest.raises(RejectedError, match=f"Account {vendor.accounts[-1]}"):
        vendor.load()
    assert vendor.landed() == before
    assert vendor.load().rows_written == 0
    assert rows("select read_to from ops.bookmarks") == [(LAST,)]


@ads
def test_an_account_that_is_taken_out_of_the_connection_keeps_its_rows(vendor: Vendor) -> None:
    vendor.load()
    before = vendor.landed()
    vendor.load(customers={vendor.accounts[0]: "C1"})
    assert vendor.landed() == before


@ads
def test_a_wrong_currency_stops_its_account_only(vendor: Vendor) -> None:
    first, second = vendor.accounts
    customers = {first: {"clinic_id": "C1", "currency": "EUR"}, second: "C2"}
    with pytest.raises(GuardError, match=f"Account {first}: .*'RUB', but the connection says 'EUR'"):
        vendor.load(customers=customers)
    assert set(vendor.landed()) == {second}
    with pytest.raises(GuardError, match="EUR"):
        vendor.load(customers={first: customers[first]})  # alone, it is the whole story


@ads
def test_a_refused_account_is_not_asked_for_its_other_windows(vendor: Vendor, rows: Ask) -> None:
    vendor.refuse(vendor.accounts[0])
    with pytest.raises(RejectedError):
        vendor.load(first=date(2026, 6, 1))
    assert rows("select count(*) filter (where status = 'failed'), count(*) from ops.loads") == [(1, 4)]


@ads
def test_a_vendor_that_fails_for_a_moment_is_tried_again_as_a_whole(vendor: Vendor) -> None:
    vendor.running.faults.add(Fault("server_error", "google_ads", matching="customers", times=-1))
    with pytest.raises(TransientError):
        vendor.load()


@ads
def test_a_connection_that_names_no_account_is_refused(vendor: Vendor) -> None:
    with pytest.raises(ConfigError, match="customers"):
        vendor.load(customers={})


@ads
def test_progress_is_told_window_by_window(vendor: Vendor, rows: Ask, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="extractors.run")
    vendor.load(first=date(2026, 7, 1))
    spans = ["2026-07-01..2026-07-31", "2026-08-01..2026-08-14"]
    assert [span for span in spans if any(span in line and "so far" in line for line in caplog.messages)] == spans
    assert rows("select distinct window_from || '..' || window_to from ops.loads order by 1") == [
        (span,) for span in spans
    ]
