"""Rules for what Google Ads said."""

from __future__ import annotations

from expectations.advertising import OWNER, spend_holds
from expectations.rule import Rule
from expectations.totals import totals_hold
from extractors.sources.google_ads.streams import ACCOUNT_DAYS

KEY = ("customer_id", "report_date", "campaign_id")

SUITE: tuple[Rule, ...] = (
    *spend_holds(
        "staging.google_ads__ad_performance",
        key=KEY,
        account="customer_id",
        filled=("cost", "currency", "account_time_zone", "includes_vat"),
        keys=KEY,
        mixes=("channel_type",),
    ),
    *totals_hold(ACCOUNT_DAYS, OWNER),
)
