"""What is asked of VK Реклама."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec

from extractors.core.campaigns import carried
from extractors.core.errors import ConfigError, GuardError, RejectedError
from extractors.core.spec import BROKEN, Context, Page, RowError, StreamSpec, Window
from extractors.core.totals import Totals
from extractors.core.values import day, money, needed, text
from extractors.sources.vk_ads.answers import AdObject
from extractors.sources.vk_ads.client import VkAdsClient, days_of

LEVELS = ("ad_plans", "ad_groups")
HISTORY_DAYS = 366  # VK tells no earlier days [§4.3]
METRICS_SKIPPED = ("cpm", "cpc", "cpa", "ctr", "cr", "goals", "vk", "a_amount", "n_amount")


class CampaignDay(msgspec.Struct):
    """A day of a campaign: the statistics' `date` and `base`, plus what the requests knew."""

    account: str
    level: str
    campaign_id: str
    campaign_name: str | None
    currency: str
    includes_vat: bool
    date: str
    shows: int
    clicks: int
    spent: Any


def campaign_day_row(record: CampaignDay, context: Context) -> tuple[Any, ...]:
    """Money is a decimal text; `utm_campaign` is what the ads carry there, by the connection's settings."""
    name = text(record.campaign_name)
    return (
        record.account,
        record.level,
        record.campaign_id,
        name,
        # a link's {{campaign_id}} may be the group's or the plan's (unconfirmed): the table says it outright
        carried(context, "vk_ads", record.campaign_id, name),
        needed(day(record.date, "date"), "date"),
        _count(record.shows, "shows"),
        _count(record.clicks, "clicks"),
        needed(money(record.spent, "spent"), "spent"),
        record.currency,
        record.includes_vat,
        context.clinics.get(record.campaign_id) or _accounts(context).get(record.account),
    )


class AccountDay(msgspec.Struct):
    """A day of the whole account: no campaign, so nothing that is lost or doubled among those is lost here too."""

    account: str
    date: str
    shows: int
    clicks: int
    spent: Any


def account_day_row(record: AccountDay, context: Context) -> tuple[Any, ...]:
    return (
        record.account,
        needed(day(record.date, "date"), "date"),
        _count(record.shows, "shows"),
        _count(record.clicks, "clicks"),
        needed(money(record.spent, "spent"), "spent"),
    )


def _count(value: int, column: str) -> int:
    if value < 0:
        raise RowError(column, f"{value} is below zero")
    return value


def _accounts(context: Context) -> dict[str, str | None]:
    """Agency's clients that are read now, each with its clinic; the empty name is the application's own account."""
    given = context.settings.get("accounts")
    if given is None:
        return {"": str(context.settings["clinic_id"]) if context.settings.get("clinic_id") else None}
    if not isinstance(given, Mapping) or not given:
        raise ConfigError("vk_ads: the setting `accounts` must map each agency client's name to a clinic id or null.")
    return {str(name): (str(clinic) if clinic else None) for name, clinic in given.items() if context.reads(str(name))}


def campaign_day_pages(client: VkAdsClient, window: Window, context: Context) -> Iterator[Page]:
    """Days of every campaign of every account. Raises RejectedError for days before VK's history."""
    where = f"vk_ads campaign_days {window}"
    level = str(context.settings.get("level") or LEVELS[0])
    if level not in LEVELS:
        raise ConfigError(f"vk_ads: the setting `level` is one of {', '.join(LEVELS)}.")
    _refuse_too_early(window, context, where)
    for account in _accounts(context):
        known = {
            "account": account,
            "level": level,
            "currency": _currency(client, account, context, where),
            "includes_vat": bool(context.settings.get("include_vat", False)),
        }
        objects = {found.object_id: found for found in client.objects(account, level, where=where)}
        for object_id, days in _days(client, account, level, objects, window, context, where):
            found = objects.get(object_id)
            own = {**known, "campaign_id": object_id, "campaign_name": found.name if found else None}
            rows: Sequence[Mapping[str, Any]] = [_flat(row, own) for row in days or ()]
            if days is None:
                if found is None or found.status != "deleted":
                    raise RejectedError(f"{where}: VK refuses to tell of its own campaign {object_id}.")
                rows = [{BROKEN: "VK tells nothing of a deleted campaign", **own, "window": str(window)}]
            yield rows


