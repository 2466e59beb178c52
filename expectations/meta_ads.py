"""Rules for what Meta said."""

from __future__ import annotations

from expectations.advertising import OWNER, clicks_within, spend_holds
from expectations.rule import Rule
from expectations.totals import totals_hold
from extractors.sources.meta_ads.streams import ACCOUNT_DAYS

TABLE = "staging.meta_ads__ad_insights"
KEYS = ("account_id", "report_date", "campaign_id", "ad_id")

SUITE: tuple[Rule, ...] = (
    *spend_holds(
        TABLE,
        key=("account_id", "report_date", "ad_id"),
        account="account_id",
        filled=("campaign_id", "spend", "currency", "account_time_zone", "includes_vat"),
        keys=KEYS,
        cost="spend",
    ),
    clicks_within(TABLE, "link_clicks", "clicks", "Clicks on links are part of all clicks", KEYS),
    *totals_hold(ACCOUNT_DAYS, OWNER),
)
