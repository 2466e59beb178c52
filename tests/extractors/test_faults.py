"""Whatever goes wrong on the way, what is loaded in the end is what an undisturbed run loads."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest
from psycopg import sql

from extractors.core.errors import RejectedError
from extractors.core.spec import StreamSpec
from extractors.registry import source
from extractors.run import LoadResult, run_stream
from simulators.faults import Fault, FaultKind
from simulators.running import SIMULATORS, Simulators, quick_options, running_simulators
from simulators.world import build_world
from simulators.world.setting import SYSTEMS

STREAMS = (
    ("yandex_direct", "ad_performance"), ("calltouch", "calls"), ("calltouch", "requests"), ("calltouch", "sessions"),
    ("bitrix24", "deals"), ("bitrix24", "deal_items"), ("bitrix24", "stages"),
    ("open_dental", "patients"), ("open_dental", "treat_plans"),
)
FIRST, LAST = date(2026, 8, 1), date(2026, 8, 14)
Rows = list[tuple[Any, ...]]


@pytest.fixture(scope="module")
def simulators() -> Iterator[Simulators]:
    world = build_world(3, date_from=FIRST, days=14, clinics=2, scale=1.5, systems=SYSTEMS[:1])
    with running_simulators(world, options=quick_options()) as running:
        yield running


def load(warehouse: str, simulators: Simulators, source_name: str, stream: str) -> LoadResult:
    endpoint = simulators.endpoints[source_name]
    first = date(2020, 1, 1) if SIMULATORS[source_name].has_past else FIRST
    return run_stream(
        warehouse, source_name, stream, first, LAST, run_id="run", now=datetime.now(UTC),
        settings={
            **endpoint["settings"], "base_url": endpoint["base_url"], "token": endpoint["token"],
            "requests_per_second": 0, "retry_base_seconds": 0.01, "poll_seconds": 0.01,
        },
    )


def landed(warehouse: str, stream: StreamSpec) -> Rows:
    query = sql.SQL("select {} from {} order by {}").format(
        sql.SQL(", ").join(map(sql.Identifier, [*stream.column_names, "_extra"])),
        sql.Identifier("staging", stream.table),
        sql.SQL(", ").join(map(sql.Identifier, stream.key)),
    )
    with psycopg.connect(warehouse) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def undisturbed(simulators: Simulators) -> dict[tuple[str, str], Rows]:
    """What each stream lands when nothing goes wrong; filled as the tests ask."""
    return {}


@pytest.mark.parametrize(
    "kinds",
    [("too_many_requests", "server_error", "cut_body", "truncated_json", "html"), ("empty_page",), ("repeated_page",)],
    ids=["five in a row", "an empty page", "a repeated page"],
)
@pytest.mark.parametrize(("source_name", "stream"), STREAMS)
def test_a_fault_on_the_way_changes_nothing_in_the_end(
    warehouse: str, simulators: Simulators, undisturbed: dict[tuple[str, str], Rows], source_name: str, stream: str,
    kinds: tuple[FaultKind, ...],
) -> None:
    spec = source(source_name).stream(stream)
    if (source_name, stream) not in undisturbed:
        load(warehouse, simulators, source_name, stream)
        undisturbed[source_name, stream] = landed(warehouse, spec)
        with psycopg.connect(warehouse, autocommit=True) as connection:
            connection.execute(sql.SQL("truncate {}").format(sql.Identifier("staging", spec.table)))
    clean = undisturbed[source_name, stream]
    assert clean
    fired = len(simulators.faults.fired)
    # A page can only be repeated after one was read; every other fault may hit the very first request too.
    after = 1 if kinds == ("repeated_page",) else 0
    for kind in kinds:
        simulators.faults.add(Fault(kind, source_name, after=after, retry_after=0))
    assert load(warehouse, simulators, source_name, stream).rows_rejected == 0
    assert landed(warehouse, spec) == clean
    assert len(simulators.faults.fired) >= fired + len(kinds) or after  # a stream of one page has none to repeat


@pytest.mark.parametrize("source_name", ["yandex_direct", "calltouch", "bitrix24", "open_dental"])
def test_a_token_that_is_refused_stops_the_stream_and_keeps_what_is_loaded(
    warehouse: str, simulators: Simulators, source_name: str
) -> None:
    stream = next(name for owner, name in STREAMS if owner == source_name)
    spec = source(source_name).stream(stream)
    load(warehouse, simulators, source_name, stream)
    before = landed(warehouse, spec)
    asked = len(simulators.servers[source_name].journal)
    simulators.faults.add(Fault("unauthorized", source_name))
    with pytest.raises(RejectedError, match=r"token|code"):
        load(warehouse, simulators, source_name, stream)
    assert len(simulators.servers[source_name].journal) > asked
    assert landed(warehouse, spec) == before
