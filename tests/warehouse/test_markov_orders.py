"""Removal effects of chains of order 1 to 3 against solving each chain in fractions without each player."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from fractions import Fraction
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.oracle.players import START, State, chain, chance_to_convert
from warehouse.migrate import migrate

Journey = tuple[tuple[str, ...], bool]


@pytest.fixture(scope="module")
def connection(pg_server_url: str) -> Iterator[psycopg.Connection[Any]]:
    name = f"test_orders_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(pg_server_url, autocommit=True) as admin:
        admin.execute(f"create database {name} template template0".encode())
    url = urlsplit(pg_server_url)._replace(path=f"/{name}").geturl()
    migrate(url)
    with psycopg.connect(url, autocommit=True) as opened:
        opened.execute("create table public.paths (path text[], outcome text)")
        yield opened
    with psycopg.connect(pg_server_url, autocommit=True) as admin:
        admin.execute(f"drop database if exists {name} with (force)".encode())


def effects(connection: psycopg.Connection[Any], journeys: list[Journey], order: int) -> dict[str, float]:
    with connection.transaction():
        connection.execute("truncate public.paths")
        with connection.cursor() as cursor:
            rows = [(list(path), "(conversion)" if converted else "(null)") for path, converted in journeys]
            cursor.executemany("insert into public.paths values (%s, %s)", rows)
        found = connection.execute(
            "select player, removal_effect from ops.markov_removal_effects_of_moves(format("
            "'select ''one'' as chain, from_state, to_state, count(*)::numeric as journeys from public.paths"
            " cross join lateral ops.markov_moves(path, outcome, %%s) group by 2, 3', %s::integer))",
            (order,),
        )
        return dict(found.fetchall())


def by_hand(journeys: list[Journey], order: int) -> dict[str, float]:
    """States are tuples of the last players; removing one takes away every state that ends in it."""
    told: list[tuple[tuple[State, ...], bool]] = [
        (tuple(tuple(path[max(0, end - order) : end]) for end in range(1, len(path) + 1)), converted)
        for path, converted in journeys
    ]
    chances = chain(told)
    whole = chance_to_convert(chances)
    found = {}
    for player in sorted({player for path, _ in journeys for player in path}):
        left = {state: to for state, to in chances.items() if state == START or state[-1] != player}
        found[player] = float(1 - chance_to_convert(left) / whole) if whole else float(Fraction(0))
    return found


def test_a_higher_order_remembers_what_came_before(connection: psycopg.Connection[Any]) -> None:
    """After B, only those who came from A convert. Order 1 forgets that: it lets half of C's people convert too."""
    journeys: list[Journey] = [(("A", "B"), True), (("C", "B"), False)]
    assert effects(connection, journeys, 1) == pytest.approx({"A": 0.5, "B": 1, "C": 0.5})
    assert effects(connection, journeys, 2) == pytest.approx({"A": 1, "B": 1, "C": 0})


def test_without_any_conversion_nobody_matters(connection: psycopg.Connection[Any]) -> None:
    assert effects(connection, [(("A", "B"), False)], 3) == {"A": 0, "B": 0}


def test_chains_that_are_solved_together_do_not_touch(connection: psycopg.Connection[Any]) -> None:
    """The same players in two chains, one of which converts nobody and one of which needs more rounds."""
    first: list[Journey] = [(("A", "B", "A", "B", "C"), True), (("B", "A"), False), (("C", "A", "B"), False)]
    second: list[Journey] = [(("A", "D"), True), (("D",), False)]
    third: list[Journey] = [(("B",), False)]
    with connection.transaction():
        connection.execute("truncate public.paths")
        for name, journeys in (("first", first), ("second", second), ("third", third)):
            for path, converted in journeys:
                outcome = "(conversion)" if converted else "(null)"
                connection.execute("insert into public.paths values (%s, %s)", ([name, *path], outcome))
        found = connection.execute(
            "select chain, player, removal_effect from ops.markov_removal_effects_of_moves("
            "'select path[1] as chain, from_state, to_state, count(*)::numeric as journeys from public.paths"
            " cross join lateral ops.markov_moves(path[2:], outcome, 2) group by 1, 2, 3')"
        ).fetchall()
    for name, journeys in (("first", first), ("second", second), ("third", third)):
        told = {player: effect for chain_name, player, effect in found if chain_name == name}
        assert told == pytest.approx(by_hand(journeys, 2), abs=1e-12), name


def test_effects_are_the_same_to_the_last_digit_in_whatever_order_moves_come(
    connection: psycopg.Connection[Any],
) -> None:
    """So that two builds of the same rows have the same figures, and a publication finds nothing new."""
    rng = random.Random(5)  # noqa: S311 - a test's dice
    paths = [("".join(rng.choices("ABCDEF", k=rng.randint(1, 7))), rng.random() < 0.3) for _ in range(400)]
    found = []
    with connection.transaction():
        connection.execute("truncate public.paths")
        for path, converted in paths:
            outcome = "(conversion)" if converted else "(null)"
            connection.execute("insert into public.paths values (%s, %s)", (list(path), outcome))
        for order in ("1, 2", "md5(from_state::text || to_state::text)", "2 desc, 1 desc"):
            query = (
                "select ''one'' as chain, from_state, to_state, count(*)::numeric as journeys from public.paths"
                f" cross join lateral ops.markov_moves(path, outcome, 3) group by 2, 3 order by {order}"
            )
            asked = f"select player, removal_effect from ops.markov_removal_effects_of_moves('{query}') order by player"
            found.append(connection.execute(asked.encode()).fetchall())
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == 6


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.lists(st.sampled_from("ABCD"), min_size=1, max_size=7).map(tuple), st.booleans()),
        min_size=1,
        max_size=20,
    ),
    st.integers(1, 3),
)
def test_effects_are_those_of_removing_each_player(
    connection: psycopg.Connection[Any], journeys: list[Journey], order: int
) -> None:
    assert effects(connection, journeys, order) == pytest.approx(by_hand(journeys, order), abs=1e-12)
