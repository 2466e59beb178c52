"""Data sets that others published load by their example mapping, and the marts say what their sources say.

The data is not part of this project. It is looked for in `CHAIRSIDE_SHARED`, else in `shared` beside the checkout.
"""

from __future__ import annotations

import csv
import os
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import psycopg
import pytest

from tests.e2e.comparing import MOMENT
from tests.templates import Template, copied
from warehouse.pipeline import build_and_publish, load_files, run_all

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("CHAIRSIDE_SHARED") or ROOT.parent / "shared") / "data"

CASES = {
    "clinic_appointments": (
        "select count(*), count(*) filter (where status = 'no_show') from marts.fct_appointments",
        (39_596, 8_139),
    ),
    "crm_deals": (
        "select count(*), count(*) filter (where stage_kind = 'won'),"
        " round(sum(amount) filter (where stage_kind = 'won'), 2) from marts.fct_deals",
        (8_800, 4_238, Decimal("10005534.00")),
    ),
    "facebook_ads": (
        "select round(sum(spend), 2), sum(clicks)::bigint from marts.fct_ad_spend",
        (Decimal("58705.23"), 38_165),
    ),
    "retail_sales": (
        "select count(*), round(sum(amount), 2),"
        " round(sum(amount) filter (where extract(year from sold_date) = 2015), 2),"
        " round(sum(amount) filter (where extract(year from sold_date) = 2016), 2),"
        " round(sum(amount) filter (where extract(year from sold_date) = 2017), 2),"
        " round(sum(amount) filter (where extract(year from sold_date) = 2018), 2) from marts.fct_sales",
        (9_994, *map(Decimal, ("2297200.86", "484247.50", "470532.51", "609205.60", "733215.26"))),
    ),
}

# What the reports say beyond that: all rows of each query.
REPORTS: dict[str, dict[str, list[tuple[object, ...]]]] = {
    "crm_deals": {
        """
        select sum(summary.won), sum(summary.revenue)
        from generate_series(date '2017-01-01', date '2017-10-01', interval '3 months') as quarter
        cross join lateral reports.deal_summary(
            quarter::date, (quarter + interval '3 months - 1 day')::date
        ) as summary
        group by quarter order by quarter
        """: [(531, 1_134_672), (1_254, 3_086_111), (1_257, 2_982_255), (1_196, 2_802_496)],
        "select round(avg(days_to_close), 2) from reports.deal_journal where stage_kind = 'won'": [(Decimal("51.78"),)],
        "select sum(won), sum(revenue) from reports.traffic_influence(date '2016-01-01', date '2017-12-31')": [
            (4_238, 10_005_534)
        ],
        # no history of stages and no amounts: open deals stand at the share of all, 4 238 won of 6 711 closed
        "select sum(deals), sum(deals_without_amount), min(won_percent), max(share_of) from reports.open_pipeline()": [
            (2_089, 2_089, Decimal("63.15"), "pipeline")
        ],
    },
    "retail_sales": {
        # few buy after New Year and in October, and summer lies below spring and autumn, in each of the four years
        "select season, times_seen from reports.service_dips() where item_type is null order by next_expected_on": [
            ("January-February", 4), ("06-25..08-19", 4), ("October", 4)
        ],
        "select count(distinct item_type) from reports.service_dips()"
        " where season in ('January-February', 'January-March') and times_seen >= 3": [(12,)],
    },
}


pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the published data sets are not beside this checkout")


def mapping_of(name: str) -> Path:
    return ROOT / "docs" / "examples" / f"{name}.mapping.yml"


