"""Three days without a vendor, as a reader sees them: the rest is current, the report says what is stale since when."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
import pytest

from extractors.core.errors import TransientError
from extractors.days import days_to_load
from extractors.registry import source
from extractors.run import run_stream
from simulators.faults import Fault
from simulators.running import Simulators, quick_options, running_simulators
from simulators.world import build_world
from simulators.world.export import write_files
from warehouse import pipeline

DAY = timedelta(days=1)
STREAMS = {"calltouch": ("calls", "requests", "sessions"), "bitrix24": ("deals", "contacts", "stages")}
Row = tuple[Any, ...]


@dataclass
class Morning:
    """The daily load of two vendors into a warehouse of files, and its build at the fallback hour."""

    url: str
    folder: Path
    vendors: Simulators

    def load(self, name: str, now: datetime) -> None:
        endpoint = self.vendors[name]
        settings: dict[str, Any] = {
            **endpoint["settings"], "base_url": self.vendors.servers[name].base_url, "token": endpoint["token"],
            "requests_per_second": 0, "retry_base_seconds": 0.001, "attempts": 2, "first_load_days": 20,
        }  # fmt: skip
        for stream in STREAMS[name]:
            spec = source(name).stream(stream)
            days = days_to_load(self.url, spec, settings, now=now, time_zone="Europe/Moscow")
            run_stream(
                self.url, name, stream, *days, settings=settings, run_id=f"extract_{name}/{now}", now=now,
                clock=lambda: now,
            )  # fmt: skip

    def build(self, now: datetime) -> None:
        pipeline.build(self.url, run_id=f"build/{now}", as_of=now, folder=self.folder, say=lambda _text: None)
        pipeline.publish(self.url, run_id=f"build/{now}", now=now, folder=self.folder, say=lambda _text: None)


@pytest.fixture
def morning(fresh_database: str, tmp_path: Path) -> Iterator[Morning]:
    """What these vendors do not tell comes in files; it is built and published once."""
    now = datetime.now(UTC)
    world = build_world(3, date_from=now.date() - 14 * DAY, days=15)
    (tmp_path / "files").mkdir()
    write_files(world, tmp_path / "files", list(STREAMS))
    pipeline.prepare(fresh_database)
    pipeline.load_files(
        fresh_database, tmp_path / "files", None, run_id="files", now=now - 4 * DAY, say=lambda _text: None
    )
    with running_simulators(world, options=quick_options(), only=list(STREAMS)) as vendors:
        made = Morning(fresh_database, tmp_path / "dbt", vendors)
        made.build(now - 4 * DAY)
        yield made


@pytest.fixture
def reader(morning: Morning) -> Iterator[psycopg.Connection[Row]]:
    """An employee whose only right is on freshness."""
    role = f"t{uuid.uuid4().hex[:8]}_reader"
    with psycopg.connect(morning.url, autocommit=True) as owner:
        owner.execute("select access.add_employee(%s, 'Invented', null)", (role,))
        owner.execute("select access.allow(%s, 'freshness')", (role,))
        password = owner.execute("select access.login_password(%s)", (role,)).fetchall()[0][0]
        parts = urlsplit(morning.url)
        login = parts._replace(netloc=f"{role}:{quote(password)}@{parts.netloc.rpartition('@')[2]}").geturl()
        with psycopg.connect(login, autocommit=True) as connection:
            yield connection
        owner.execute("select access.remove_employee(%s)", (role,))


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_three_days_without_a_vendor_are_seen_in_the_reports_that_rest_on_it_until_it_is_back(
    morning: Morning, reader: psycopg.Connection[Row]
) -> None:
    def reports() -> dict[str, Row]:
        found = reader.execute("select report, is_stale, stale_since, stale_sources from reports.freshness_of_reports")
        return {row[0]: row[1:] for row in found.fetchall()}

    def streams(name: str) -> set[Row]:
        query = "select is_stale, is_failing, error, loaded_at from reports.freshness where source = %s"
        return set(reader.execute(query, (name,)).fetchall())

    last_good = datetime.now(UTC).replace(microsecond=0) - 3 * DAY - timedelta(hours=1)
    for name in STREAMS:
        morning.load(name, last_good)
    morning.vendors.faults.add(Fault("server_error", "calltouch", times=-1))
    for day in (1, 2, 3):
        with pytest.raises(TransientError):
            morning.load("calltouch", last_good + day * DAY)
        morning.load("bitrix24", last_good + day * DAY)
    third = last_good + 3 * DAY
    morning.build(third)

    assert {row[0] for row in streams("calltouch")} == {True}
    assert (True, True, "TransientError", last_good) in streams("calltouch")
    assert streams("bitrix24") == {(False, False, None, third)}
    for report in ("channels_and_sources", "inquiry_history"):
        assert reports()[report] == (True, last_good, ["calltouch"]), report
    # sales come from files, which promise nothing
    assert reports()["service_sales"] == (False, None, [])
    with psycopg.connect(morning.url) as owner:
        newest = "select max(created_at)::date from marts.fct_deals where deal_id like 'bitrix24:%'"
        deals = "select max(created_at)::date from staging.bitrix24__deals"
        assert owner.execute(newest).fetchall() == owner.execute(deals).fetchall()

    # a newer load shows in the report when its rows do
    morning.vendors.faults.clear()
    back = third + timedelta(minutes=30)
    morning.load("calltouch", back)
    assert reports()["inquiry_history"] == (True, last_good, ["calltouch"])
    morning.build(back)
    assert streams("calltouch") == {(False, False, None, back)}
    assert reports()["inquiry_history"] == (False, None, [])
    with psycopg.connect(morning.url) as owner:
        landed = owner.execute("select count(*) from staging.calltouch__calls").fetchall()[0][0]
        shown = owner.execute(
            "select count(distinct contact_id) from marts.fct_contacts where contact_id like 'calltouch:call:%'"
        ).fetchall()[0][0]
        assert landed == shown > 0

    # what happened is in the report's past, and nothing else is open to this reader
    assert reader.execute(
        "select sum(failed_loads) > 0, sum(rows_read) > 0 from reports.freshness_daily where source = 'calltouch'"
    ).fetchall() == [(True, True)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        reader.execute("select * from ops.loads")
