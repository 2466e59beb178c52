"""A wall clock that is put back: every stream whose vendor tells local times reads the doubled hour as one moment."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from extractors.run import LoadResult
from simulators.aggregators.routes import FeedOptions
from simulators.faults import Fault
from simulators.http import Response
from simulators.open_dental.state import OpenDentalOptions
from simulators.running import running_simulators
from simulators.uis.state import UisOptions
from simulators.yandex_metrica.state import MetricaOptions
from tests.extractors.faulty_city import FIRST_OF_EACH, STREAMS, City, make_world, options
from tests.extractors.wire_rows import changed, rows_of, texts_of, with_texts
from tests.templates import Template, copied

ZONE, DAY = "Europe/Berlin", "2026-10-25"
EARLIER, LATER = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
WALL_CLOCK = re.compile(rf"({DAY}[ T])\d\d:\d\d:\d\d(\.\d+)?")
NO_WALL_CLOCK = {
    "amocrm": "seconds since 1970", "bitrix24": "every time has the portal's offset",
    "calltouch": "seconds since 1970; the one wall clock, `sessionDate`, is kept as written and used for nothing",
    "currency_rates": "days", "fhir": "every instant has an offset", "google_ads": "days", "meta_ads": "days",
    "vk_ads": "days", "yandex_direct": "days",
}  # fmt: skip


@pytest.fixture(scope="module")
def city(pg_server_url: str, migrated_template: Template) -> Iterator[City]:
    local = options(
        open_dental=OpenDentalOptions(seconds_between=0, server_time_zone=ZONE), uis=UisOptions(time_zone=ZONE),
        yandex_metrica=MetricaOptions(time_zone=ZONE), aggregators=FeedOptions(offsets=False),
    )  # fmt: skip
    with (
        copied(migrated_template.url, pg_server_url) as url,
        running_simulators(make_world(date(2026, 10, 18), 10), options=local) as running,
    ):
        feed: Any = running.vendors["aggregators"]
        feed.rows[0] |= {"at": datetime(2026, 10, 25, 9, tzinfo=UTC)}
        clinics = {number: {"clinic_id": "C1", "time_zone": ZONE} for number in ("1", "2")}
        yield City(
            running, url, last=date(2026, 10, 29), now=datetime(2026, 10, 30, 3, tzinfo=UTC),
            settings_of={
                "aggregators": {"time_zone": ZONE}, "uis": {"time_zone": ZONE, "site_visits": True},
                "open_dental": {"time_zone": ZONE, "server_time_zone": ZONE, "clinics": clinics},
            },
        )  # fmt: skip


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in FIRST_OF_EACH.values() else pytest.mark.slow) for name in STREAMS]
)
def test_the_doubled_hour_is_one_moment_whenever_it_is_read(city: City, name: str) -> None:
    stream = STREAMS[name]
    found: list[str] = []

    def put_back(good: Response) -> Response:
        found.extend(text for row in rows_of(good) for text in texts_of(row) if WALL_CLOCK.fullmatch(text))
        at_half_past_two = changed(
            good, lambda rows: [with_texts(row, lambda text: WALL_CLOCK.sub(r"\g<1>02:30:00", text)
                                if WALL_CLOCK.fullmatch(text) else text) for row in rows],
        )  # fmt: skip
        return at_half_past_two

    fault = Fault("changed", stream.source, times=-1, change=put_back)
    told = city.disturbed(stream, fault)
    assert isinstance(told, LoadResult) and told.rows_rejected == 0, told
    assert not (found and stream.source in NO_WALL_CLOCK), found[:3]
    again = city.disturbed(stream, fault)
    assert isinstance(again, LoadResult) and again.rows_written == 0, again
    landed = city.landed(stream)
    moments = {value for row in landed for value in row if isinstance(value, datetime)}
    if found and any(kind == "timestamptz" for _, kind in stream.columns):
        assert moments & {EARLIER, LATER}, sorted(moments)[-5:]


def test_every_vendor_that_tells_wall_clocks_is_among_the_ones_that_are_put_back(city: City) -> None:
    seen: set[str] = set()

    def look(source: str, good: Response) -> Response:
        if any(WALL_CLOCK.fullmatch(text) for row in rows_of(good) for text in texts_of(row)):
            seen.add(source)
        return good

    for stream in STREAMS.values():
        if stream.source not in NO_WALL_CLOCK and stream.source not in seen:
            source = stream.source
            city.disturbed(
                stream, Fault("changed", source, times=-1, change=lambda good, source=source: look(source, good))  # type: ignore[misc]
            )
    assert seen | NO_WALL_CLOCK.keys() == {stream.source for stream in STREAMS.values()}
