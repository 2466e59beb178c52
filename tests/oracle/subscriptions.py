"""The report `expiring_subscriptions`. RULES section 10."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.oracle.inquiries import took_place
from tests.oracle.reports import ratio
from tests.oracle.rows import Data
from tests.oracle.sales import Sale, find_sales
from tests.oracle.spend import half_up
from tests.oracle.world import world

RENEWAL_DAYS = 30


def renewals_of(ending: Sale, sales: list[Sale]) -> list[Sale]:
    """Sales that say they renew it; and later, longer subscriptions of the person to the item that renew no other."""
    linked = [sale for sale in sales if sale.renews == ending.sale_id and sale is not ending]
    return linked + [
        sale
        for sale in sales
        if sale.renews is None
        and sale.items[0] == "subscription"
        and sale.person is not None
        and sale.person == ending.person
        and sale.items[2] == ending.items[2] != "unknown"
        and sale.sold_at > ending.sold_at
        and ending.valid_to is not None
        and sale.sold_on <= ending.valid_to + timedelta(days=RENEWAL_DAYS)
        and (sale.valid_to is None or sale.valid_to > ending.valid_to)
    ]


def expiring_subscriptions(
    data: Data,
    as_of: datetime,
    date_from: date | None = None,
    date_to: date | None = None,
    within_days: int | None = None,
    item: str | None = None,
    clinic: str | None = None,
) -> list[dict[str, Any]]:
    """One row per subscription whose last day is in the period; `as_of` is the load's moment, with its zone."""
    # a line below 0 takes something back: no subscription, no renewal, no purchase
    sales = [sale for sale in find_sales(data) if (sale.amount or 0) >= 0]
    seen: list[tuple[str | None, str, date]] = [(sale.person, sale.clinic_id, sale.sold_on) for sale in sales]
    for row in filter(took_place, data["appointments"]):
        day = data.local_date(row["starts_at"], row["clinic_id"])
        seen.append((world(data).people.patient(row["patient_id"]), row["clinic_id"], day))
    rows = []
    for sale in sales:
        today = data.local_date(as_of, sale.clinic_id)
        first = date_from or today
        last = date_to or max(first, today)
        last += timedelta(days=within_days if within_days is not None else 0 if date_to else 30)
        if sale.items[0] != "subscription" or sale.valid_to is None or not first <= sale.valid_to <= last:
            continue
        if item not in (None, sale.items[2]) or clinic not in (None, sale.clinic_id):
            continue
        renewals = renewals_of(sale, sales)
        here = [day for person, where, day in seen if sale.person and (person, where) == (sale.person, sale.clinic_id)]
        rows.append(
            {
                "sale_id": sale.sale_id,
                "clinic_id": sale.clinic_id,
                "person_key": sale.person,
                "item_type": sale.items[1],
                "item": sale.items[2],
                "valid_from": sale.valid_from,
                "valid_to": sale.valid_to,
                "days_left": (sale.valid_to - today).days,
                "amount": None if sale.amount is None else half_up(sale.amount),
                "renewed": bool(renewals),
                "renewed_on": min((one.sold_on for one in renewals if one.clinic_id == sale.clinic_id), default=None),
                "last_seen_on": max(here, default=None),
                "state": state_of(sale, sale.valid_to, bool(renewals), today, sales, seen),
            }
        )
    return rows


def state_of(
    sale: Sale, end: date, is_renewed: bool, today: date, sales: list[Sale], seen: list[tuple[str | None, str, date]]
) -> str:
    """`end` is the subscription's last day."""
    if is_renewed:
        return "renewed"
    if end >= today:
        return "running"
    if end + timedelta(days=RENEWAL_DAYS) >= today:
        return "may_renew"
    was_seen = any(person == sale.person and day > end for person, _clinic, day in seen)
    still_runs = any(
        other.person == sale.person
        and other.items[0] == "subscription"
        and (other.valid_to is None or other.valid_to >= today)
        for other in sales
    )
    return "stays" if sale.person is None or was_seen or still_runs else "lost"


def subscription_renewals(data: Data, as_of: datetime, date_from: date, date_to: date) -> list[dict[str, Any]]:
    """One row per item of the subscriptions that ended in the period, then the row of all together, its item None."""
    ended = expiring_subscriptions(data, as_of, date_from, date_to)
    items = sorted({(row["item_type"], row["item"]) for row in ended})
    rows = [_renewals(*key, [row for row in ended if (row["item_type"], row["item"]) == key]) for key in items]
    return [*rows, _renewals(None, None, ended)]


def _renewals(item_type: str | None, item: str | None, ended: list[dict[str, Any]]) -> dict[str, Any]:
    gone = [row for row in ended if row["state"] in ("stays", "lost")]
    decided = [row for row in ended if row["state"] not in ("running", "may_renew")]

    def clients(rows: list[dict[str, Any]]) -> int:
        return len({row["person_key"] for row in rows if row["person_key"]})

    lost = clients([row for row in ended if row["state"] == "lost"])
    return {
        "item_type": item_type,
        "item": item,
        "ended": len(ended),
        "renewed": sum(row["renewed"] for row in ended),
        "undecided": len(ended) - len(decided),
        "not_renewed": len(gone),
        "not_renewed_percent": ratio(Fraction(len(gone)), Fraction(len(decided)), 100),
        "amount_not_renewed": sum((row["amount"] or Decimal(0) for row in gone), Decimal(0)),
        "clients": clients(decided),
        "clients_not_renewing": clients(gone),
        "clients_lost": lost,
        "clients_lost_percent": ratio(Fraction(lost), Fraction(clients(decided)), 100),
    }
