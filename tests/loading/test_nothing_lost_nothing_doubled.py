"""Whatever vendors and networks do, when they have stopped doing it the landed rows are those of an undisturbed run."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extractors.core.errors import ChairsideError, PayloadError
from simulators.running import Simulators
from tests.loading.loads import STREAMS, Rows, empty, landed, load
from tests.loading.proxy import HONEST, LASTING, ONCE, Proxy, Spoil

NAMES = [f"{source} {stream}" for source, stream, _ in STREAMS]
spoils = st.lists(
    st.builds(Spoil, st.sampled_from((*ONCE, *LASTING)), st.integers(0, 12)), min_size=1, max_size=4
)
Clean = Callable[[str], Rows]


@pytest.fixture(scope="module")
def clean(warehouse: str, simulators: Simulators) -> Clean:
    """What an undisturbed run of a stream lands."""
    known: dict[str, Rows] = {}

    def rows(name: str) -> Rows:
        if name not in known:
            source, stream = name.split()
            empty(warehouse, source, stream)
            load(warehouse, simulators[source], simulators.servers[source].base_url, source, stream)
            known[name] = landed(warehouse, source, stream)
            empty(warehouse, source, stream)
        assert len(known[name]) > 15
        return known[name]

    return rows


def disturb(
    warehouse: str, simulators: Simulators, proxy: Proxy, name: str, planned: tuple[Spoil, ...], expected: Rows,
    *, loaded_before: bool,
) -> None:
    source, stream = name.split()

    def run() -> int:
        return load(warehouse, simulators[source], proxy.url, source, stream).rows_written

    empty(warehouse, source, stream)
    proxy.plan()
    if loaded_before:
        run()
    proxy.plan(*planned)
    try:
        run()
    except ChairsideError:
        pass  # told, and nothing half done: the next run must put it right
    else:
        if set(proxy.fired) <= HONEST:
            assert landed(warehouse, source, stream) == expected
    if not set(proxy.fired) & set(LASTING):
        assert set(map(repr, landed(warehouse, source, stream))) <= set(map(repr, expected))
    proxy.plan()
    run()
    assert landed(warehouse, source, stream) == expected
    assert run() == 0


@pytest.mark.parametrize("kind", [*ONCE, *LASTING])
def test_one_fault_in_the_third_answer(
    warehouse: str, simulators: Simulators, proxies: dict[str, Proxy], clean: Clean, kind: str
) -> None:
    name = NAMES[0]
    disturb(
        warehouse, simulators, proxies[name], name, (Spoil(kind, 2),), clean(name), loaded_before=kind in LASTING
    )
    assert proxies[name].asked


def test_a_record_without_its_id_stops_the_stream_in_words_and_in_the_journal(
    warehouse: str, simulators: Simulators, proxies: dict[str, Proxy]
) -> None:
    proxies["bitrix24 deals"].plan(Spoil("field gone", 0))
    with pytest.raises(PayloadError, match=r"KeyError at client\.py:\d+\)\. Nothing was written"):
        load(warehouse, simulators["bitrix24"], proxies["bitrix24 deals"].url, "bitrix24", "deals")
    proxies["bitrix24 deals"].plan()
    with psycopg.connect(warehouse) as connection:
        newest = "select status from ops.loads where stream = 'deals' order by finished_at desc limit 1"
        assert connection.execute(newest).fetchall() == [("failed",)]


@settings(
    max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(name=st.sampled_from(NAMES), planned=spoils, loaded_before=st.booleans())
def test_any_few_faults_together(
    warehouse: str, simulators: Simulators, proxies: dict[str, Proxy], clean: Clean, name: str, planned: list[Spoil],
    loaded_before: bool,
) -> None:
    disturb(
        warehouse, simulators, proxies[name], name, tuple(planned), clean(name), loaded_before=loaded_before
    )


@pytest.mark.slow
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(NAMES), planned=spoils, loaded_before=st.booleans())
def test_any_few_faults_together_at_length(
    warehouse: str, simulators: Simulators, proxies: dict[str, Proxy], clean: Clean, name: str, planned: list[Spoil],
    loaded_before: bool,
) -> None:
    disturb(
        warehouse, simulators, proxies[name], name, tuple(planned), clean(name), loaded_before=loaded_before
    )
