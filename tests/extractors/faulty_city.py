"""Every vendor of the invented city, each stream of which can be loaded while its vendor misbehaves.

Nothing here names a stream that has to be kept up to date: streams come from the registry, vendors from the simulators.
What a fault cannot do to a stream is written down by name, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import psycopg
from psycopg import sql

from extractors.core.errors import ChairsideError
from extractors.core.spec import StreamSpec
from extractors.registry import all_streams
from extractors.run import LoadResult, run_stream
from simulators.amocrm.state import AmocrmOptions
from simulators.faults import Fault
from simulators.fhir.state import FhirOptions
from simulators.open_dental.state import OpenDentalOptions
from simulators.running import SIMULATORS, Simulators, quick_options, running_simulators
from simulators.world import World, build_world
from tests.templates import Template, copied

FIRST, DAYS = date(2026, 8, 1), 14
LAST = date(2026, 8, 14)
NOW = datetime(2026, 8, 20, 3, tzinfo=UTC)
Rows = list[tuple[Any, ...]]
NO_WIRE = {"ident": "reads report files; what may be wrong with them is in test_ident.py"}
STREAMS = {
    f"{stream.source} {stream.name}": stream for stream in all_streams() if stream.source not in NO_WIRE
}  # fmt: skip
# One stream of each vendor, the one with most rows of its own kind: the quick selection.
FIRST_OF_EACH = {stream.source: name for name, stream in reversed(STREAMS.items()) if stream.replace != "all"}
# Pages of a few rows, so that a small city has several.
SMALL_PAGES: dict[str, Any] = {
    "amocrm": AmocrmOptions(per_second=0, largest_page=12, largest_event_page=12),
    "fhir": FhirOptions(largest_page=12),
    "open_dental": OpenDentalOptions(seconds_between=0, largest_page=12),
}
# By source, or by source and stream.
SETTINGS: dict[str, dict[str, Any]] = {
    "amocrm": {"events_per_page": 12}, "meta_ads": {"page_rows": 25}, "uis": {"site_visits": True},
    "fhir resource_ids": {"deletions": "ids"},
}


def make_world(first: date = FIRST, days: int = DAYS) -> World:
    """Two clinics, so that there is a client of every vendor that has a wire."""
    return build_world(7, date_from=first, days=days, clinics=2, scale=1.5)


def options(**others: object) -> dict[str, Any]:
    return quick_options(**{**SMALL_PAGES, **others})


def add_what_the_city_lacks(simulators: Simulators) -> None:
    """Leads (the city's portal works without them), cards that were merged, and appointments that were deleted."""
    stamps = {"DATE_CREATE": "2026-08-02T10:00:00+03:00", "DATE_MODIFY": "2026-08-03T10:00:00+03:00"}
    simulators.state("bitrix24").rows["leads"] = [
        {"ID": str(number), **stamps, "CONTACT_ID": None, "STATUS_ID": "NEW", "UTM_SOURCE": "yandex"}
        for number in range(1, 71)
    ]
    simulators.state("open_dental").rows["patfields"] = [
        {"PatFieldNum": number, "PatNum": number, "FieldName": "MergedInto", "FieldValue": str(number + 100),
         "SecDateTEdit": "2026-08-05 10:00:00", "SecDateEntry": "2026-08-05"}
        for number in range(1, 16)
    ]  # fmt: skip
    simulators.state("open_dental").rows["histappointments"] = [
        {"HistApptNum": number, "AptNum": 9000 + number, "HistApptAction": "Deleted",
         "HistDateTStamp": "2026-08-05 10:00:00", "DateTStamp": "2026-08-05 10:00:00"}
        for number in range(1, 16)
    ]  # fmt: skip
    clinic = simulators.state("fhir")
    for number in list(clinic.resources["Appointment"])[:3]:
        clinic.delete("Appointment", number, datetime(2026, 8, 10, tzinfo=UTC))


@dataclass
class City:
    """The vendors and a warehouse. `clean`: what each stream lands when nothing goes wrong, filled as it is asked."""

    simulators: Simulators
    warehouse: str
    last: date = LAST
    now: datetime = NOW
    settings: Mapping[str, Any] = field(default_factory=dict)
    settings_of: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # by source
    known: dict[str, tuple[Rows, int]] = field(default_factory=dict)

    def load(self, stream: StreamSpec) -> LoadResult:
        endpoint = self.simulators.endpoints[stream.source]
        return run_stream(
            self.warehouse, stream.source, stream.name,
            SIMULATORS[stream.source].first_day(self.simulators.world.date_from), self.last, run_id="run", now=self.now,
            settings={
                **endpoint["settings"], "base_url": endpoint["base_url"], "token": endpoint["token"],
                "requests_per_second": 0, "retry_base_seconds": 0.001, "poll_seconds": 0.001,
                "rate_limit_seconds": 0.001, **SETTINGS.get(stream.source, {}),
                **SETTINGS.get(f"{stream.source} {stream.name}", {}), **self.settings,
                **self.settings_of.get(stream.source, {}),
            },
        )  # fmt: skip

    def landed(self, stream: StreamSpec, *, extra: bool = True) -> Rows:
        query = sql.SQL("select {} from {} order by {}").format(
            sql.SQL(", ").join(map(sql.Identifier, [*stream.column_names, *(["_extra"] if extra else [])])),
            sql.Identifier("staging", stream.table),
            sql.SQL(", ").join(map(sql.Identifier, stream.key)),
        )
        with psycopg.connect(self.warehouse) as connection:
            return connection.execute(query).fetchall()

    def empty(self, stream: StreamSpec) -> None:
        with psycopg.connect(self.warehouse, autocommit=True) as connection:
            table = sql.Identifier("staging", stream.table)
            connection.execute(sql.SQL("truncate {}, staging.rejected_rows, ops.loads").format(table))

    def asked(self, stream: StreamSpec) -> int:
        """How many requests the vendor has answered so far."""
        return len(self.simulators.servers[stream.source].journal)

    def clean(self, stream: StreamSpec) -> tuple[Rows, int]:
        """What an undisturbed run lands, and how many requests it takes."""
        if stream.table not in self.known:
            self.simulators.faults.clear()
            self.empty(stream)
            before = self.asked(stream)
            self.load(stream)
            self.known[stream.table] = (self.landed(stream), self.asked(stream) - before)
            self.empty(stream)
        rows, requests = self.known[stream.table]
        assert rows, f"the city has nothing for {stream.table}"
        return rows, requests

    def disturbed(self, stream: StreamSpec, *faults: Fault) -> LoadResult | ChairsideError:
        """A run while the vendor misbehaves so. Anything but an error in words is raised."""
        self.simulators.faults.clear()
        for fault in faults:
            self.simulators.faults.add(fault)
        try:
            return self.load(stream)
        except ChairsideError as error:
            return error
        finally:
            self.simulators.faults.clear()


Check = Callable[[City, StreamSpec], None]


@contextmanager
def running_city(pg_server_url: str, template: Template, **settings: object) -> Iterator[City]:
    """The vendors, and a copy of the template as their warehouse. `settings` go to every source."""
    with (
        copied(template.url, pg_server_url) as url,
        running_simulators(make_world(), options=options()) as running,
    ):
        add_what_the_city_lacks(running)
        yield City(running, url, settings=settings)
