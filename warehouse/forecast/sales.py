"""Seasons and outlook of every series of sales, from the built marts into the tables that dbt left empty for them.

A series is an item type of a clinic, and all types of a clinic together where it has several. Clinics whose sales are
those of last time are not looked at again (warehouse/forecast/known.py). The tables are emptied and filled in one
transaction; the same marts give the same rows, whatever the hour.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from itertools import groupby
from typing import Any

import numpy as np
import psycopg

from warehouse.forecast import known
from warehouse.forecast.dips import LEAST_WEEKS, FoundDip, find
from warehouse.forecast.figures import Occurrence, kept, next_occurrence, occurrences, season_name, shortfall
from warehouse.forecast.series import Connection, Series, next_month, read, whole_months
from warehouse.forecast.weeks import Floats, WeekSeries, series_of

Row = dict[str, Any]
# Of a series of whole months: the months that follow.
Outlook = Callable[[Floats], Floats]

# A series this thin tells nothing a week; one that has not been sold for half a year is over.
LEAST_CLIENTS_A_WEEK = 2.0
OVER_AFTER_DAYS = 182
# "Well below": a smaller dip is not told, however certain.
LEAST_DEPTH = 0.05

PERSONS = """
    select coalesce(sum(persons), 0)
    from unnest(%(starts)s::date[], %(ends)s::date[]) as one (date_from, date_to)
    cross join lateral (
        select count(distinct coalesce(person_key, sale_id)) as persons
        from build.fct_sales
        where clinic_id = %(clinic_id)s and sold_date between one.date_from and one.date_to and amount is not null
            and (%(item_type)s::text is null or coalesce(item_type, 'unknown') = %(item_type)s)
    ) as counted
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """How many rows went where, and of how many clinics the sales had changed."""

    series: int
    dips: int
    months: int
    clinics: int

    def summary(self) -> str:
        return (
            f"{self.series} series looked at, {self.dips} recurring dips, {self.months} months ahead;"
            f" sales of {self.clinics} clinics changed"
        )


def fill(url: str, today: date) -> Written:
    """Compute and write everything from sales before `today`. The tables must have been built by dbt."""
    with psycopg.connect(url) as connection:
        changed = known.changed(connection, today)
        for clinic_id, of_clinic in groupby(
            read(connection, today, sorted(changed)), key=lambda series: series.clinic_id
        ):
            ahead = known.outlooks_of(connection, clinic_id)
            told = tell(connection, list(of_clinic), ahead)
            known.keep(connection, clinic_id, changed[clinic_id], told, ahead)
        rows = known.write(connection)
    return Written(
        series=rows["service_dips_series"], dips=rows["service_dips_found"], months=rows["lead_plan_months"],
        clinics=len(changed),
    )  # fmt: skip


def tell(connection: Connection, of_clinic: Sequence[Series], ahead: Outlook) -> known.Told:
    """All rows of a clinic, by table."""
    looked_at: list[Row] = []
    dips: list[Row] = []
    months: list[Row] = []
    for series in of_clinic:
        status, found = judge(series)
        rows = [dip_row(connection, series, dip, measure, ahead) for dip, measure in found]
        rows = [row for row in rows if row["depth_percent"] >= 100 * LEAST_DEPTH]
        looked_at.append(series_row(series, status, len(rows)))
        dips += rows
        months += months_ahead(series, ahead)
    return {
        "service_dips_series": looked_at,
        "service_dips_found": dips,
        "lead_plan_dips": [risk_row(dip) for dip in dips],
        "lead_plan_months": months,
    }


def judge(series: Series) -> tuple[str, list[tuple[FoundDip, str]]]:
    """Whether a series could be looked at, and its dips with what shows them: `clients` or `amount`."""
    known = (series.first_day, series.last_day)
    clients, amounts = series_of(series.clients, *known), series_of(series.amounts, *known)
    if (series.last_day - series.last_sale).days > OVER_AFTER_DAYS:
        return "no_longer_sold", []
    if len(clients.values) < LEAST_WEEKS:
        return "less_than_two_years", []
    if clients.values.mean() < LEAST_CLIENTS_A_WEEK and np.count_nonzero(amounts.values) < len(amounts.values) / 2:
        return "too_few_sales", []
    return "looked_at", dips_of(clients, amounts)


def dips_of(clients: WeekSeries, amounts: WeekSeries) -> list[tuple[FoundDip, str]]:
    """Dips of clients, and those that only the amount shows."""
    by_clients = find(clients)
    by_amount = kept(by_clients, find(amounts))
    return [(dip, "clients") for dip in by_clients] + [(dip, "amount") for dip in by_amount]


