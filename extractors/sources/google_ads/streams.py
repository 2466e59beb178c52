"""What is asked of Google Ads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec

from extractors.core.accounts import Account, account_ids, accounts, check_account
from extractors.core.campaigns import carried
from extractors.core.errors import PayloadError
from extractors.core.history import months_ago, refuse_before, today
from extractors.core.spec import Context, Page, RowError, StreamSpec, Window
from extractors.core.totals import Totals
from extractors.core.values import day, needed, text
from extractors.sources.google_ads.client import NAME, GoogleAdsClient

FIELDS = (
    "segments.date", "campaign.id", "campaign.name", "campaign.status", "campaign.advertising_channel_type",
    "metrics.cost_micros", "metrics.impressions", "metrics.clicks",
    "customer.id", "customer.currency_code", "customer.time_zone",
)
TOTAL_FIELDS = (
    "segments.date", "metrics.cost_micros", "metrics.impressions", "metrics.clicks", "customer.id",
)
HISTORY_MONTHS = 37
MICROS = Decimal(1_000_000)


class AdPerformance(msgspec.Struct):
    """A row of `campaign` by day, its parts named `<part>.<field>`, plus what the request knew: clinic and VAT.

    Whole numbers travel as texts. A number that is zero may be left out, as protobuf does.
    """

    clinic_id: str | None
    includes_vat: bool
    date: str = msgspec.field(name="segments.date")
    campaign_id: str = msgspec.field(name="campaign.id")
    customer_id: str = msgspec.field(name="customer.id")
    currency: str = msgspec.field(name="customer.currencyCode")
    time_zone: str = msgspec.field(name="customer.timeZone")
    campaign_name: str | None = msgspec.field(name="campaign.name", default=None)
    status: str | None = msgspec.field(name="campaign.status", default=None)
    channel_type: str | None = msgspec.field(name="campaign.advertisingChannelType", default=None)
    cost_micros: int = msgspec.field(name="metrics.costMicros", default=0)
    impressions: int = msgspec.field(name="metrics.impressions", default=0)
    clicks: int = msgspec.field(name="metrics.clicks", default=0)


def ad_performance_row(record: AdPerformance, context: Context) -> tuple[Any, ...]:
    """Micros become money. `utm_campaign` is what the ads carry, by the connection's settings."""
    name = text(record.campaign_name)
    return (
        record.customer_id,
        needed(day(record.date, "report_date"), "report_date"),
        record.campaign_id,
        name,
        carried(context, "google_ads", record.campaign_id, name),
        text(record.status),
        text(record.channel_type),
        _count(record.impressions, "impressions"),
        _count(record.clicks, "clicks"),
        Decimal(record.cost_micros) / MICROS,
        record.currency,
        record.time_zone,
        record.includes_vat,
        context.clinics.get(record.campaign_id) or record.clinic_id,
    )


def _count(value: int, column: str) -> int:
    if value < 0:
        raise RowError(column, f"{value} is below zero")
    return value


class AccountDay(msgspec.Struct):
    """A row of `customer` by day: no campaign, so nothing that is lost or doubled among those is lost here too."""

    date: str = msgspec.field(name="segments.date")
    customer_id: str = msgspec.field(name="customer.id")
    cost_micros: int = msgspec.field(name="metrics.costMicros", default=0)
    impressions: int = msgspec.field(name="metrics.impressions", default=0)
    clicks: int = msgspec.field(name="metrics.clicks", default=0)


def account_day_row(record: AccountDay, context: Context) -> tuple[Any, ...]:
    return (
        record.customer_id,
        needed(day(record.date, "report_date"), "report_date"),
        _count(record.impressions, "impressions"),
        _count(record.clicks, "clicks"),
        Decimal(record.cost_micros) / MICROS,
    )


def ad_performance_pages(client: GoogleAdsClient, window: Window, context: Context) -> Iterator[Page]:
    """One query per account. The account is looked at first: its currency and time zone stop a wrong one."""
    includes_vat = bool(context.settings.get("include_vat", False))
    for account in accounts(context, NAME, "customers"):
        where = f"google_ads ad_performance {window} account {account.account_id}"
        _refuse_too_early(window, context, where)
        _look_at(client, account, where)
        known = {"clinic_id": account.clinic_id, "includes_vat": includes_vat}
        yield [{**row, **known} for row in _days(client, account, window, "campaign", FIELDS, where)]


def account_day_pages(client: GoogleAdsClient, window: Window, context: Context) -> Iterator[Page]:
    """One query per account."""
    for account in accounts(context, NAME, "customers"):
        where = f"google_ads account_days {window} account {account.account_id}"
        _refuse_too_early(window, context, where)
        yield _days(client, account, window, "customer", TOTAL_FIELDS, where)


def _refuse_too_early(window: Window, context: Context, where: str) -> None:
    """Days are told for 37 months [§2.4]."""
    refuse_before(months_ago(today(context), HISTORY_MONTHS), window, where, "Google")


