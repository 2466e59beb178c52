"""What every attribution model promises, over random journeys, by the product's own SQL."""

from __future__ import annotations

import itertools
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from math import factorial

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.warehouse.attribution_chain import Chain, Journey

NINE = {
    "first_touch", "last_touch", "last_non_direct", "linear", "position_based", "time_decay", "w_shaped", "markov",
    "shapley",
}  # fmt: skip
CHANNELS = ("direct", "organic", "paid_search", "social", "maps")
AMOUNTS = st.one_of(st.none(), st.decimals(min_value="-500", max_value="9999.99", places=2))


@st.composite
def journeys(draw: st.DrawFn) -> Journey:
    channels = tuple(draw(st.lists(st.sampled_from(CHANNELS), max_size=7)))
    booked = draw(st.integers(0, len(channels)))
    return Journey(
        channels=channels,
        amount=draw(AMOUNTS),
        days_before=draw(st.integers(0, 95)),  # some touches fall out of the 90 days
        kinds=tuple(draw(st.sampled_from(("session", "contact"))) for _ in channels),
        first_booked_touch=booked or None,
    )


quickly = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@settings(quickly, max_examples=12)  # each asks for Markov chains of every order
@given(st.lists(journeys(), min_size=1, max_size=8))
def test_credits_sum_to_exactly_one_and_money_to_the_kopeck(chain: Chain, written: list[Journey]) -> None:
    won = [journey for journey in written if journey.amount is not None]
    with chain.connection.transaction(force_rollback=True):
        chain.write(written)
        found = chain.ask(
            "select model, conversion_key, sum(credit), sum(amount), min(credit)"
            " from (table marts.fct_attribution_credits union all table marts.fct_attribution_markov_credits)"
            " as credits group by 1, 2"
        )
        told = chain.ask(
            "select model, round(sum(conversions), 3), sum(revenue)"
            " from reports.attribution(date '2026-01-01', date '2026-12-31', 'booking', level => 'channel') group by 1"
        )
        by_campaign = chain.ask(
            "select model, round(sum(conversions), 3), sum(revenue)"
            " from reports.attribution(date '2026-01-01', date '2026-12-31', 'booking', 30) group by 1"
        )
    amounts = {f"booking:{number}": journey.amount for number, journey in enumerate(written)}
    assert {(model, key) for model, key, *_ in found} == {
        (model, key) for model in NINE for key, amount in amounts.items() if amount is not None
    }
    for _model, key, credit, amount, least in found:
        assert (credit, amount) == (1, amounts[key])
        assert least > 0
    totals = (len(won), sum(journey.amount or 0 for journey in won))
    assert {row[0] for row in told} == (NINE | {"markov_2", "markov_3"} if won else set())
    assert {row[0] for row in by_campaign} == (NINE if won else set())
    assert {row[1:] for row in (*told, *by_campaign)} <= {totals}


def test_a_report_looks_back_as_many_days_as_it_is_asked_for(chain: Chain) -> None:
    """A touch 400 days before the conversion and one of a day earlier."""
    asked = (
        "select channel, conversions, revenue from reports.attribution(date '2026-01-01', date '2026-12-31',"
        " 'booking', {}, 'channel') where model = 'linear' order by 1"
    )
    nothing, one, half = [("unknown", 1, 100)], [("maps", 1, 100)], Decimal("0.5")
    both = [("maps", half, 50), ("vk", half, 50)]
    with chain.connection.transaction(force_rollback=True):
        chain.write([Journey(("vk", "maps"), days_before=400)])
        for days, wanted in ((0, nothing), (399, nothing), (400, one), (401, both), (1_000_000, both)):
            assert chain.ask(asked.format(days)) == wanted, days
        with pytest.raises(psycopg.errors.InvalidParameterValue, match="not less than 0"):
            chain.ask(asked.format(-1))


def worth(paths: list[frozenset[str]], coalition: frozenset[str]) -> int:
    """The game of docs/attribution.md: conversions whose whole path lies inside the coalition."""
    return sum(path <= coalition for path in paths)


def by_brute_force(paths: list[frozenset[str]]) -> dict[str, Fraction]:
    """Every order in which the players may join."""
    players = sorted(frozenset().union(*paths))
    values: Counter[str] = Counter()
    for order in itertools.permutations(players):
        for place, player in enumerate(order):
            before = frozenset(order[:place])
            values[player] += worth(paths, before | {player}) - worth(paths, before)
    return {player: Fraction(values[player], factorial(len(players))) for player in players}


PATHS = st.lists(st.lists(st.sampled_from(CHANNELS), min_size=1, max_size=6).map(tuple), min_size=1, max_size=8)


def shapley(chain: Chain, paths: list[tuple[str, ...]]) -> dict[str, Decimal]:
    # null journeys are in no coalition's worth
    return chain.shares("shapley", [*(Journey(path) for path in paths), Journey(("email",), amount=None)])


def close(one: dict[str, Decimal], other: dict[str, Fraction]) -> bool:
    """The report rounds to six decimals."""
    return all(
        abs(Fraction(one.get(player, Decimal(0))) - other.get(player, 0)) < Fraction(1, 100_000)
        for player in {*one, *other}
    )


@quickly
@given(PATHS)
def test_shapley_is_the_value_of_the_stated_game_and_leaves_nothing_over(
    chain: Chain, paths: list[tuple[str, ...]]
) -> None:
    found = shapley(chain, paths)
    assert close(found, by_brute_force([frozenset(path) for path in paths]))
    assert round(sum(found.values()), 4) == len(paths), "efficiency: the whole is shared"
    assert "email" not in found, "null player: nobody converts by it, it gets nothing"


@quickly
@given(PATHS, st.sampled_from(CHANNELS), st.sampled_from(CHANNELS))
def test_players_that_do_the_same_get_the_same(
    chain: Chain, paths: list[tuple[str, ...]], one: str, other: str
) -> None:
    swap = {one: other, other: one}
    both = [*paths, *(tuple(swap.get(player, player) for player in path) for path in paths)]
    found = shapley(chain, both)
    assert abs(found.get(one, Decimal(0)) - found.get(other, Decimal(0))) < Decimal("0.00001")


@quickly
@given(PATHS, PATHS)
def test_the_value_of_two_games_together_is_the_sum_of_their_values(
    chain: Chain, first: list[tuple[str, ...]], second: list[tuple[str, ...]]
) -> None:
    apart = Counter(shapley(chain, first))
    apart.update(shapley(chain, second))
    assert close(shapley(chain, first + second), {player: Fraction(value) for player, value in apart.items()})