def dip_row(connection: Connection, series: Series, dip: FoundDip, measure: str, ahead: Outlook) -> Row:
    """A dip with what it cost on average each time."""
    happened = occurrences(dip.window, series.first_day, series.last_day)
    by_clients = shortfall(series.clients, happened)
    by_amount = shortfall(series.amounts, happened)
    depth = (by_clients if measure == "clients" else by_amount).share
    times = max(len(happened), 1)
    persons = _persons(connection, series, happened)
    # Days count a client who came on two of them twice; persons do not. What was missing is in persons.
    missing = persons * by_clients.share / (1 - by_clients.share) if by_clients.actual > 0 else by_clients.expected
    coming = next_occurrence(dip.window, series.last_day)
    name = season_name(dip.window)
    return {
        "dip_key": hashlib.md5(f"{series.key} {name}".encode(), usedforsecurity=False).hexdigest(),
        "clinic_id": series.clinic_id,
        "item_type": series.item_type,
        "season": name,
        "measured_by": measure,
        "times_seen": dip.times_seen,
        "times_possible": dip.times_possible,
        "depth_percent": _rounded(100 * depth),
        "clients_lost": _rounded(missing / times),
        "amount_lost": _rounded(max(by_amount.expected - by_amount.actual, 0.0) / times),
        "currency": series.currency,
        "next_expected_on": coming.date_from,
        "next_expected_to": coming.date_to,
        "growth": _rounded(growth(series, ahead), 4),
        "confidence_percent": _rounded(min(100 * (1 - dip.chance), 99.99)),
    }


def risk_row(dip: Row) -> Row:
    """The next occurrence of a dip as the lead plan reads it."""
    return {
        "dip_key": dip["dip_key"],
        "clinic_id": dip["clinic_id"],
        "item_type": dip["item_type"],
        "season": dip["season"],
        "expected_from": dip["next_expected_on"],
        "expected_to": dip["next_expected_to"],
        "clients_at_risk": dip["clients_lost"] * dip["growth"],
        "amount_at_risk": dip["amount_lost"] * dip["growth"],
        "currency": dip["currency"],
    }


def _persons(connection: Connection, series: Series, happened: Sequence[Occurrence]) -> float:
    row = connection.execute(
        PERSONS,
        {
            "starts": [one.date_from for one in happened],
            "ends": [one.date_to for one in happened],
            "clinic_id": series.clinic_id,
            "item_type": series.item_type,
        },
    ).fetchone()
    return float(row[0]) if row else 0.0


def months_ahead(series: Series, ahead: Outlook) -> list[Row]:
    """The next twelve months, clients and amount; none where the outlook has too little to go by."""
    months = whole_months(series)
    if not months or (series.last_day - series.last_sale).days > OVER_AFTER_DAYS:
        return []
    clients = ahead(np.array([series.months.get(month, (0.0, 0.0))[0] for month in months]))
    amounts = ahead(np.array([max(series.months.get(month, (0.0, 0.0))[1], 0.0) for month in months]))
    rows = []
    month = months[-1]
    for expected, amount in zip(clients, amounts, strict=False):
        month = next_month(month)
        year_before = series.months.get(date(month.year - 1, month.month, 1), (0.0, 0.0))
        rows.append(
            {
                "month_key": hashlib.md5(f"{series.key} {month}".encode(), usedforsecurity=False).hexdigest(),
                "clinic_id": series.clinic_id,
                "item_type": series.item_type,
                "month": month,
                "clients_expected": _rounded(float(expected)),
                "clients_year_before": _rounded(year_before[0]),
                "amount_expected": _rounded(float(amount)),
                "amount_year_before": _rounded(year_before[1]),
                "currency": series.currency,
            }
        )
    return rows


def growth(series: Series, ahead: Outlook) -> float:
    """The year ahead against the average year behind, by clients, between a half and two; 1 where nothing tells."""
    months = whole_months(series)
    values = np.array([series.months.get(month, (0.0, 0.0))[0] for month in months])
    coming = ahead(values)
    if not len(coming) or values.mean() <= 0:
        return 1.0
    return float(np.clip(coming.mean() / values.mean(), 0.5, 2.0))


def series_row(series: Series, status: str, dips: int) -> Row:
    weeks = ((series.last_day - series.first_day).days + 1) / 7
    return {
        "series_key": series.key,
        "clinic_id": series.clinic_id,
        "item_type": series.item_type,
        "status": status,
        "first_day": series.first_day,
        "last_day": series.last_day,
        "clients_a_week": _rounded(sum(series.clients.values()) / weeks),
        "dips": dips,
    }


def _rounded(value: float, digits: int = 2) -> Decimal:
    """Half up, as all figures of the reports are."""
    return Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
