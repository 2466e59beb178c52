"""Removal effects in SQL against a published example and against removing each player by hand."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.oracle.players import removal_effects
from warehouse.migrate import migrate

# Nine journeys of a published test, all converting; the figures are of its reference implementation.
PUBLISHED = ("A", "AB", "ABC", "B", "BA", "BCA", "C", "CA", "CBA")
Journey = tuple[tuple[str, ...], bool]


@pytest.fixture(scope="module")
def connection(pg_server_url: str) -> Iterator[psycopg.Connection[Any]]:
    name = f"test_{uuid.uuid4().hex[:16]}"
    with psycopg.connect(pg_server_url, autocommit=True) as admin:
        admin.execute(f"create database {name} template template0".encode())
    url = pg_server_url.rsplit("/", 1)[0] + f"/{name}"
    migrate(url)
    with psycopg.connect(url, autocommit=True) as opened:
        opened.execute("create table public.steps (from_state text, to_state text)")
        yield opened
    with psycopg.connect(pg_server_url, autocommit=True) as admin:
        admin.execute(f"drop database if exists {name} with (force)".encode())


def effects(connection: psycopg.Connection[Any], journeys: list[Journey]) -> dict[str, float]:
    with connection.transaction():
        connection.execute("truncate public.steps")
        for players, converted in journeys:
            states = ("(start)", *players, "(conversion)" if converted else "(null)")
            with connection.cursor() as cursor:
                cursor.executemany("insert into public.steps values (%s, %s)", list(itertools.pairwise(states)))
        found = connection.execute(
            "select player, removal_effect from ops.markov_removal_effects("
            "'select from_state, to_state, count(*)::numeric as steps from public.steps group by 1, 2')"
        )
        return dict(found.fetchall())


def test_the_published_example(connection: psycopg.Connection[Any]) -> None:
    found = effects(connection, [(tuple(path), True) for path in PUBLISHED])
    assert found == pytest.approx({"A": 0.6666666666666667, "B": 0.5333333333333332, "C": 0.4912280701754386})
    assert found["A"] / (found["A"] + found["B"]) == pytest.approx(0.5555555555555557)


def test_without_any_conversion_nobody_matters(connection: psycopg.Connection[Any]) -> None:
    assert effects(connection, [(("A", "B"), False)]) == {"A": 0, "B": 0}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.lists(st.sampled_from("ABCDE"), min_size=1, max_size=6).map(tuple), st.booleans()),
        min_size=1,
        max_size=25,
    )
)
def test_effects_are_those_of_removing_each_player(
    connection: psycopg.Connection[Any], journeys: list[Journey]
) -> None:
    wanted = {str(player): float(effect) for player, effect in removal_effects(list(journeys)).items()}
    assert effects(connection, journeys) == pytest.approx(wanted, abs=1e-12)