def account_day_pages(client: VkAdsClient, window: Window, context: Context) -> Iterator[Page]:
    """Days of every account as a whole, by v2 whatever the campaigns are asked by; none where totals are not wanted."""
    where = f"vk_ads account_days {window}"
    _refuse_too_early(window, context, where)
    for account in _accounts(context) if client.checks_totals else ():
        user = client.user_id(account, where=where)
        for _, days in client.days(account, "users", [user], window, where=where):
            if days is None:
                raise RejectedError(f"{where}: VK tells nothing of the whole account. Set `check_totals` to false.")
            yield [_flat(row, {"account": account}) for row in days]


def _refuse_too_early(window: Window, context: Context, where: str) -> None:
    """Raises RejectedError for days before VK's history: an empty answer there would take the landed rows away."""
    earliest = context.now.astimezone(context.zone).date() - timedelta(days=HISTORY_DAYS)
    if window.first < earliest:
        raise RejectedError(f"{where}: VK tells {HISTORY_DAYS} days back, to {earliest}. Ask for a later first day.")


def _days(
    client: VkAdsClient,
    account: str,
    level: str,
    objects: Mapping[str, AdObject],
    window: Window,
    context: Context,
    where: str,
) -> Iterator[tuple[str, list[dict[str, Any]] | None]]:
    """By the interface that the connection names: v2 (documented to tell days) or v3 (unconfirmed)."""
    if context.settings.get("statistics", "v2") == "v3":
        for one in days_of(window):
            yield from client.one_day(account, level, one, where=where)
    else:
        yield from client.days(account, level, list(objects), window, where=where)


def _flat(row: Mapping[str, Any], known: Mapping[str, Any]) -> Mapping[str, Any]:
    """The metrics beside the date. A metric that is new stays a field of its own, and so is kept."""
    base = row.get("base")
    metrics = base if isinstance(base, Mapping) else {}
    return {**{name: value for name, value in row.items() if name != "base"}, **metrics, **known}


def _currency(client: VkAdsClient, account: str, context: Context, where: str) -> str:
    """What VK says, which must be what the connection says, if it does."""
    told, expected = client.currency(account, where=where), context.settings.get("currency")
    if not told and not expected:
        raise ConfigError(f"{where}: VK does not say the account's currency. Set `currency` in the connection.")
    if told and expected and told != expected:
        raise GuardError(
            f"{where}: the account is kept in {told!r}, but the connection says {expected!r}. Nothing was written. "
            "Correct `currency`, or the account."
        )
    return str(told or expected)


CAMPAIGN_DAYS = StreamSpec(
    source="vk_ads",
    name="campaign_days",
    description="Cost, shows and clicks of VK Реклама.",
    columns=(
        ("account", "text"),
        ("level", "text"),
        ("campaign_id", "text"),
        ("campaign_name", "text"),
        ("utm_campaign", "text"),
        ("report_date", "date"),
        ("shows", "bigint"),
        ("clicks", "bigint"),
        ("spent", "numeric"),
        ("currency", "text"),
        ("includes_vat", "boolean"),
        ("clinic_id", "text"),
    ),
    key=("account", "level", "campaign_id", "report_date"),
    record=CampaignDay,
    row=campaign_day_row,
    pages=campaign_day_pages,
    replace="window",
    window_column="report_date",
    # 366 days are documented; clients in use split at 92.
    window_days=92,
    # No lookback is documented; corrections are seen for a week, two cost one request more.
    lookback_days=14,
    account="account",
    steady=("currency",),
    accounts=lambda context: tuple(_accounts(context)),
    skipped=METRICS_SKIPPED,
)

ACCOUNT_DAYS = StreamSpec(
    source="vk_ads",
    name="account_days",
    description="VK's own totals of an account and day, which the sum of its campaigns is compared with.",
    columns=(
        ("account", "text"),
        ("report_date", "date"),
        ("shows", "bigint"),
        ("clicks", "bigint"),
        ("spent", "numeric"),
    ),
    key=("account", "report_date"),
    record=AccountDay,
    row=account_day_row,
    pages=account_day_pages,
    replace="window",
    window_column="report_date",
    window_days=92,
    lookback_days=14,
    account="account",
    accounts=lambda context: tuple(_accounts(context)),
    skipped=METRICS_SKIPPED,
    totals=Totals(
        of="campaign_days",
        day="report_date",
        account="account",
        money=(("spent", "spent"),),
        counts=(("clicks", "clicks"), ("shows", "shows")),
    ),
)
