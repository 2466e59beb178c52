"""Rules for what VK Реклама said."""

from __future__ import annotations

from expectations.advertising import OWNER, clicks_within, spend_holds
from expectations.rule import Rule, where
from expectations.totals import totals_hold
from extractors.sources.vk_ads.streams import ACCOUNT_DAYS

TABLE = "staging.vk_ads__campaign_days"
KEYS = ("report_date", "campaign_id")

SUITE: tuple[Rule, ...] = (
    *spend_holds(
        TABLE,
        key=("account", "level", "campaign_id", "report_date"),
        account="account",
        filled=("spent", "currency", "includes_vat"),
        keys=KEYS,
        cost="spent",
        shown="shows",
    ),
    Rule(
        name="a_day_is_told_at_one_level",
        table=TABLE,
        expectation=where(
            "(t.account, t.report_date) in (select account, report_date from {batch}"
            " group by account, report_date having min(level) <> max(level))"
        ),
        severity="stop",
        reason="Plans and their groups tell the same money; a day with both would be counted twice.",
        what_to_do="Reload the days named (`make backfill SOURCE=vk_ads`) with the `level` that shall stay.",
        owner=OWNER,
        keys=KEYS,
    ),
    clicks_within(TABLE, "clicks", "shows", "Nobody clicks what was not shown", KEYS),
    *totals_hold(ACCOUNT_DAYS, OWNER),
)
