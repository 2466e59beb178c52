"""Who is who and what brought them, on the invented city loaded from import files."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
import pytest

from simulators.world.model import World
from tests.city import City, city_world
from tests.e2e.identity_truth import agreement, known_persons, truth_of
from tests.templates import copied

CONVERSIONS = ("booking", "first_visit", "deal", "payment")
COLUMNS = """
    model, conversion_key, conversion, person_key, clinic_id, converted_at, converted_date, touch_key, touch_number,
    channel, source, campaign, credit, conversions, amount
"""
ALL_CREDITS = f"""(
    select {COLUMNS} from marts.fct_attribution_credits
    union all
    select {COLUMNS} from marts.fct_attribution_markov_credits
) as credits"""
# a session, a visit that was direct, a call of unknown source that is the inquiry and the booking: docs/attribution.md
EXAMPLE = "(values (1, 14), (2, 7), (3, 0)) as touch (number, days)"


@pytest.fixture(scope="module")
def world() -> World:
    return city_world()


@pytest.fixture(scope="module")
def city(pg_server_url: str, city_template: City) -> Iterator[str]:
    """A copy of its own: employees are added to it."""
    with copied(city_template.url, pg_server_url) as url:
        yield url


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


@pytest.mark.parametrize(
    ("model", "weights"),
    [
        ("first_touch", "1 0 0"),
        ("last_touch", "0 0 1"),
        ("last_non_direct", "1 0 0"),
        ("linear", "1 1 1"),
        ("position_based", "0.4 0.2 0.4"),
        ("time_decay", "0.25 0.5 1"),
        ("w_shaped", "0.3 0.1 0.6"),
    ],
)
def test_the_formulas_that_reports_and_marts_share(city: str, model: str, weights: str) -> None:
    query = f"select reports.touch_weight('{model}', number, 3, 1, 3, 3, days) from {EXAMPLE} order by number"
    found = rows(city, query)
    assert [weight for (weight,) in found] == [Decimal(weight) for weight in weights.split()]


def test_w_shaped_gives_thirty_to_each_part_and_ten_to_the_rest(city: str) -> None:
    """Five touches: the first, then the inquiry, then one that plays no part, then the booking, then another."""
    query = "select reports.touch_weight('w_shaped', n, 5, 5, 2, 4, 0) from generate_series(1, 5) as n order by n"
    assert [weight for (weight,) in rows(city, query)] == [Decimal(x) for x in ("0.3", "0.3", "0.05", "0.3", "0.05")]


def test_credits_of_every_conversion_and_model_sum_to_one_and_its_money_to_the_kopeck(city: str) -> None:
    ((conversions, pairs, wrong, money),) = rows(
        city,
        f"""
        select
            (select count(*) from reports.attribution_conversions),
            count(*),
            count(*) filter (where summed.credit <> 1),
            count(*) filter (where summed.amount <> round(won.amount, 2))
        from (
            select model, conversion_key, sum(credit) as credit, sum(amount) as amount
            from {ALL_CREDITS} group by model, conversion_key
        ) as summed
        inner join reports.attribution_conversions as won using (conversion_key)
        """,
    )
    assert conversions > 1000
    assert (pairs, wrong, money) == (9 * conversions, 0, 0)


@pytest.mark.parametrize("conversion", CONVERSIONS)
def test_the_credits_say_what_the_report_says(city: str, conversion: str) -> None:
    """Every model, by campaign, for the default lookback."""
    differing = rows(
        city,
        f"""
        select model, channel, source, campaign, marts.conversions, told.conversions
        from (
            select model, channel, source, coalesce(campaign, '-') as campaign, sum(conversions) as conversions
            from {ALL_CREDITS} where conversion = '{conversion}' group by 1, 2, 3, 4
        ) as marts
        full join (
            select model, channel, source, coalesce(campaign, '-') as campaign, conversions
            from reports.attribution(date '2000-01-01', date '2100-01-01', '{conversion}')
            where conversions <> 0
        ) as told using (model, channel, source, campaign)
        where abs(coalesce(marts.conversions, 0) - coalesce(told.conversions, 0)) > 0.000001
        """,
    )
    assert not differing


def test_chains_of_order_two_and_three_stand_beside_the_others_by_channel(city: str) -> None:
    query = "from reports.attribution(date '2000-01-01', date '2100-01-01', 'booking', level => '{}')"
    totals = "select model, round(sum(conversions)), sum(revenue) " + query.format("channel") + " group by 1"
    by_channel = rows(city, totals)
    assert {"markov", "markov_2", "markov_3"} < {row[0] for row in by_channel}
    assert len(by_channel) == 11
    assert len({row[1:] for row in by_channel}) == 1, "every model shows the same totals"
    assert len(rows(city, "select distinct model " + query.format("campaign"))) == 9


@contextmanager
def reader(city: str, grant: str) -> Iterator[str]:
    """The URL of an employee with this right alone; `grant`: what follows the role in `access.allow`."""
    role = f"t{uuid.uuid4().hex[:8]}_marketer"
    with psycopg.connect(city, autocommit=True) as owner:
        owner.execute("select access.add_employee(%s, 'Invented', null, null)", (role,))
        try:
            owner.execute(f"select access.allow(%s, {grant})".encode(), (role,))
            (password,) = owner.execute("select access.login_password(%s)", (role,)).fetchone() or ("",)
            server = urlsplit(city).netloc.rpartition("@")[2]
            yield urlsplit(city)._replace(netloc=f"{quote(role)}:{quote(password)}@{server}").geturl()
        finally:
            owner.execute("select access.remove_employee(%s)", (role,))


def test_a_reader_with_the_right_gets_the_owners_figures(city: str) -> None:
    """The shared formulas are functions of their own: whoever may read a report may call them, and sees no more."""
    period = "date '2000-01-01', date '2100-01-01'"
    query = f"select count(*), sum(conversions) from reports.attribution({period}, 'booking')"
    with reader(city, "'attribution'") as login:
        assert rows(login, query) == rows(city, query)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            rows(login, "select * from marts.fct_attribution_credits")


def test_who_sees_one_clinic_reads_its_markov_credits_and_no_other_clinics_campaigns(city: str) -> None:
    """Effects are of the network: each figure is the director's, though most rows behind the effects are hidden."""
    ((clinic, *_),) = rows(city, "select clinic_id from marts.fct_attribution_credits group by 1 order by 1 limit 1")
    credits = f"select {COLUMNS} from marts.fct_attribution_markov_credits where clinic_id = '{clinic}' order by 2, 9"
    report = (
        "select model, channel, source, campaign, conversions, revenue"
        f" from reports.attribution(date '2000-01-01', date '2100-01-01', 'booking', clinic => '{clinic}')"
    )
    named = "select distinct conversion, channel, source, campaign from {}"
    with reader(city, f"'marts', array['{clinic}']") as login:
        assert rows(login, credits) == rows(city, credits)
        assert len(rows(login, "select from marts.fct_attribution_markov_credits")) == len(rows(city, credits)) > 100
        players = rows(login, named.format("marts.dim_attribution_players"))
        touched = rows(login, named.format("marts.fct_attribution_credits where touch_key is not null"))
        assert set(touched) <= set(players)
        assert set(players) < set(rows(city, named.format("marts.dim_attribution_players")))
    with reader(city, f"'attribution', array['{clinic}']") as login:
        assert rows(login, report) == rows(city, report)
        everybodys = "select distinct player from reports.attribution_players"
        assert set(rows(login, everybodys)) < set(rows(city, everybodys))


