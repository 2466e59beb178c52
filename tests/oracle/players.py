"""Markov removal effects and Shapley values over the rows of a level, by brute force. RULES section 2 and 12.15.

Markov: the chain of all journeys, those of people who never made a `wants_to_book` inquiry included, solved exactly in
fractions, once whole and once without each player. Shapley: every order of every coalition of the path's players.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from fractions import Fraction
from itertools import pairwise, permutations

from tests.oracle.sources import UNKNOWN, Source, Touch

START, CONVERSION, NOTHING = "(start)", "(conversion)", "(null)"
MOST_ORDERED = 6
State = str | tuple[str | None, ...]


def chain(journeys: list[tuple[tuple[State, ...], bool]]) -> dict[State, dict[State, Fraction]]:
    """Chances to go from each state to the next; a journey is its players in order and whether it converted."""
    counts: dict[State, Counter[State]] = {}
    for players, converted in journeys:
        for state, following in pairwise((START, *players, CONVERSION if converted else NOTHING)):
            counts.setdefault(state, Counter())[following] += 1
    return {state: {to: Fraction(n, sum(tos.values())) for to, n in tos.items()} for state, tos in counts.items()}


def chance_to_convert(chances: dict[State, dict[State, Fraction]], without: State | None = None) -> Fraction:
    """From the start; steps into the player `without` lead nowhere. Players are taken out one by one: who stepped into
    one steps to where it led, however often it led to itself first."""
    left = {
        state: {to: chance for to, chance in tos.items() if to not in (without, NOTHING)}
        for state, tos in chances.items()
        if state != without
    }
    for gone in [state for state in left if state != START]:
        led = left.pop(gone)
        stays = led.pop(gone, Fraction(0))
        for tos in left.values():
            if gone in tos:
                into = tos.pop(gone) / (1 - stays)
                for to, chance in led.items():
                    tos[to] = tos.get(to, Fraction(0)) + into * chance
    return left[START].get(CONVERSION, Fraction(0))


def removal_effects(journeys: list[tuple[tuple[State, ...], bool]]) -> dict[State, Fraction]:
    """Share of all conversions lost without each player; 0 for all where nobody converts."""
    chances = chain(journeys)
    players = [state for state in chances if state != START]
    whole = chance_to_convert(chances)
    if not whole:
        return dict.fromkeys(players, Fraction(0))
    return {player: 1 - chance_to_convert(chances, player) / whole for player in players}


def shapley(players: set[State]) -> dict[State, Fraction]:
    """Shapley values of one conversion: v(S) is 1 when all players of its path are in S, else 0."""
    if len(players) > MOST_ORDERED:
        return dict.fromkeys(players, Fraction(1, len(players)))  # what every smaller set gives, in fewer steps
    orders = list(permutations(sorted(players, key=str)))
    values: Counter[State] = Counter()
    for order in orders:
        present: set[State] = set()
        for player in order:
            before = players <= present
            present.add(player)
            values[player] += int(players <= present) - int(before)
    return {player: Fraction(values[player], len(orders)) for player in players}


def null_journeys(touches: dict[str, list[Touch]], converted: set[str], lookback: timedelta) -> list[list[Touch]]:
    """Paths of people who never made a `wants_to_book` inquiry: known touches of the days before their last one."""
    found = []
    for person, path in touches.items():
        known = [touch for touch in path if touch.source != UNKNOWN]
        if person not in converted and known:
            found.append([touch for touch in known if touch.at >= known[-1].at - lookback])
    return found


def player_of(source: Source, length: int) -> tuple[str | None, ...]:
    return (source.channel, source.source, source.campaign)[:length]