@pytest.fixture(scope="module")
def together(
    pg_server_url: str, migrated_template: Template, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The deals of one data set and the sales of another share a build, each with a clinic of its own."""
    with copied(migrated_template.url, pg_server_url) as url:
        for name in REPORTS:
            files = load_files(url, DATA / name, mapping_of(name), run_id=name, now=MOMENT, say=_silent)
            assert files.ok, name
        build_and_publish(url, run_id="together", now=MOMENT, folder=tmp_path_factory.mktemp("dbt"), say=_silent)
        yield url


def _silent(_text: str) -> None:
    pass


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CASES if name not in REPORTS])
def test_the_marts_say_what_the_source_alone_says(name: str, fresh_database: str, tmp_path: Path) -> None:
    outcome = run_all(
        fresh_database, DATA / name, mapping_of(name), run_id=name, now=MOMENT, folder=tmp_path, say=_silent
    )
    assert outcome.complete
    query, totals = CASES[name]
    with psycopg.connect(fresh_database) as connection:
        assert connection.execute(query.encode()).fetchone() == totals


@pytest.mark.parametrize("name", REPORTS)
def test_the_marts_say_what_the_source_says(name: str, together: str) -> None:
    query, totals = CASES[name]
    with psycopg.connect(together) as connection:
        assert connection.execute(query.encode()).fetchone() == totals
        for more, wanted in REPORTS[name].items():
            assert connection.execute(more.encode()).fetchall() == wanted
        if name == "retail_sales":
            months = connection.execute(
                "select period, sales, quantity, amount, buyers, previous_amount, last_year_amount"
                " from reports.service_sales(date '2015-01-01', date '2018-12-31', level => 'total')"
            ).fetchall()
            assert months == months_of_the_shop()


def months_of_the_shop() -> list[tuple[object, ...]]:
    """The 48 months of the file: lines, quantity, amount, buyers; amounts of the month before and of a year before."""
    amounts: dict[date, Decimal] = defaultdict(Decimal)
    lines: dict[date, list[dict[str, str]]] = defaultdict(list)
    with (DATA / "retail_sales" / "superstore.csv").open(encoding="utf-8-sig") as opened:
        for line in csv.DictReader(opened):
            month = datetime.strptime(line["Order Date"], "%m/%d/%Y").date().replace(day=1)  # noqa: DTZ007 - a day
            lines[month].append(line)
            amounts[month] += Decimal(line["Sales"])

    def amount(year: int, month: int) -> Decimal | None:
        return amounts[date(year, month, 1)].quantize(Decimal("0.01"), ROUND_HALF_UP) if year > 2014 else None

    found: list[tuple[object, ...]] = []
    for month in sorted(lines):
        before = (month.year, month.month - 1) if month.month > 1 else (month.year - 1, 12)
        quantity = sum(Decimal(line["Quantity"]) for line in lines[month])
        buyers = len({line["Customer Name"] for line in lines[month]})
        own = amount(month.year, month.month)
        last_year = amount(month.year - 1, month.month)
        found.append((month, len(lines[month]), quantity, own, buyers, amount(*before), last_year))
    assert len(found) == 48
    return found


def test_attribution_says_what_the_published_method_says(fresh_database: str, tmp_path: Path) -> None:
    """First, last, linear and 40/20/40 touch of a published example, by campaign, in conversions and in money."""
    folder = DATA / "attribution_playbook"
    run_all(
        fresh_database, folder, mapping_of("attribution_playbook"), run_id="playbook", now=MOMENT,
        folder=tmp_path, say=_silent,
    )  # fmt: skip
    models = {"ft": "first_touch", "lt": "last_touch", "u": "position_based", "lin": "linear"}
    with psycopg.connect(fresh_database) as connection:
        rows = connection.execute(
            "select model, source, campaign, conversions, revenue, spend"
            " from reports.attribution(date '2020-01-01', date '2020-12-31', 'payment', 365)"
        ).fetchall()
        credits = connection.execute(
            "select credits.model, touches.record_id, credits.converted_at, credits.credit, credits.amount"
            " from marts.fct_attribution_credits as credits"
            " inner join marts.fct_touches as touches on credits.touch_key = touches.touch_key"
            " where credits.conversion = 'payment'"
        ).fetchall()
    touch_by_touch = {row[:3]: row[3:] for row in credits}
    with (folder / "expected" / "attribution_touches.csv").open(encoding="utf-8") as opened:
        published = list(csv.DictReader(opened))
    names = {"first_touch": "first_touch", "last_touch": "last_touch", "forty_twenty_forty": "position_based"}
    for row in published:
        for name, model in {**names, "linear": "linear"}.items():
            at = datetime.fromisoformat(row["converted_at"]).replace(tzinfo=UTC)
            touch = touch_by_touch.get((model, row["session_id"], at), (Decimal(0), Decimal(0)))
            for part, margin, ours in zip(("points", "revenue"), ("0.000001", "0.011"), touch, strict=True):
                theirs = Decimal(row[f"{name}_{part}"])
                assert abs(ours - theirs) < Decimal(margin), (model, part, row["session_id"])
    found = {row[:3]: row[3:] for row in rows}
    with (folder / "expected" / "by_campaign.csv").open(encoding="utf-8") as opened:
        expected = list(csv.DictReader(opened))
    assert len(expected) == 6
    for row in expected:
        for short, model in models.items():
            nothing = (Decimal(0), Decimal(0), Decimal(0))
            key = (model, row["utm_source"], row["utm_campaign"] or None)
            credit, revenue, spend = found.get(key, nothing)
            assert abs(credit - Decimal(row[short])) < Decimal("0.00001"), (row["utm_source"], model)
            # the published money is a float; ours is whole cents per conversion, so up to a cent of each may differ
            assert abs(revenue - Decimal(row[f"{short}_rev"])) < Decimal("0.12"), (row["utm_source"], model)
            assert spend == Decimal(row["spend"] or 0)
    for model in {model for model, _source, _campaign in found}:
        assert sum(revenue for (its, _s, _c), (_credit, revenue, _spend) in found.items() if its == model) == 275