def test_who_sees_one_clinic_sees_no_sessions(city: str) -> None:
    """A site serves the network: like the network's spend, sessions are in no single clinic's figures (RULES 12.18)."""
    ((clinic,),) = rows(city, "select min(clinic_id) from marts.dim_clinics")
    touches = "select count(*) from marts.fct_touches where touch_kind = 'session'"
    counted = f"select (select count(*) from marts.fct_sessions), ({touches})"
    with reader(city, f"'marts', array['{clinic}']") as login:
        assert rows(login, counted) == [(0, 0)]
    with reader(city, "'marts'") as login:
        assert rows(login, counted) == rows(city, counted)
        assert rows(login, counted)[0][0] > 100


def test_markov_credits_of_a_day_ask_for_its_paths_only(city: str) -> None:
    ((plan,),) = rows(
        city,
        "explain (format json) select sum(credit) from marts.fct_attribution_markov_credits"
        " where conversion = 'booking' and converted_date = date '2026-08-20'",
    )

    def scans(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
        yield node
        for below in node.get("Plans", ()):
            yield from scans(below)

    (scan,) = (node for node in scans(plan[0]["Plan"]) if node.get("Relation Name") == "fct_attribution_touches")
    asked = f"{scan.get('Filter', '')} {scan.get('Recheck Cond', '')} {scan.get('Index Cond', '')}"
    assert "2026-08-20" in asked and "booking" in asked


def test_markov_credits_of_a_past_publication_are_divided_by_its_own_effects(city: str) -> None:
    """After a publication with other effects, the first one's credits are what they were."""
    query = f"select {COLUMNS} from {{}}.fct_attribution_markov_credits order by 2, 9"
    with psycopg.connect(city) as connection:
        now = connection.execute(query.format("marts").encode()).fetchall()
        ((number,),) = connection.execute("select max(publication_id) from history.publications").fetchall()
        # as a publication moves them: what was goes to history
        connection.execute(
            "with gone as (delete from marts.fct_attribution_effects returning *)"
            " insert into history.fct_attribution_effects"
            " (effect_key, conversion, removal_effect, published_in, replaced_in)"
            f" select effect_key, conversion, removal_effect, published_in, {number + 1} from gone".encode()
        )
        connection.execute(
            "insert into marts.fct_attribution_effects (effect_key, conversion, removal_effect, published_in)"
            f" select effect_key, conversion, random(), {number + 1} from history.fct_attribution_effects".encode()
        )
        assert connection.execute(query.format("marts").encode()).fetchall() != now
        connection.execute(f"set local chairside.as_of = '{number}'".encode())
        assert connection.execute(query.format("as_of").encode()).fetchall() == now
        connection.rollback()


def test_a_row_with_few_conversions_shows_what_chance_alone_could_do(city: str) -> None:
    published = {(1, 10): (0.0025286, 0.4450161), (0, 10): (0, 0.3084971), (10, 10): (0.6915029, 1)}
    published[5, 50] = (0.0332751, 0.2181354)
    published[2000, 60000] = (0.0319113, 0.0348007)  # far from it a share is too small for a double
    for (hits, trials), bounds in published.items():
        (found,) = rows(city, f"select low::float, high::float from reports.binomial_interval({hits}, {trials})")
        assert found == pytest.approx(bounds, abs=1e-7)
    assert not rows(city, "select * from reports.binomial_interval(0, 0)")
    (counted,) = rows(
        city,
        """
        select
            count(*) filter (
                where has_few_conversions and not conversions between conversions_low - 0.1 and conversions_high + 0.1
            ),
            count(*) filter (where has_few_conversions and conversions_low is null),
            count(*) filter (where not has_few_conversions and conversions_low is not null),
            count(*) filter (where models_differ_by < 0),
            count(*) filter (where models_differ_by > 0) > 0
        from reports.attribution(date '2000-01-01', date '2100-01-01', 'booking', level => 'channel')
        """,
    )
    assert counted == (0, 0, 0, 0, True)


def test_every_credit_belongs_to_a_touch_of_the_person(city: str) -> None:
    (counted,) = rows(
        city,
        f"""
        select
            count(*) filter (where credits.touch_key is not null and touches.touch_key is null),
            count(*) filter (where touches.person_key <> credits.person_key),
            count(*) filter (where touches.touched_at > credits.converted_at),
            count(*) filter (where credits.touch_key is null and credits.channel <> 'unknown'),
            (select count(*) from marts.fct_touches where touch_kind = 'session')
            = (select count(*) from marts.fct_sessions)
        from {ALL_CREDITS}
        left join marts.fct_touches as touches on credits.touch_key = touches.touch_key
        """,
    )
    assert counted == (0, 0, 0, 0, True)


def test_the_warehouse_knows_who_is_who(city: str, world: World) -> None:
    """Over pairs of records, with families, shared phones, merged cards, two numbers and wrong numbers on cards."""
    known = known_persons(city)
    told = agreement(truth_of(world, told=True), known)
    story = agreement(truth_of(world, told=False), known)
    for name, found in (("what was told", told), ("the whole story", story)):
        figures = f"precision {found.precision:.4f}, recall {found.recall:.4f}, {found.true} true pairs"
        print(f"identity against {name}: {figures}")
    assert told.true > 1_500
    assert told.precision >= 0.999, told.wrong_pairs[:5]
    assert told.recall >= 0.98, told.missed_pairs[:5]
    # what nobody said: one call in ten about two children names neither, some write without phone, e-mail and browser
    assert story.precision >= 0.999, story.wrong_pairs[:5]
    assert story.recall >= 0.98, story.missed_pairs[:5]


def test_the_measure_of_identity_notices_persons_run_together_and_torn_apart(city: str, world: World) -> None:
    truth, known = truth_of(world, told=True), known_persons(city)
    together = {record: frozenset({min(persons)[:12]}) for record, persons in known.items()}
    apart = {record: frozenset({record[1]}) for record in known}
    assert agreement(truth, together).precision < 0.99
    assert agreement(truth, apart).recall < 0.5
