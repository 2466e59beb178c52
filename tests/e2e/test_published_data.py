"""Data sets that others published load by their example mapping, and the marts say what their sources say.

The data is not part of this project. It is looked for in `CHAIRSIDE_SHARED`, else in `shared` beside the checkout.
"""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from tests.e2e.comparing import MOMENT
from warehouse.pipeline import run_all

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


@pytest.mark.skipif(not DATA.is_dir(), reason="the published data sets are not beside this checkout")
@pytest.mark.parametrize("name", CASES)
def test_the_marts_say_what_the_source_says(name: str, fresh_database: str, tmp_path: Path) -> None:
    query, totals = CASES[name]
    mapping = ROOT / "docs" / "examples" / f"{name}.mapping.yml"
    outcome = run_all(
        fresh_database, DATA / name, mapping, run_id=name, now=MOMENT, folder=tmp_path, say=lambda _text: None
    )
    assert outcome.complete
    with psycopg.connect(fresh_database) as connection:
        assert connection.execute(query.encode()).fetchone() == totals
