"""What is asked of Yandex.Direct."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec

from extractors.core.campaigns import carried
from extractors.core.errors import ConfigError
from extractors.core.history import months_ago, refuse_before, today
from extractors.core.spec import Context, Page, RowError, StreamSpec, Window
from extractors.core.totals import Totals
from extractors.core.values import day, needed, text
from extractors.sources.yandex_direct.client import DirectClient, ReportTooLong

FIELDS = (
    "Date", "CampaignId", "CampaignName", "AdGroupId", "AdGroupName", "AdId", "Impressions", "Clicks", "Cost",
)
FIGURES = FIELDS[-3:]
TOTAL_FIELDS = ("Date", "Impressions", "Clicks", "Cost")
HISTORY_MONTHS = 36
MICROS = Decimal(1_000_000)


class AdPerformance(msgspec.Struct):
    """A row of AD_PERFORMANCE_REPORT, plus what the request knew: login, currency, VAT. `--` is null.

    Every column that was asked for must be there: one that is gone would give rows another key.
    """

    login: str
    currency: str
    includes_vat: bool
    Date: str
    CampaignId: str
    CampaignName: str
    AdGroupId: str | None
    AdGroupName: str | None
    AdId: str | None
    Impressions: int | None
    Clicks: int | None
    Cost: int


def ad_performance_row(record: AdPerformance, context: Context) -> tuple[Any, ...]:
    """Micros become money. Campaigns of the wizard have no group and ad: an empty part of the key."""
    name = text(record.CampaignName)
    return (
        record.login,
        needed(day(record.Date, "Date"), "Date"),
        record.CampaignId,
        name,
        carried(context, "yandex_direct", record.CampaignId, name),
        text(record.AdGroupId) or "",
        text(record.AdGroupName),
        text(record.AdId) or "",
        _count(record.Impressions, "Impressions"),
        _count(record.Clicks, "Clicks"),
        Decimal(record.Cost) / MICROS,
        record.currency,
        record.includes_vat,
        _clinic(record, context),
    )


def _count(value: int | None, column: str) -> int | None:
    if value is not None and value < 0:
        raise RowError(column, f"{value} is below zero")
    return value


def _clinic(record: AdPerformance, context: Context) -> str | None:
    """The campaign's own clinic, else the login's, else null: spend of the whole network."""
    return context.clinics.get(record.CampaignId) or _logins(context).get(record.login)


def _logins(context: Context) -> dict[str, str | None]:
    """The logins that are read now, each with its clinic."""
    logins = context.settings.get("logins")
    if logins is None:
        return {str(context.settings.get("login") or ""): None}
    if not isinstance(logins, Mapping) or not logins:
        raise ConfigError("yandex_direct: the setting `logins` must map each Client-Login to a clinic id or null.")
    named = {str(login): (str(clinic) if clinic else None) for login, clinic in logins.items()}
    return {login: clinic for login, clinic in named.items() if context.reads(login)}


class AccountDay(msgspec.Struct):
    """A row of ACCOUNT_PERFORMANCE_REPORT, plus what the request knew."""

    login: str
    includes_vat: bool
    Date: str
    Impressions: int | None
    Clicks: int | None
    Cost: int


def account_day_row(record: AccountDay, context: Context) -> tuple[Any, ...]:
    return (
        record.login,
        needed(day(record.Date, "Date"), "Date"),
        _count(record.Impressions, "Impressions"),
        _count(record.Clicks, "Clicks"),
        Decimal(record.Cost) / MICROS,
        record.includes_vat,
    )


def account_day_pages(client: DirectClient, window: Window, context: Context) -> Iterator[Page]:
    """The vendor's own totals: no campaign, no ad, so nothing that is lost or doubled among those is lost here too."""
    for login in _logins(context):
        where = f"yandex_direct account_days {window}" + (f" login {login}" if login else "")
        _refuse_too_early(window, context, where)
        kind = ("ACCOUNT_PERFORMANCE_REPORT", TOTAL_FIELDS, "chairside totals")
        yield _report(client, login, window, context, kind=kind, where=where)


def ad_performance_pages(client: DirectClient, window: Window, context: Context) -> Iterator[Page]:
    """One report per login."""
    for login in _logins(context):
        where = f"yandex_direct ad_performance {window}" + (f" login {login}" if login else "")
        _refuse_too_early(window, context, where)
        currency = str(context.settings.get("currency") or client.currency(login, where=where))
        kind = ("AD_PERFORMANCE_REPORT", FIELDS, "chairside")
        yield _added_up(_report(client, login, window, context, kind=kind, where=where, currency=currency))


