"""The reports `service_sales` and `service_buyers`. RULES section 10."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from statistics import median
from typing import Any

from tests.oracle.reports import ratio
from tests.oracle.rows import Data
from tests.oracle.spend import half_up, in_reporting_currency
from tests.oracle.world import world

LEVELS = {"total": 0, "item_kind": 1, "item_type": 2, "item": 3}
Days = tuple[date, date]  # the first and the last; no days at all where the first is after the last


@dataclass(frozen=True)
class Sale:
    sale_id: str
    sold_at: datetime
    sold_on: date
    person: str | None
    clinic_id: str
    items: tuple[str, str, str]  # kind, type, item
    quantity: Fraction
    amount: Fraction | None
    valid_from: date | None
    valid_to: date | None
    renews: str | None


def find_sales(data: Data) -> list[Sale]:
    people = world(data).people
    found = []
    for row in data["sales"]:
        day = data.local_date(row["sold_at"], row["clinic_id"])
        found.append(
            Sale(
                sale_id=row["sale_id"],
                sold_at=row["sold_at"],
                sold_on=day,
                person=people.patient(row["patient_id"]) if row["patient_id"] else None,
                clinic_id=row["clinic_id"],
                items=(row["item_kind"] or "unknown", row["item_type"] or "unknown", row["item"] or "unknown"),
                quantity=Fraction(1 if row["quantity"] is None else row["quantity"]),
                amount=in_reporting_currency(data, row["amount"], row["currency"], day),
                valid_from=row["valid_from"],
                valid_to=row["valid_to"],
                renews=row["renews_sale_id"],
            )
        )
    return found


def chosen(
    data: Data, item_kind: str | None, item_type: str | None, item: str | None, clinic: str | None
) -> list[Sale]:
    return [
        sale
        for sale in find_sales(data)
        if item_kind in (None, sale.items[0])
        and item_type in (None, sale.items[1])
        and item in (None, sale.items[2])
        and clinic in (None, sale.clinic_id)
    ]


def month_end(day: date) -> date:
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def month_before(day: date, months: int) -> date:
    """The first day of the month so many months before the day's."""
    number = day.year * 12 + day.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def same_dates(days: Days, months: int) -> Days:
    """The days with the same numbers so many months before; a day that the month does not have is left out."""
    first = month_before(days[0], months) + timedelta(days=days[0].day - 1)
    last = month_before(days[1], months) + timedelta(days=days[1].day - 1)
    return first, min(last, month_end(month_before(days[1], months)))


def whole_months(days: Days) -> int | None:
    """How many whole calendar months the days are; None where they are not."""
    if days[0].day != 1 or days[1] != month_end(days[1]):
        return None
    return (days[1].year - days[0].year) * 12 + days[1].month - days[0].month + 1


def compared(days: Days, grain: str) -> tuple[Days, Days]:
    """The days before, and those of last year, that a row's days are compared with."""

    def days_before(back: int) -> Days:
        return days[0] - timedelta(days=back), days[1] - timedelta(days=back)

    def months(back: int) -> Days:
        return month_before(days[0], back), month_end(month_before(days[1], back))

    whole = whole_months(days) if grain in ("month", "period") else None
    if whole is not None:
        return months(whole), months(12)
    if grain == "week":
        return days_before(7), days_before(364)
    if grain == "month":
        return same_dates(days, 1), same_dates(days, 12)
    return days_before((days[1] - days[0]).days + 1), same_dates(days, 12)


def periods(date_from: date, date_to: date, grain: str) -> Iterator[tuple[date, Days]]:
    """Each period's name, its first calendar day, with those of its days that were asked for."""
    if grain == "period":
        if date_from <= date_to:
            yield date_from, (date_from, date_to)
        return
    day = {
        "day": date_from,
        "week": date_from - timedelta(days=date_from.weekday()),
        "month": date_from.replace(day=1),
    }[grain]
    while day <= date_to:
        last = {"day": day, "week": day + timedelta(days=6), "month": month_end(day)}[grain]
        yield day, (max(day, date_from), min(last, date_to))
        day = last + timedelta(days=1)


