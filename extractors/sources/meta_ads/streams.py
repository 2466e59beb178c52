"""What is asked of Meta."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec

from extractors.core.accounts import Account, account_ids, accounts, check_account
from extractors.core.campaigns import carried
from extractors.core.errors import PayloadError
from extractors.core.settings import number
from extractors.core.spec import Context, Page, RowError, StreamSpec, Window
from extractors.core.totals import Totals
from extractors.core.values import day, money, needed, text
from extractors.sources.meta_ads.client import NAME, MetaAdsClient

FIELDS = (
    "account_id", "account_currency", "campaign_id", "campaign_name", "adset_id", "adset_name", "ad_id", "ad_name",
    "spend", "impressions", "clicks", "inline_link_clicks", "date_start", "date_stop",
)
TOTAL_FIELDS = ("account_id", "spend", "impressions", "clicks", "date_start", "date_stop")
# Without this list ads that were deleted or archived since may be left out, and their spend with them.
STATUSES = (
    "ACTIVE", "ADSET_PAUSED", "ARCHIVED", "CAMPAIGN_PAUSED", "DELETED", "DISAPPROVED", "IN_PROCESS", "PAUSED",
    "PENDING_BILLING_INFO", "PENDING_REVIEW", "PREAPPROVED", "WITH_ISSUES",
)
DEFAULT_JOB_DAYS = 7


class AdInsights(msgspec.Struct):
    """A row of one ad and day, plus what the request knew: clinic, VAT, the account's time zone.

    Numbers travel as texts; a field without a value is left out.
    """

    clinic_id: str | None
    includes_vat: bool
    account_time_zone: str
    account_id: str
    account_currency: str
    campaign_id: str
    ad_id: str
    date_start: str
    date_stop: str
    campaign_name: str | None = None
    adset_id: str | None = None
    adset_name: str | None = None
    ad_name: str | None = None
    spend: str | None = None
    impressions: int = 0
    clicks: int = 0
    inline_link_clicks: int = 0


def ad_insights_row(record: AdInsights, context: Context) -> tuple[Any, ...]:
    """`utm_campaign` is what the ads carry, by the connection's settings."""
    name = text(record.campaign_name)
    return (
        record.account_id,
        _day(record.date_start, record.date_stop),
        record.campaign_id,
        name,
        carried(context, "meta_ads", record.campaign_id, name),
        text(record.adset_id),
        text(record.adset_name),
        record.ad_id,
        text(record.ad_name),
        _count(record.impressions, "impressions"),
        _count(record.clicks, "clicks"),
        _count(record.inline_link_clicks, "link_clicks"),
        money(record.spend, "spend") or Decimal(0),
        record.account_currency,
        record.account_time_zone,
        record.includes_vat,
        context.clinics.get(record.campaign_id) or record.clinic_id,
    )


def _day(first: str, last: str) -> date:
    if first != last:
        raise RowError("date_stop", f"a row of several days, {first} to {last}")
    return needed(day(first, "report_date"), "report_date")


def _count(value: int, column: str) -> int:
    if value < 0:
        raise RowError(column, f"{value} is below zero")
    return value


class AccountDay(msgspec.Struct):
    """A row of the account and a day: no ad, so nothing that is lost or doubled among those is lost here too."""

    account_id: str
    date_start: str
    date_stop: str
    spend: str | None = None
    impressions: int = 0
    clicks: int = 0


def account_day_row(record: AccountDay, context: Context) -> tuple[Any, ...]:
    return (
        record.account_id,
        _day(record.date_start, record.date_stop),
        _count(record.impressions, "impressions"),
        _count(record.clicks, "clicks"),
        money(record.spend, "spend") or Decimal(0),
    )


