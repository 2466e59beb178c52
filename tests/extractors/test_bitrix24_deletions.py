"""What was deleted in the portal leaves the warehouse although the portal does not say so, and nothing else leaves."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extractors.core.errors import GuardError, RejectedError
from extractors.run import LoadResult, run_stream
from simulators.bitrix24.state import BitrixOptions
from simulators.faults import Fault
from simulators.http import Request, Response
from simulators.running import Simulators, running_simulators
from simulators.world import World, build_world
from simulators.world.setting import SYSTEMS
from tests.extractors.staging_views import create_views

Ask = Callable[..., list[tuple[Any, ...]]]
NOW = datetime(2026, 9, 12, 3, tzinfo=UTC)
DEALS = "select deal_id from staging.stg_bitrix24__deals order by 1"
LEADS = "select lead_id, deal_id from staging.stg_bitrix24__deal_leads order by 1"


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(3, date_from=date(2026, 8, 1), days=30, clinics=1, systems=SYSTEMS[:1])


def _load(warehouse: str, url: str, token: str, stream: str, **more: object) -> LoadResult:
    return run_stream(
        warehouse, "bitrix24", stream, date(2020, 1, 1), date(2026, 9, 12), run_id="run", now=NOW,
        settings={"base_url": url, "token": token, "clinics": {"*": "C1"}, "requests_per_second": 0,
                  "retry_base_seconds": 0.001, **more},
    )  # fmt: skip


class Portal:
    """The simulator and a warehouse with its staging views."""

    def __init__(self, running: Simulators, warehouse: str) -> None:
        self.faults = running.faults
        self.server = running.servers["bitrix24"]
        self.state = running.state("bitrix24")
        self.vendor: Any = running.vendors["bitrix24"]
        self.endpoint = running.endpoints["bitrix24"]
        self.warehouse = warehouse

    def load(self, *streams: str, **more: object) -> LoadResult:
        for stream in streams:
            result = _load(self.warehouse, self.endpoint["base_url"], self.endpoint["token"], stream, **more)
        return result

    @property
    def arguments(self) -> tuple[str, str, str]:
        return self.warehouse, self.endpoint["base_url"], self.endpoint["token"]

    def add_deals(self, count: int, step: int = 1) -> None:
        """Deals like one that is no template, with later numbers, `step` apart."""
        last = next(row for row in self.state.rows["deals"] if row["IS_RECURRING"] == "N")
        newest = max(int(row["ID"]) for row in self.state.rows["deals"])
        self.state.rows["deals"] += [{**last, "ID": str(newest + step * number)} for number in range(1, count + 1)]

    def numbers(self, entity: str = "deals") -> list[int]:
        return [int(row["ID"]) for row in self.state.rows[entity]]


@pytest.fixture(params=[False], ids=["well"])
def portal(request: pytest.FixtureRequest, world: World, warehouse: str) -> Iterator[Portal]:
    """`params`: whether batches answer nothing."""
    options = {"bitrix24": BitrixOptions(burst=0, empty_batch=request.param)}
    with running_simulators(world, options=options, only=["bitrix24"]) as running:
        found = Portal(running, warehouse)
        found.load("deals", "deal_ids")
        create_views(warehouse, "bitrix24")
        yield found


def test_a_deleted_deal_leaves_is_told_as_changed_and_comes_back_when_it_is_restored(portal: Portal, rows: Ask) -> None:
    before = rows(DEALS)
    first, second, *_ = portal.numbers()
    bin_ = [portal.state.delete_deal(number) for number in (first, second)]
    portal.load("deals")
    assert rows(DEALS) == before  # the change date says nothing of it
    assert portal.load("deal_ids").rows_deleted == 2
    gone = {f"bitrix24:{first}", f"bitrix24:{second}"}
    assert {deal for (deal,) in before} - {deal for (deal,) in rows(DEALS)} == gone
    assert rows("select change, key from ops.changed_keys where stream = 'deal_ids' and change = 'deleted'") == [
        ("deleted", [first]), ("deleted", [second]),
    ]
    # Its change date did not move, so no load of changes brings it back; the list does.
    portal.state.rows["deals"] += bin_
    portal.load("deal_ids")
    assert rows(DEALS) == before


def test_a_deleted_lead_leaves_and_a_deal_that_is_left_takes_its_place(portal: Portal, rows: Ask) -> None:
    stamp = {"DATE_CREATE": "2026-08-02T10:00:00+03:00", "DATE_MODIFY": "2026-08-02T10:00:00+03:00"}
    portal.state.rows["leads"] = [
        {"ID": str(number), **stamp, "CONTACT_ID": None, "STATUS_ID": "NEW"} for number in range(70, 76)
    ]
    first, second, *_ = portal.numbers()
    for number in (first, second):
        portal.state.change_deal(number, NOW, LEAD_ID="70")
    portal.load("leads", "lead_ids", "deals", "deal_ids")
    assert rows(LEADS)[0] == ("bitrix24:lead:70", f"bitrix24:{first}")
    portal.state.delete_lead(71)
    portal.state.delete_deal(first)
    portal.load("lead_ids", "deal_ids")
    assert rows(LEADS) == [
        ("bitrix24:lead:70", f"bitrix24:{second}"), *[(f"bitrix24:lead:{number}", None) for number in range(72, 76)]
    ]


def test_a_deal_younger_than_the_list_is_not_taken_for_deleted(portal: Portal, rows: Ask) -> None:
    before = len(rows(DEALS))
    portal.add_deals(1)
    portal.load("deals")
    assert len(rows(DEALS)) == before + 1


def test_without_a_list_nothing_is_deleted(portal: Portal, rows: Ask, warehouse: str) -> None:
    before = rows(DEALS)
    with psycopg.connect(warehouse) as connection:
        connection.execute("truncate staging.bitrix24__deal_ids")
    assert rows(DEALS) == before


def test_a_list_that_shrinks_implausibly_is_refused_until_a_person_says_so(portal: Portal, rows: Ask) -> None:
    portal.add_deals(250)
    portal.load("deals", "deal_ids")
    before = rows(DEALS)
    portal.state.rows["deals"] = portal.state.rows["deals"][-100:]
    with pytest.raises(GuardError, match="the vendor sent 100 rows where"):
        portal.load("deal_ids")
    assert rows(DEALS) == before
    portal.load("deal_ids", allow_shrink=True)
    assert len(rows(DEALS)) == 100


def test_a_webhook_that_lost_its_rights_takes_nothing_away(portal: Portal, rows: Ask, world: World) -> None:
    before = rows(DEALS)
    kept, portal.state.rows["deals"] = portal.state.rows["deals"], []
    with pytest.raises(GuardError, match="sent 0 rows"):
        portal.load("deal_ids")
    portal.state.rows["deals"] = kept
    portal.faults.add(Fault("unauthorized", "bitrix24"))
    with pytest.raises(RejectedError, match="refused access"):
        portal.load("deal_ids")
    assert rows(DEALS) == before


def test_thousands_of_numbers_take_a_request_each_2500(portal: Portal, rows: Ask) -> None:
    portal.add_deals(50, step=52)
    asked = len(portal.server.journal)
    portal.load("deal_ids")
    assert rows("select count(*) from staging.bitrix24__deal_ids") == [(len(portal.numbers()),)]
    # Both ends, each with a look beyond; two batches; and once more for the fifties in which there is no deal.
    assert len(portal.server.journal) - asked <= 8


@pytest.mark.parametrize("portal", [True], indirect=True, ids=["batches answer nothing"])
def test_a_portal_whose_batches_answer_nothing_is_asked_fifty_by_fifty(portal: Portal, rows: Ask) -> None:
    assert rows("select deal_id from staging.bitrix24__deal_ids order by 1") == [
        (number,) for number in sorted(portal.numbers())
    ]


def test_a_process_killed_while_it_compares_changes_nothing_and_the_next_one_is_whole(
    portal: Portal, rows: Ask
) -> None:
    portal.add_deals(50, step=60)
    portal.load("deals", "deal_ids")
    before = rows(DEALS)
    gone = [number for (deal,) in before[::7] if (number := int(deal[9:])) < max(portal.numbers())]
    for number in gone:
        portal.state.delete_deal(number)
    handle, batches = portal.vendor.handle, iter(range(1000))
    half_way, killed = threading.Event(), threading.Event()

    def slow(request: Request) -> Response:
        if request.path.endswith("batch.json") and next(batches) == 1:
            half_way.set()
            killed.wait(30)
        answer: Response = handle(request)
        return answer

    portal.vendor.handle = slow
    process = multiprocessing.get_context("spawn").Process(target=_load, args=(*portal.arguments, "deal_ids"))
    process.start()
    assert half_way.wait(30)
    process.kill()
    process.join(30)
    killed.set()
    portal.vendor.handle = handle
    assert rows(DEALS) == before
    assert portal.load("deal_ids").rows_deleted == len(gone)
    assert {f"bitrix24:{number}" for number in gone} == {deal for (deal,) in before} - {deal for (deal,) in rows(DEALS)}


@settings(
    max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(numbers=st.sets(st.integers(1, 400), max_size=60), far=st.sets(st.integers(1, 6000), max_size=5))
def test_the_list_is_the_portals_whatever_its_numbers(
    portal: Portal, rows: Ask, numbers: set[int], far: set[int]
) -> None:
    portal.state.rows["deals"] = [{"ID": str(number)} for number in sorted(numbers | far)]
    portal.load("deal_ids", allow_shrink=True)
    assert rows("select deal_id from staging.bitrix24__deal_ids order by 1") == [
        (number,) for number in sorted(numbers | far)
    ]