def _days(
    client: GoogleAdsClient, account: Account, window: Window, resource: str, fields: Iterable[str], where: str
) -> list[dict[str, Any]]:
    """The days of a resource of an account, or of the account itself."""
    query = (
        f"SELECT {', '.join(fields)} FROM {resource}"  # noqa: S608 - our own words and dates
        f" WHERE segments.date BETWEEN '{window.first}' AND '{window.last}' ORDER BY segments.date ASC"
        " PARAMETERS omit_unselected_resource_names=true"
    )
    batches = client.search(
        account.account_id, query, where=where,
        asked=partial(_asked, account=account, window=window, resource=resource),
    )
    rows = [flat(row) for batch in batches for row in batch]
    _doubt(rows, where)
    return rows


def _look_at(client: GoogleAdsClient, account: Account, where: str) -> None:
    query = "SELECT customer.id, customer.currency_code, customer.time_zone, customer.manager FROM customer"
    batches = client.search(account.account_id, query, where=where, asked=lambda row: "customer" in row)
    found = [flat(row) for batch in batches for row in batch]
    if not found:
        raise PayloadError(f"{where}: Google says nothing of the account itself. Check `customers` in the connection.")
    if found[0].get("customer.manager"):
        raise PayloadError(f"{where}: this is a manager account, which has no spend of its own. Name its clients.")
    check_account(
        account, str(found[0].get("customer.currencyCode")), str(found[0].get("customer.timeZone")), where
    )


def _asked(row: Mapping[str, Any], account: Account, window: Window, resource: str) -> bool:
    """Whether the row can be of this question: an answer of another account, of other days or of another query has
    been seen where a cache stood between. A row with a part missing is judged later, alone."""
    found = flat(row)
    date, customer = found.get("segments.date"), found.get("customer.id")
    return (
        (("segments" in row or "campaign" in row) if resource == "campaign" else "campaign" not in row)
        and (customer is None or str(customer) == account.account_id)
        and (not isinstance(date, str) or len(date) != 10 or str(window.first) <= date <= str(window.last))
    )


def _doubt(rows: list[dict[str, Any]], where: str) -> None:
    """A zero may be left out of a row, so a field that is gone looks like zeros: clicks that all cost nothing."""
    clicked = any(str(row.get("metrics.clicks", "0")) != "0" for row in rows)
    if clicked and not any("metrics.costMicros" in row for row in rows):
        raise PayloadError(
            f"{where}: there are clicks and no costMicros in any of {len(rows)} rows. The vendor changed its format: "
            "compare docs/sources/google_ads.md with the vendor's documentation."
        )


def flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """`{"campaign": {"id": "1"}}` as `{"campaign.id": "1"}`, so that a new field is seen wherever it stands. Only
    `resourceName`, which repeats the ids and may come unasked, is left out."""
    return dict(_pairs(row))


def _pairs(row: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    for part, fields in row.items():
        if isinstance(fields, Mapping):
            yield from ((f"{part}.{name}", value) for name, value in fields.items() if name != "resourceName")
        else:
            yield part, fields


AD_PERFORMANCE = StreamSpec(
    source=NAME,
    name="ad_performance",
    description="Cost, impressions and clicks of Google Ads by campaign and day.",
    columns=(
        ("customer_id", "text"),
        ("report_date", "date"),
        ("campaign_id", "text"),
        ("campaign_name", "text"),
        ("utm_campaign", "text"),
        ("campaign_status", "text"),
        ("channel_type", "text"),
        ("impressions", "bigint"),
        ("clicks", "bigint"),
        ("cost", "numeric"),
        ("currency", "text"),
        ("account_time_zone", "text"),
        ("includes_vat", "boolean"),
        ("clinic_id", "text"),
    ),
    key=("customer_id", "report_date", "campaign_id"),
    record=AdPerformance,
    row=ad_performance_row,
    pages=ad_performance_pages,
    replace="window",
    window_column="report_date",
    window_days=31,
    # Costs are corrected for invalid clicks for a few days, how many the vendor does not say; conversions, which move
    # for up to 90 days, are not taken.
    lookback_days=14,
    account="customer_id",
    steady=("currency", "account_time_zone"),
    accounts=partial(account_ids, source=NAME, setting="customers"),
)

ACCOUNT_DAYS = StreamSpec(
    source=NAME,
    name="account_days",
    description="Google Ads' own totals of an account and day, which the sum of its campaigns is compared with.",
    columns=(
        ("customer_id", "text"),
        ("report_date", "date"),
        ("impressions", "bigint"),
        ("clicks", "bigint"),
        ("cost", "numeric"),
    ),
    key=("customer_id", "report_date"),
    record=AccountDay,
    row=account_day_row,
    pages=account_day_pages,
    replace="window",
    window_column="report_date",
    window_days=31,
    lookback_days=14,
    account="customer_id",
    accounts=partial(account_ids, source=NAME, setting="customers"),
    totals=Totals(
        of="ad_performance",
        day="report_date",
        account="customer_id",
        money=(("cost", "cost"),),
        counts=(("clicks", "clicks"), ("impressions", "impressions")),
    ),
)