def _added_up(rows: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Ads without a number as one row of their day, campaign and group.

    Direct groups by ad and shows no ad and no group of a campaign that its wizard made, so several rows look the same
    but for their figures [§1.3]; by its key the last would replace the others. Figures that are no numbers stay apart:
    the row is set aside as it came.
    """
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    result: list[Mapping[str, Any]] = []
    for row in rows:
        same = tuple(row.get(name) for name in FIELDS[:6])
        known = found.get(same)
        if row.get("AdId") is not None or "AdId" not in row or not all(map(_is_number, _figures(row))):
            result.append(row)
        elif known is None:
            found[same] = dict(row)
            result.append(found[same])
        else:
            for name in FIGURES:
                known[name] = str(int(known[name] or 0) + int(row[name] or 0))
    return result


def _figures(row: Mapping[str, Any]) -> list[Any]:
    return [row.get(name, "") for name in FIGURES]


def _is_number(value: str | None) -> bool:
    return value is None or (value.isascii() and value.isdigit())


def _refuse_too_early(window: Window, context: Context, where: str) -> None:
    """Statistics are kept for three years before the current month [§1.6]."""
    refuse_before(months_ago(today(context).replace(day=1), HISTORY_MONTHS), window, where, "Direct")


def _report(
    client: DirectClient,
    login: str,
    window: Window,
    context: Context,
    *,
    kind: tuple[str, Sequence[str], str],
    where: str,
    **known: str,
) -> list[Mapping[str, Any]]:
    """A login's report of a kind: its type, fields and beginning of a name. Each row gets what is `known` beside. One
    that is too long for Direct is asked for in halves, down to a day.

    The report's name carries the load's moment and which reading of the run it is: a name used before gives old figures
    for five hours; within one reading it stays the same, because a changed name queues another report.
    """
    report_type, fields, title = kind
    includes_vat = bool(context.settings.get("include_vat", False))
    params = {
        "SelectionCriteria": {"DateFrom": str(window.first), "DateTo": str(window.last)},
        "FieldNames": list(fields),
        "ReportName": f"{title} {login} {window} {context.now:%Y%m%d%H%M%S} {client.number()} {context.run_id}"[:200],
        "ReportType": report_type,
        "DateRangeType": "CUSTOM_DATE",
        "Format": "TSV",
        "IncludeVAT": "YES" if includes_vat else "NO",
    }
    beside = {"login": login, **known, "includes_vat": includes_vat}
    try:
        return [{**row, **beside} for row in client.report(login, params, where=where)]
    except ReportTooLong:
        if window.first == window.last:
            raise
    middle = window.first + (window.last - window.first) // 2
    halves = (Window(window.first, middle), Window(middle + timedelta(days=1), window.last))
    return [
        row for half in halves for row in _report(client, login, half, context, kind=kind, where=where, **known)
    ]


AD_PERFORMANCE = StreamSpec(
    source="yandex_direct",
    name="ad_performance",
    description="Cost, impressions and clicks of Yandex.Direct.",
    columns=(
        ("client_login", "text"),
        ("report_date", "date"),
        ("campaign_id", "text"),
        ("campaign_name", "text"),
        ("utm_campaign", "text"),
        ("ad_group_id", "text"),
        ("ad_group_name", "text"),
        ("ad_id", "text"),
        ("impressions", "bigint"),
        ("clicks", "bigint"),
        ("cost", "numeric"),
        ("currency", "text"),
        ("includes_vat", "boolean"),
        ("clinic_id", "text"),
    ),
    key=("client_login", "report_date", "campaign_id", "ad_group_id", "ad_id"),
    record=AdPerformance,
    row=ad_performance_row,
    pages=ad_performance_pages,
    replace="window",
    window_column="report_date",
    # Each report is built while we wait, so few long ones; a quarter of a clinic's ads is far below a page.
    window_days=93,
    # Figures settle in three days, corrections for false clicks come later [actual].
    lookback_days=14,
    account="client_login",
    steady=("currency",),
    accounts=lambda context: tuple(_logins(context)),
)

ACCOUNT_DAYS = StreamSpec(
    source="yandex_direct",
    name="account_days",
    description="Yandex.Direct's own totals of an account and day, which the sum of its ads is compared with.",
    columns=(
        ("client_login", "text"),
        ("report_date", "date"),
        ("impressions", "bigint"),
        ("clicks", "bigint"),
        ("cost", "numeric"),
        ("includes_vat", "boolean"),
    ),
    key=("client_login", "report_date"),
    record=AccountDay,
    row=account_day_row,
    pages=account_day_pages,
    replace="window",
    window_column="report_date",
    window_days=93,
    lookback_days=14,
    account="client_login",
    accounts=lambda context: tuple(_logins(context)),
    totals=Totals(
        of="ad_performance",
        day="report_date",
        account="client_login",
        money=(("cost", "cost"),),
        counts=(("clicks", "clicks"), ("impressions", "impressions")),
    ),
)
