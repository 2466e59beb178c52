"""Clinics whose sales are those of last time are not looked at again, and the rows are those of looking at all."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from tests.warehouse.small_warehouse import Warehouse
from warehouse.forecast.known import TABLES, Outlooks
from warehouse.forecast.outlook import outlook
from warehouse.forecast.sales import Written, fill

FIRST, TODAY = date(2023, 1, 1), date(2026, 6, 15)
# As dbt leaves them, and three clinics: A and B sell less in August, C began late.
SOLD = """
create schema if not exists build;
create table build.service_dips_series (
    series_key text, clinic_id text, item_type text, status text, first_day date, last_day date,
    clients_a_week numeric, dips integer
);
create table build.service_dips_found (
    dip_key text, clinic_id text, item_type text, season text, measured_by text, times_seen integer,
    times_possible integer, depth_percent numeric, clients_lost numeric, amount_lost numeric, currency text,
    next_expected_on date, next_expected_to date, growth numeric, confidence_percent numeric
);
create table build.lead_plan_dips (
    dip_key text, clinic_id text, item_type text, season text, expected_from date, expected_to date,
    clients_at_risk numeric, amount_at_risk numeric, currency text
);
create table build.lead_plan_months (
    month_key text, clinic_id text, item_type text, month date, clients_expected numeric,
    clients_year_before numeric, amount_expected numeric, amount_year_before numeric, currency text
);
create table build.fct_sales (
    sale_id text, clinic_id text, item_type text, sold_date date, person_key text, amount numeric, currency text
);
insert into build.fct_sales
select
    'S' || row_number() over (), clinic.clinic_id, item.item_type, day::date,
    'P' || hashtext(day::text || nth || item.item_type) % 400, 1000 + nth * 10, 'RUB'
from (values ('A', date '2023-01-01'), ('B', date '2023-01-01'), ('C', date '2025-03-01')) as clinic (clinic_id, since)
cross join (values ('therapy', 6), ('hygiene', 3)) as item (item_type, a_day)
cross join generate_series(clinic.since, date '2026-06-20', interval '1 day') as day
cross join lateral generate_series(
    1, item.a_day * (case when extract(month from day) = 8 then 0.5 else 1 end)::numeric
) as nth
"""


@pytest.fixture
def sold(warehouse: Warehouse) -> Warehouse:
    for statement in SOLD.split(";"):
        warehouse.run(statement)
    return warehouse


def told(sold: Warehouse) -> dict[str, list[Any]]:
    return {table: sold.run(f"select t::text from build.{table} as t order by 1") for table in TABLES}


def looked_at_all(sold: Warehouse, today: date) -> dict[str, list[Any]]:
    sold.run("truncate build.forecast_clinics")
    fill(sold.url, today)
    return told(sold)


def test_only_clinics_whose_sales_changed_are_looked_at(sold: Warehouse) -> None:
    assert fill(sold.url, TODAY) == Written(series=9, dips=6, months=9 * 12 - 36, clinics=3)
    first = told(sold)
    assert fill(sold.url, TODAY).clinics == 0
    assert told(sold) == first
    sold.run("update build.fct_sales set amount = amount + 1 where clinic_id = 'B' and sold_date = '2024-02-02'")
    assert fill(sold.url, TODAY).clinics == 1
    # the next day shows what was sold on this one
    assert fill(sold.url, TODAY + timedelta(days=1)).clinics == 3


def test_rows_of_many_changes_are_those_of_looking_at_all(sold: Warehouse) -> None:
    chance = random.Random(20261122)  # noqa: S311 - a test's dice
    fill(sold.url, TODAY)
    today = TODAY
    changes = (
        "update build.fct_sales set amount = amount * 3 where clinic_id = 'A' and {day}",
        # whose sales they are: days count as many clients as before, whole months and seasons do not
        "update build.fct_sales set person_key = 'P1' where clinic_id = 'B' and extract(month from sold_date) = 8"
        " and sale_id in (select min(sale_id) from build.fct_sales where clinic_id = 'B' group by sold_date)",
        "update build.fct_sales set sold_date = sold_date + 40 where clinic_id = 'A' and {day}",
        "delete from build.fct_sales where clinic_id = 'C'",
        "update build.fct_sales set item_type = 'surgery' where clinic_id = 'B' and item_type = 'hygiene'",
        "delete from build.fct_sales where clinic_id = 'A' and item_type = 'hygiene'",
        "update build.fct_sales set currency = 'KZT' where clinic_id = 'B'",
        "tomorrow",
    )
    for change in chance.sample(changes, len(changes)):
        if change == "tomorrow":
            today += timedelta(days=1)
        else:
            day = f"sold_date between '{FIRST + timedelta(days=chance.randrange(1200))}' and '2026-06-10'"
            sold.run(change.format(day=day))
        fill(sold.url, today)
        step = told(sold)
        assert step == looked_at_all(sold, today), change


def test_an_outlook_is_computed_once_for_the_same_months_and_is_the_same() -> None:
    months = 100 + 10 * np.sin(np.arange(36)) + np.arange(36) / 3
    computed: list[int] = []

    def counted(values: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.float64]]:
        computed.append(len(values))
        return outlook(values)

    first = Outlooks({}, counted)
    assert (first(months) == outlook(months)).all()
    assert (first(months) == outlook(months)).all()
    later = Outlooks(first.used, counted)
    assert (later(months) == outlook(months)).all()
    assert computed == [36]
    assert len(later(months[:12])) == 0
    assert computed == [36, 12]
