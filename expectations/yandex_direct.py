"""Rules for what Yandex.Direct said."""

from __future__ import annotations

from expectations.advertising import OWNER, clicks_within, spend_holds
from expectations.common import newest_is_recent
from expectations.rule import Rule
from expectations.totals import totals_hold
from extractors.sources.yandex_direct.streams import ACCOUNT_DAYS

TABLE = "staging.yandex_direct__ad_performance"
KEYS = ("report_date", "campaign_id", "ad_id")

SUITE: tuple[Rule, ...] = (
    *spend_holds(
        TABLE,
        key=("client_login", "report_date", "campaign_id", "ad_group_id", "ad_id"),
        account="client_login",
        filled=("cost", "currency", "includes_vat"),
        keys=KEYS,
    ),
    clicks_within(TABLE, "clicks", "impressions", "Nobody clicks what was not shown", KEYS),
    newest_is_recent(TABLE, "report_date", OWNER),
    *totals_hold(ACCOUNT_DAYS, OWNER),
)