def service_sales(
    data: Data,
    date_from: date,
    date_to: date,
    grain: str = "month",
    item_kind: str | None = None,
    item: str | None = None,
    level: str = "item",
    item_type: str | None = None,
    clinic: str | None = None,
) -> list[dict[str, Any]]:
    """One row per period and item of the level that sold in it or in one of the periods it is compared with."""
    sales = chosen(data, item_kind, item_type, item, clinic)
    first_sale = min((sale.sold_on for sale in chosen(data, None, None, None, clinic)), default=None)
    depth = LEVELS[level]
    rows = []
    for period, days in periods(date_from, date_to, grain):
        spans = (days, *compared(days, grain))
        parts = [[sale for sale in sales if span[0] <= sale.sold_on <= span[1]] for span in spans]
        keys = {sale.items[:depth] for part in parts for sale in part} | ({()} if depth == 0 else set())
        for key in sorted(keys):
            own, *others = ([sale for sale in part if sale.items[:depth] == key] for part in parts)
            row = {
                "period": period,
                **dict(zip(("item_kind", "item_type", "item"), (*key, None, None, None), strict=False)),
                "first_day": days[0],
                "last_day": days[1],
                "sales": len(own),
                **figures(own, ""),
            }
            for name, span, part in zip(("previous_", "last_year_"), spans[1:], others, strict=True):
                is_known = span[0] <= span[1] and first_sale is not None and first_sale <= span[1]
                row |= figures(part, name) if is_known else dict.fromkeys(figures([], name))
                before = sum_of(part) if is_known else Fraction(0)
                change = ratio(sum_of(own) - before, max(before, Fraction(0)), 100)
                row[f"{name}change_percent".replace("previous_", "")] = change
            rows.append(row)
    return rows


def sum_of(sales: list[Sale]) -> Fraction:
    return sum((sale.amount or Fraction(0) for sale in sales), Fraction(0))


def is_bought(sale: Sale) -> bool:
    """A line below 0 gives something back."""
    return sale.amount is None or sale.amount >= 0


def figures(sales: list[Sale], prefix: str) -> dict[str, Any]:
    return {
        f"{prefix}quantity": half_up(sum((sale.quantity for sale in sales), Fraction(0)), 6),
        f"{prefix}amount": half_up(sum_of(sales)),
        f"{prefix}buyers": len({sale.person for sale in sales if sale.person and is_bought(sale)}),
    }


def service_buyers(
    data: Data,
    date_from: date,
    date_to: date,
    item: str | None = None,
    item_type: str | None = None,
    item_kind: str | None = None,
    clinic: str | None = None,
) -> list[dict[str, Any]]:
    """One row per known person with a line in the period; a purchase is a local day on which he bought."""
    names = {card["patient_id"]: card["full_name"] for card in data["patients"]}
    bought: dict[str, list[Sale]] = {}
    for sale in chosen(data, item_kind, item_type, item, clinic):
        if sale.person and date_from <= sale.sold_on <= date_to:
            bought.setdefault(sale.person, []).append(sale)
    rows = []
    for person, sales in sorted(bought.items()):
        purchases = [sale for sale in sales if is_bought(sale)]
        days = sorted({sale.sold_on for sale in purchases})
        gaps = [(later - earlier).days for earlier, later in pairwise(days)]
        rows.append(
            {
                "person_key": person,
                "full_name": names.get(person.removeprefix("patient:")),
                "purchases": len(days),
                "first_at": min((sale.sold_at for sale in purchases), default=None),
                "last_at": max((sale.sold_at for sale in purchases), default=None),
                "median_days_between": half_up(Fraction(median(gaps))) if gaps else None,
                "purchases_per_year": ratio(Fraction(len(gaps)) * Fraction("365.25"), Fraction(sum(gaps))),
                "sales": len(sales),
                "quantity": half_up(sum((sale.quantity for sale in sales), Fraction(0)), 6),
                "amount": half_up(sum_of(sales)),
            }
        )
    return rows
