"""Series of sales as the built marts hold them: an item type of a clinic, and all types of a clinic together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from typing import Any

import psycopg
from psycopg import sql

Connection = psycopg.Connection[tuple[Any, ...]]

# A type whose first sale is this close to the clinic's first is taken to be on sale since then.
LATE_START_DAYS = 28

DAYS = """
    with sold as (
        select clinic_id, coalesce(item_type, 'unknown') as item_type, sold_date,
            coalesce(person_key, sale_id) as client, amount, currency
        from build.fct_sales
        where sold_date < %(today)s and amount is not null and clinic_id = any (%(clinics)s)
    ),
    counted as (
        select clinic_id, count(distinct item_type) as item_types, min(sold_date) as first_date,
            max(sold_date) as last_date
        from sold
        group by clinic_id
    )
    select sold.clinic_id, sold.item_type, {period} as period,
        count(distinct sold.client), sum(sold.amount), min(sold.currency),
        min(counted.first_date), min(counted.last_date)
    from sold
    inner join counted on sold.clinic_id = counted.clinic_id
    group by grouping sets ((sold.clinic_id, sold.item_type, period), (sold.clinic_id, period))
    having grouping(sold.item_type) = 0 or min(counted.item_types) > 1
    order by sold.clinic_id collate "C", sold.item_type collate "C" nulls last, period
"""


@dataclass(slots=True)
class Series:
    """Sales of an item type (null: all) of a clinic by day and by month."""

    clinic_id: str
    item_type: str | None
    currency: str
    first_day: date
    last_day: date
    last_sale: date
    clients: dict[date, float]
    amounts: dict[date, float]
    months: dict[date, tuple[float, float]] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return hashlib.md5(json.dumps([self.clinic_id, self.item_type]).encode(), usedforsecurity=False).hexdigest()


def read(connection: Connection, today: date, clinics: Sequence[str]) -> Iterator[Series]:
    """Every series of these clinics with its days and months, by clinic and item type."""
    by_month = {
        key: {row[2]: (float(row[3]), float(row[4])) for row in rows}
        for key, rows in _grouped(connection, today, clinics, "date_trunc('month', sold.sold_date::timestamp)::date")
    }
    for (clinic_id, item_type), rows in _grouped(connection, today, clinics, "sold.sold_date"):
        first_sale, last_sale = rows[0][2], rows[-1][2]
        clinic_first, clinic_last = rows[0][6], rows[0][7]
        yield Series(
            clinic_id=clinic_id,
            item_type=item_type,
            currency=rows[0][5],
            first_day=clinic_first if (first_sale - clinic_first).days <= LATE_START_DAYS else first_sale,
            last_day=clinic_last,
            last_sale=last_sale,
            clients={row[2]: float(row[3]) for row in rows},
            amounts={row[2]: float(row[4]) for row in rows},
            months=by_month[clinic_id, item_type],
        )


def _grouped(
    connection: Connection, today: date, clinics: Sequence[str], period: str
) -> Iterator[tuple[tuple[str, str | None], list[tuple[Any, ...]]]]:
    query = sql.SQL(DAYS).format(period=sql.SQL(period))
    with connection.cursor(name="sales_by_period") as cursor:
        cursor.itersize = 20_000
        cursor.execute(query, {"today": today, "clinics": list(clinics)})
        for key, rows in groupby(cursor, key=lambda row: (row[0], row[1])):
            yield key, list(rows)


def whole_months(series: Series) -> list[date]:
    """Months that are known from their first day to their last; a start within the first five days counts."""
    first = series.first_day.replace(day=1)
    if series.first_day.day > 5:
        first = next_month(first)
    found = []
    # the last days of a month may be a weekend
    while (next_month(first) - series.last_day).days <= 3:
        found.append(first)
        first = next_month(first)
    return found


def next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)
