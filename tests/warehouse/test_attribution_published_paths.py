"""Nine published paths with the credits of somebody else's implementation: every column that is not faulty.

The files are not part of this project. Left out, as their SOURCE tells: position decay, which is no model of ours, and
Shapley, which there is the value of another game (by conversion rate it even falls below 0); ours is proved against
brute force in test_attribution_properties.
"""

from __future__ import annotations

import csv
import os
from decimal import Decimal
from pathlib import Path

import pytest

from tests.warehouse.attribution_chain import Chain, Journey

ROOT = Path(__file__).resolve().parents[2]
PATHS = Path(os.environ.get("CHAIRSIDE_SHARED") or ROOT.parent / "shared") / "data" / "attribution_paths"
COLUMNS = {
    "first_touch": "attribution_first_click_heuristic",
    "last_touch": "attribution_last_click_heuristic",
    "last_non_direct": "attribution_last_click_non_A_heuristic",
    "linear": "attribution_linear_heuristic",
    "position_based": "attribution_position_based_0.4_0.2_0.4_heuristic",
    "time_decay": "attribution_time_decay0.5_freq1_heuristic",
}
MARKOV = "attribution_markov_algorithmic"
VALUE = 3  # of each of the nine conversions

pytestmark = pytest.mark.skipif(not PATHS.is_dir(), reason="the published paths are not beside this checkout")


def read(name: str) -> list[dict[str, str]]:
    with (PATHS / name).open(encoding="utf-8") as opened:
        return list(csv.DictReader(opened))


def channels(path: str) -> tuple[str, ...]:
    """Their A is the channel that last non-direct passes over."""
    return tuple({"A": "direct"}.get(player, player) for player in path.split(" > "))


@pytest.fixture(scope="module")
def chain(chain: Chain) -> Chain:
    chain.write([Journey(channels(row["channels_agg"])) for row in read("A_journeys_all_models.csv")])
    return chain


@pytest.mark.parametrize("model", COLUMNS)
def test_channels_get_what_the_published_implementation_gives(chain: Chain, model: str) -> None:
    with chain.connection.transaction(force_rollback=True):
        if model == "time_decay":
            # their weight halves every hour, and a day lies between touches; ours halves every 7 days
            chain.connection.execute(
                "update build.fct_touches as touches set touched_at"
                " = converted_at - (converted_at - touched_at) * 7 * 24"
                " from build.int_conversions as won where won.person_key = touches.person_key"
            )
        found = dict(
            chain.ask(
                "select channel, conversions from reports.attribution(date '2026-01-01', date '2026-12-31', 'booking',"
                f" 365, 'channel') where model = '{model}'"
            )
        )
    for row in read("A_channels_all_models.csv"):
        (player,) = channels(row["channels"])
        assert float(found[player] * VALUE) == pytest.approx(float(row[COLUMNS[model]]), abs=1e-5), (model, player)


@pytest.mark.parametrize("model", [model for model in COLUMNS if model != "time_decay"])
def test_every_touch_gets_what_the_published_implementation_gives(chain: Chain, model: str) -> None:
    found = {
        (key, number): credit
        for key, number, credit in chain.ask(
            f"select conversion_key, touch_number, credit from marts.fct_attribution_credits where model = '{model}'"
        )
    }
    for number, row in enumerate(read("A_journeys_all_models.csv")):
        for place, share in enumerate(row[COLUMNS[model]].split(" > "), start=1):
            credit = found.get((f"booking:{number}", place), Decimal(0))
            assert float(credit * VALUE) == pytest.approx(float(share), abs=1e-12), (row["channels_agg"], place)


def test_the_transitions_and_removal_effects_are_the_published_ones(chain: Chain) -> None:
    """Theirs has no null journeys, and neither have these nine paths. A path is shared among its players by effects."""
    names = {"(inicio)": "(start)", "A": "direct"}
    found = {
        (one, other): float(chance)
        for one, other, chance in chain.ask(
            """
            select
                case when from_state like '[%' then from_state::jsonb ->> 0 else from_state end,
                case when to_state like '[%' then to_state::jsonb ->> 0 else to_state end,
                steps / sum(steps) over (partition by from_state)
            from build.int_conversion_steps where conversion = 'booking' and level = 'channel'
            """
        )
    }
    for row in read("A_markov_transition_same0.csv"):
        one = names.get(row[""], row[""])
        if one in ("(null)", "(conversion)"):
            continue
        for other, chance in row.items():
            if other:
                step = found.get((one, names.get(other, other)), 0.0)
                assert step == pytest.approx(float(chance), abs=1e-12), (one, other)
    effects = dict(
        chain.ask(
            "select player::jsonb ->> 0, removal_effect from build.int_conversion_effects"
            " where model = 'markov' and conversion = 'booking' and level = 'channel'"
        )
    )
    for row in read("A_markov_removal_same0.csv"):
        player = names.get(row[""], row[""])
        assert float(effects[player]) == pytest.approx(float(row["removal_effect"]), abs=1e-12)
    # their table of channels shares all conversions by effects at once, their table of paths one by one, as ours does
    for row in read("A_channels_all_models.csv"):
        share = effects[channels(row["channels"])[0]] / sum(effects.values())
        assert float(share * 9 * VALUE) == pytest.approx(float(row[MARKOV]), abs=1e-9)
    credits = {
        (key, number): float(credit)
        for key, number, credit in chain.ask(
            "select conversion_key, touch_number, credit from marts.fct_attribution_markov_credits"
        )
    }
    for number, row in enumerate(read("A_journeys_all_models.csv")):
        for place, share in enumerate(row[MARKOV].split(" > "), start=1):
            assert credits[f"booking:{number}", place] == pytest.approx(float(share), abs=1e-12)