def ad_insights_pages(client: MetaAdsClient, window: Window, context: Context) -> Iterator[Page]:
    """Reports of a few days each, account by account. The account is looked at first."""
    includes_vat = bool(context.settings.get("include_vat", False))
    job_days = max(1, int(number(context.settings, NAME, "job_days", DEFAULT_JOB_DAYS)))
    params = _params("ad", FIELDS)
    for account in accounts(context, NAME):
        where = f"meta_ads ad_insights {window} account {account.account_id}"
        currency, time_zone = client.account(account.account_id, where=where)
        check_account(account, currency, time_zone, where)
        known = {"clinic_id": account.clinic_id, "includes_vat": includes_vat, "account_time_zone": time_zone}
        shown = spent = False
        for days in _spans(window, job_days):
            pages = client.insights(
                account.account_id, days, params, where=where, asked=partial(_asked, account=account, days=days)
            )
            for page in pages:
                shown = shown or any("impressions" in row for row in page)
                spent = spent or any("spend" in row for row in page)
                yield [{**row, **known} for row in page]
        if shown and not spent:
            # A field without a value is left out, so a field that is gone looks like nothing spent.
            raise PayloadError(
                f"{where}: there are impressions and no spend in any row. The vendor changed its format: compare "
                "docs/sources/meta_ads.md with the vendor's documentation."
            )


def account_day_pages(client: MetaAdsClient, window: Window, context: Context) -> Iterator[Page]:
    """One question per account, without a report: a row a day is never too much."""
    params = _params("account", TOTAL_FIELDS)
    for account in accounts(context, NAME):
        where = f"meta_ads account_days {window} account {account.account_id}"
        yield from client.days(
            account.account_id, window, params, where=where, asked=partial(_asked, account=account, days=window)
        )


def _params(level: str, fields: tuple[str, ...]) -> dict[str, str]:
    """Both levels with ads of every status: the total is of the same ads."""
    return {
        "level": level,
        "time_increment": "1",
        "fields": ",".join(fields),
        "filtering": msgspec.json.encode(
            [{"field": "ad.effective_status", "operator": "IN", "value": STATUSES}]
        ).decode(),
    }


def _spans(window: Window, days: int) -> Iterator[Window]:
    first = window.first
    while first <= window.last:
        last = min(window.last, first + timedelta(days=days - 1))
        yield Window(first, last)
        first = last + timedelta(days=1)


def _asked(row: Mapping[str, Any], account: Account, days: Window) -> bool:
    """Whether the row can be of this report. A row with a part missing is judged later, alone."""
    date, owner = row.get("date_start"), row.get("account_id")
    return (owner is None or str(owner) == account.account_id) and (
        not isinstance(date, str) or len(date) != 10 or str(days.first) <= date <= str(days.last)
    )


AD_INSIGHTS = StreamSpec(
    source=NAME,
    name="ad_insights",
    description="Spend, impressions and clicks of Meta by ad and day.",
    columns=(
        ("account_id", "text"),
        ("report_date", "date"),
        ("campaign_id", "text"),
        ("campaign_name", "text"),
        ("utm_campaign", "text"),
        ("adset_id", "text"),
        ("adset_name", "text"),
        ("ad_id", "text"),
        ("ad_name", "text"),
        ("impressions", "bigint"),
        ("clicks", "bigint"),
        ("link_clicks", "bigint"),
        ("spend", "numeric"),
        ("currency", "text"),
        ("account_time_zone", "text"),
        ("includes_vat", "boolean"),
        ("clinic_id", "text"),
    ),
    key=("account_id", "report_date", "ad_id"),
    record=AdInsights,
    row=ad_insights_row,
    pages=ad_insights_pages,
    replace="window",
    window_column="report_date",
    window_days=28,
    # "Frozen" after 28 days; spend itself settles in one to three, credits for invalid clicks come later.
    lookback_days=28,
    account="account_id",
    steady=("currency", "account_time_zone"),
    accounts=partial(account_ids, source=NAME),
)

ACCOUNT_DAYS = StreamSpec(
    source=NAME,
    name="account_days",
    description="Meta's own totals of an account and day, which the sum of its ads is compared with.",
    columns=(
        ("account_id", "text"),
        ("report_date", "date"),
        ("impressions", "bigint"),
        ("clicks", "bigint"),
        ("spend", "numeric"),
    ),
    key=("account_id", "report_date"),
    record=AccountDay,
    row=account_day_row,
    pages=account_day_pages,
    replace="window",
    window_column="report_date",
    window_days=28,
    lookback_days=28,
    account="account_id",
    accounts=partial(account_ids, source=NAME),
    totals=Totals(
        of="ad_insights",
        day="report_date",
        account="account_id",
        money=(("spend", "spend"),),
        counts=(("clicks", "clicks"), ("impressions", "impressions")),
    ),
)
