"""GAQL as far as spend needs it, and the rows of `campaign` and `customer` as REST writes them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from simulators.google_ads.state import GoogleAdsState
from simulators.world.advertising import AdDay

QUERY = re.compile(
    r"^\s*SELECT\s+(?P<fields>.+?)\s+FROM\s+(?P<resource>\w+)(?:\s+WHERE\s+(?P<where>.+?))?"
    r"(?:\s+ORDER\s+BY\s+.+?)?(?:\s+PARAMETERS\s+(?P<parameters>.+?))?\s*$",
    re.IGNORECASE | re.DOTALL,
)
BETWEEN = re.compile(r"^segments\.date\s+BETWEEN\s+'([^']*)'\s+AND\s+'([^']*)'$", re.IGNORECASE)
CUSTOMER = {"customer.id", "customer.currency_code", "customer.time_zone", "customer.manager",
            "customer.descriptive_name", "customer.status"}  # fmt: skip
DAY = {"segments.date", "metrics.cost_micros", "metrics.clicks", "metrics.impressions"}
FIELDS = {
    "customer": CUSTOMER | DAY,
    "campaign": CUSTOMER | DAY | {
        "campaign.id", "campaign.name", "campaign.status", "campaign.advertising_channel_type",
    },
}  # fmt: skip
MONTHS_BACK = 37


class QueryError(Exception):
    """What is wrong with the query: (kind of error, code)."""

    def __init__(self, kind: str, code: str) -> None:
        super().__init__(code)
        self.kind = kind
        self.code = code


@dataclass(frozen=True, slots=True)
class Query:
    fields: tuple[str, ...]
    resource: str
    days: tuple[date, date] | None
    resource_names: bool


def parse(text: str, today: date) -> Query:
    """The query's parts. Raises QueryError with the vendor's codes."""
    found = QUERY.match(text)
    if found is None:
        raise QueryError("queryError", "BAD_QUERY")
    fields = tuple(field.strip() for field in found["fields"].split(","))
    resource = found["resource"]
    if resource not in FIELDS:
        raise QueryError("queryError", "BAD_RESOURCE_TYPE_IN_FROM_CLAUSE")
    if unknown := [field for field in fields if field not in FIELDS[resource]]:
        raise QueryError("queryError", "UNRECOGNIZED_FIELD" if "." in unknown[0] else "BAD_FIELD_NAME")
    days = _days(found["where"], today)
    if days is None and "segments.date" in fields:
        raise QueryError("queryError", "FILTER_HAS_TOO_MANY_VALUES" if found["where"] else "INVALID_DATE")
    names = "omit_unselected_resource_names=true" not in (found["parameters"] or "").replace(" ", "")
    return Query(fields, resource, days, names)


def _days(where: str | None, today: date) -> tuple[date, date] | None:
    if not where:
        return None
    found = BETWEEN.match(where.strip())
    if found is None:
        raise QueryError("queryError", "BAD_QUERY")
    try:
        first, last = date.fromisoformat(found[1]), date.fromisoformat(found[2])
    except ValueError:
        raise QueryError("dateRangeError", "INVALID_DATE") from None
    if last < first:
        raise QueryError("dateRangeError", "START_DATE_AFTER_END_DATE")
    if first < today - timedelta(days=31 * MONTHS_BACK):
        raise QueryError("dateRangeError", "REQUESTED_DATE_GRANULARITY_NOT_SUPPORTED")
    return first, last


def rows(state: GoogleAdsState, customer: str, query: Query) -> list[dict[str, Any]]:
    """Rows in the order of their days; a day without anything has none."""
    own = {
        "customer.id": customer,
        "customer.currency_code": state.currency[customer],
        "customer.time_zone": state.time_zone[customer],
        "customer.manager": False,
        "customer.descriptive_name": f"Account {customer}",
        "customer.status": "ENABLED",
    }
    if query.days is None:
        return [_row(state, query, own)]
    first, last = query.days
    if query.resource == "customer":
        return [_row(state, query, own | totals) for totals in account_days(state, customer, first, last)]
    groups: dict[tuple[date, int], list[AdDay]] = defaultdict(list)
    for ad in state.ad_days:
        if first <= ad.day <= last and state.campaigns[ad.campaign_id].login == customer:
            groups[ad.day, ad.campaign_id].append(ad)
    return [
        _row(state, query, own | {
            "segments.date": day.isoformat(),
            "campaign.id": str(number),
            "campaign.name": state.campaigns[number].name,
            "campaign.status": "REMOVED" if number in state.removed else "ENABLED",
            "campaign.advertising_channel_type": "SEARCH",
            "metrics.cost_micros": str(int(sum((ad.cost for ad in ads), Decimal(0)) * 1_000_000)),
            "metrics.clicks": str(sum(ad.clicks for ad in ads)),
            "metrics.impressions": str(sum(ad.impressions for ad in ads)),
        })
        for (day, number), ads in sorted(groups.items())
    ]  # fmt: skip


def account_days(state: GoogleAdsState, customer: str, first: date, last: date) -> list[dict[str, str]]:
    """The account's own totals, counted from its books day by day and never from the rows of campaigns."""
    own = {number for number, campaign in state.campaigns.items() if campaign.login == customer}
    days = []
    for day in (first + timedelta(days=number) for number in range((last - first).days + 1)):
        ads = [ad for ad in state.ad_days if ad.day == day and ad.campaign_id in own]
        totals = {
            "metrics.cost_micros": str(sum(int(ad.cost * 1_000_000) for ad in ads)),
            "metrics.clicks": str(sum(ad.clicks for ad in ads)),
            "metrics.impressions": str(sum(ad.impressions for ad in ads)),
        }
        if set(totals.values()) != {"0"}:
            days.append({"segments.date": day.isoformat(), **totals})
    return days


def _row(state: GoogleAdsState, query: Query, values: dict[str, Any]) -> dict[str, Any]:
    """camelCase parts; whole numbers are texts; zeros and false may be left out."""
    made: dict[str, Any] = {}
    for field in query.fields:
        part, _, name = field.partition(".")
        if state.options.zeros == "omitted" and values[field] in ("0", False):
            continue
        made.setdefault(part, {})[camel(name)] = values[field]
    if query.resource_names or state.options.resource_names:
        customer = f"customers/{values['customer.id']}"
        if "campaign" in made:
            made["campaign"] = {"resourceName": f"{customer}/campaigns/{values['campaign.id']}", **made["campaign"]}
        if "customer" in made:
            made["customer"] = {"resourceName": customer, **made["customer"]}
    return made


def batches(state: GoogleAdsState, query: Query, found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The array that searchStream answers."""
    about = {"fieldMask": ",".join(_camel_path(field) for field in query.fields), "requestId": "simulated"}
    size = state.options.batch_rows
    made = [{"results": list(found[at : at + size]), **about} for at in range(0, len(found), size)]
    if made:
        return made
    empty: dict[str, list[dict[str, Any]]] = {
        "empty_results": [{"results": []}], "empty_array": [], "no_results": [about],
    }  # fmt: skip
    return empty[state.options.nothing]


def camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def _camel_path(field: str) -> str:
    part, _, name = field.partition(".")
    return f"{part}.{camel(name)}"
