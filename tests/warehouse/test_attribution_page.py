"""Every model has its section in docs/attribution.md, and the example written there is what the product's SQL gives."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from tests.warehouse.attribution_chain import Chain, Journey

PAGE = Path(__file__).resolve().parents[2] / "docs" / "attribution.md"
SECTIONS = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##)", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE))
TOUCH_MODELS = ("first_touch", "last_touch", "last_non_direct", "linear", "position_based", "time_decay", "w_shaped")
MARKOV = ("markov", "markov_2", "markov_3")
# the path that the touch models share: vk and direct are sessions, maps is the call
SHARED = Journey(("vk", "direct", "maps"), kinds=("session", "session", "contact"), first_booked_touch=3)


def line(model: str, word: str) -> str:
    (found,) = re.findall(rf"^{word}: (.*)$", SECTIONS[model], re.MULTILINE)
    return str(found)


def numbers(text: str) -> dict[str, Fraction]:
    """`A 1/3 · B 0.25` → by name."""
    return {name: Fraction(value) for name, value in re.findall(r"(\w+) ([\d./]+)(?: |$)", text)}


def journeys(model: str) -> list[Journey]:
    """`A B · C → nothing`: paths of channels, the last one without conversion."""
    found = []
    for text in line(model, "Journeys").split(" · "):
        path, _, nothing = text.partition(" → ")
        found.append(Journey(tuple(path.split()), amount=None if nothing else Decimal(1)))
    return found


def agrees(found: dict[str, Decimal], wanted: dict[str, Fraction]) -> bool:
    """To the six decimals that the page shows."""
    return found.keys() == wanted.keys() and all(
        abs(Fraction(value) - wanted[name]) < Fraction(2, 10**6) for name, value in found.items()
    )


def test_every_model_has_a_formula_an_example_and_a_use() -> None:
    assert set(SECTIONS) == {*TOUCH_MODELS, *MARKOV, "shapley"}
    for model, text in SECTIONS.items():
        assert [word for word in ("Formula: ", "Example: ", "Use it ") if f"\n{word}" not in f"\n{text}"] == [], model


@pytest.mark.parametrize("model", TOUCH_MODELS)
def test_the_example_of_a_touch_model_is_what_the_models_give(chain: Chain, model: str) -> None:
    with chain.connection.transaction(force_rollback=True):
        chain.write([SHARED])
        chain.connection.execute(
            "update build.fct_touches set touched_at = touched_at - case channel when 'vk' then interval '12 days'"
            " when 'direct' then interval '6 days' else interval '0' end"
        )
        chain.connection.execute("update build.int_conversions set first_booked_at = converted_at")
        days = "select array_agg(days_before::integer order by days_before desc) from reports.attribution_touches"
        assert chain.ask(days) == [([14, 7, 0],)]
        found = dict(
            chain.ask(f"select channel, credit from marts.fct_attribution_credits where model = '{model}'")
        )
    wanted = {name: share for name, share in numbers(line(model, "Example")).items() if share}
    assert agrees(found, wanted), (found, wanted)


@pytest.mark.parametrize("model", MARKOV)
def test_the_example_of_a_chain_is_what_the_models_give(chain: Chain, model: str) -> None:
    path, _, shares = line(model, "Example").partition(" gives ")
    with chain.connection.transaction(force_rollback=True):
        chain.write(journeys(model))
        effects = dict(
            chain.ask(
                "select player::jsonb ->> 0, removal_effect from build.int_conversion_effects"
                f" where model = '{model}' and conversion = 'booking' and level = 'channel'"
            )
        )
    assert agrees(effects, numbers(line(model, "Effects"))), effects
    among = {name: effects[name] for name in path.split()}
    found = {name: effect / sum(among.values()) for name, effect in among.items()}
    assert agrees(found, numbers(shares)), found


@pytest.mark.parametrize("model", ("markov_2", "markov_3"))
def test_the_report_shares_the_example_by_the_effects(chain: Chain, model: str) -> None:
    wanted = numbers(line(model, "Example").partition(" gives ")[2])
    assert agrees(chain.shares(model, journeys(model)), wanted)


def test_the_example_of_shapley_is_what_the_report_gives(chain: Chain) -> None:
    assert agrees(chain.shares("shapley", journeys("shapley")), numbers(line("shapley", "Example")))


@pytest.mark.parametrize("sign", (1, -1))
def test_kopecks_left_over_go_to_the_largest_remainders(chain: Chain, sign: int) -> None:
    """40/20/40 of two kopecks is 0.8, 0.4 and 0.8: the ends get one each, of a refund too."""
    with chain.connection.transaction(force_rollback=True):
        chain.write([Journey(("vk", "maps", "social"), amount=sign * Decimal("0.02"))])
        found = chain.ask(
            "select channel, amount from marts.fct_attribution_credits where model = 'position_based'"
            " order by touch_number"
        )
    assert found == [("vk", sign * Decimal("0.01")), ("maps", 0), ("social", sign * Decimal("0.01"))]


def test_direct_gives_way_to_an_earlier_touch_under_one_model_only(chain: Chain) -> None:
    with chain.connection.transaction(force_rollback=True):
        chain.write([Journey(("vk", "direct"))])
        found = chain.ask(
            "select model, channel from marts.fct_attribution_credits where model in ('last_touch', 'last_non_direct')"
            " order by model"
        )
    assert found == [("last_non_direct", "vk"), ("last_touch", "direct")]
