"""Google Ads and Meta tell the invented city's spend, whichever way they speak and whatever goes wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from extractors.core.errors import GuardError, RejectedError
from extractors.kinds import KIND_BY_NAME
from extractors.registry import source
from extractors.run import LoadResult, run_stream
from simulators import google_ads, meta_ads
from simulators.faults import Fault, FaultKind, Faults
from simulators.google_ads.routes import error_response
from simulators.google_ads.state import GoogleAdsOptions
from simulators.http import VendorServer
from simulators.meta_ads.state import MetaOptions
from simulators.spec import SimulatorSpec
from simulators.world import build_world
from simulators.world.model import World
from tests.extractors.staging_views import create_views

FIRST, DAYS = date(2026, 8, 1), 20
LAST = FIRST + timedelta(days=DAYS - 1)
SPECS: Mapping[str, SimulatorSpec] = {"google_ads": google_ads.SIMULATOR, "meta_ads": meta_ads.SIMULATOR}
COLUMNS = [column.name for column in KIND_BY_NAME["ad_spend"].columns]


class City:
    """One running simulator and a way to load from it."""

    def __init__(self, name: str, world: World, url: str, options: object) -> None:
        self.name, self.world, self.url = name, world, url
        # Any: each vendor keeps its own kind of state, which tests edit.
        self.vendor: Any = SPECS[name].make(world, options or SPECS[name].quick or SPECS[name].options, time.monotonic)
        self.faults = Faults()
        self.server = VendorServer(self.vendor, self.faults)

    def load(self, first: date = FIRST, **settings: object) -> LoadResult:
        endpoint = SPECS[self.name].endpoint(self.world, self.server.base_url, self.vendor)
        quick = {
            "requests_per_second": 0, "retry_base_seconds": 0.01, "poll_seconds": 0.001, "rate_limit_seconds": 0.01,
        }
        return run_stream(
            self.url, self.name, source(self.name).streams[0].name, first, LAST, run_id="run",
            now=datetime(2026, 9, 1, tzinfo=UTC),
            settings={"base_url": endpoint["base_url"], "token": endpoint["token"], **endpoint["settings"], **quick,
                      **settings},
        )  # fmt: skip

    def spend(self) -> list[tuple[str, ...]]:
        """What the staging view says."""
        with psycopg.connect(self.url, row_factory=dict_row) as connection:
            found = connection.execute(f"select * from staging.stg_{self.name}__ad_spend".encode()).fetchall()
        assert {row["source_system"] for row in found} <= {self.name}
        return plain(found)

    def truth(self) -> list[tuple[str, ...]]:
        return plain(self.world.rows_of(self.name)["ad_spend"])


def plain(rows: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    return sorted(
        tuple(f"{row[name].normalize():f}" if isinstance(row[name], Decimal) else str(row[name]) for name in COLUMNS)
        for row in rows
    )


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(5, date_from=FIRST, days=DAYS)


@pytest.fixture
def running(warehouse: str, world: World) -> Callable[..., Any]:
    """`with running("meta_ads", options) as city:`"""

    @contextmanager
    def start(name: str, options: object = None) -> Iterator[City]:
        create_views(warehouse, name)
        city = City(name, world, warehouse, options)
        city.server.start()
        try:
            yield city
        finally:
            city.server.stop()

    return start


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("google_ads", GoogleAdsOptions()),
        ("google_ads", GoogleAdsOptions(zeros="sent", nothing="empty_array", errors="object", batch_rows=3)),
        ("google_ads", GoogleAdsOptions(nothing="no_results", resource_names=True, token_seconds=60)),
        ("meta_ads", MetaOptions()),
        ("meta_ads", MetaOptions(polls=4, unseen=3, page_rows=7, last_cursors=False, zero_rows=True)),
        ("meta_ads", MetaOptions(polls=1, failing=3, accepts="header", most_limit=40)),
        ("meta_ads", MetaOptions(polls=1, failing_days=2)),
    ],
)
def test_every_way_a_vendor_may_speak_lands_the_citys_spend(
    running: Callable[..., Any], name: str, options: object
) -> None:
    with running(name, options) as city:
        result = city.load(FIRST - timedelta(days=5))
        assert (result.rows_rejected, result.unknown_fields) == (0, ())
        assert city.truth()
        assert city.spend() == city.truth()
        assert city.load().rows_written == 0


@pytest.mark.parametrize(
    "kinds",
    [("too_many_requests", "server_error", "cut_body", "truncated_json", "html"), ("empty_page",), ("repeated_page",)],
    ids=["five in a row", "an empty page", "a repeated page"],
)
@pytest.mark.parametrize("name", SPECS)
def test_a_fault_at_any_request_changes_nothing_in_the_end(
    running: Callable[..., Any], name: str, kinds: tuple[FaultKind, ...]
) -> None:
    with running(name) as city:
        city.load()
        asked = len(city.server.journal)
        with psycopg.connect(city.url, autocommit=True) as connection:
            for after in range(0, asked, 3):
                for kind in kinds:
                    city.faults.add(Fault(kind, name, after=after, retry_after=0))
                connection.execute(f"truncate staging.{source(name).streams[0].table}".encode())
                assert city.load().rows_rejected == 0
                assert city.spend() == city.truth(), f"{kinds} after {after} requests"


def test_googles_token_that_ends_between_two_accounts_is_renewed(running: Callable[..., Any]) -> None:
    with running("google_ads") as city:
        city.faults.add(Fault("unauthorized", "google_ads", matching="FROM campaign", after=1))
        city.load()
        assert city.spend() == city.truth()
        assert [status for _, path, status in city.server.journal if path == "/token"] == [200, 200]


def test_a_day_corrected_and_a_campaign_renamed_are_told_anew(running: Callable[..., Any]) -> None:
    with running("google_ads") as city:
        city.load()
        ad = city.vendor.state.ad_days[0]
        city.vendor.state.correct(ad.campaign_id, ad.day, Decimal(1))
        city.vendor.state.rename(ad.campaign_id, "renamed")
        result = city.load()
        assert result.rows_deleted == 1
        assert sum(row[COLUMNS.index("campaign")] == "renamed" for row in city.spend()) == result.rows_written > 0


@pytest.mark.parametrize("name", SPECS)
def test_a_dead_connection_stops_the_stream_and_keeps_what_is_loaded(running: Callable[..., Any], name: str) -> None:
    with running(name) as city:
        city.load()
        before = city.spend()
        with pytest.raises(RejectedError, match="token") as stopped:
            city.load(token="wrong-token")
        assert "wrong-token" not in str(stopped.value)
        city.faults.add(
            Fault("answer", name, response=error_response(403, "authorizationError", "CUSTOMER_NOT_ENABLED"))
        )
        with pytest.raises(RejectedError):
            city.load()
        assert city.spend() == before


@pytest.mark.parametrize(("name", "setting"), [("google_ads", "customers"), ("meta_ads", "accounts")])
def test_an_account_taken_out_of_the_connection_keeps_its_landed_days(
    running: Callable[..., Any], name: str, setting: str
) -> None:
    with running(name) as city:
        city.load()
        named = SPECS[name].endpoint(city.world, city.server.base_url, city.vendor)["settings"][setting]
        assert len(named) > 1
        result = city.load(**{setting: dict(list(named.items())[:1])})
        assert (result.rows_deleted, result.rows_written) == (0, 0)
        assert city.spend() == city.truth()


@pytest.mark.parametrize("name", SPECS)
def test_an_account_in_another_time_zone_stops_before_anything_is_written(
    running: Callable[..., Any], name: str
) -> None:
    with running(name) as city:
        city.load()
        before = city.spend()
        account = next(iter(city.vendor.state.time_zone))
        city.vendor.state.time_zone[account] = "America/Los_Angeles"
        with pytest.raises(GuardError, match="America/Los_Angeles"):
            city.load(time_zone=None)
        assert city.spend() == before
