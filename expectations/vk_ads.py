"""Rules for what VK Реклама said."""

from __future__ import annotations

from expectations.common import (
    amount_within,
    clinic_known,
    currency_is_a_code,
    drift_watched,
    keyed,
    plausible_times,
    rate_is_known,
    volume_holds,
)
from expectations.rule import Rule, where
from expectations.totals import totals_hold
from extractors.sources.vk_ads.streams import ACCOUNT_DAYS

OWNER = "the warehouse's owner, with whoever runs the advertising account"
TABLE = "staging.vk_ads__campaign_days"
KEY = ("account", "level", "campaign_id", "report_date")
KEYS = ("report_date", "campaign_id")

SUITE: tuple[Rule, ...] = (
    *keyed(TABLE, KEY, (*KEY, "spent", "currency", "includes_vat"), KEYS, OWNER),
    clinic_known(TABLE, KEYS, OWNER),
    *plausible_times(TABLE, "report_date", KEYS, OWNER),
    amount_within(TABLE, "spent", 0, KEYS, OWNER),
    currency_is_a_code(TABLE, KEYS, OWNER),
    rate_is_known(TABLE, "t.report_date", KEYS, OWNER),
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
    Rule(
        name="clicks_are_not_more_than_shows",
        table=TABLE,
        expectation=where("t.clicks > t.shows"),
        severity="warn",
        reason="Nobody clicks what was not shown; late corrections of the vendor may pass for a day.",
        what_to_do="Wait for the next load; if it stays, compare the day with the vendor's own report.",
        owner=OWNER,
        keys=KEYS,
    ),
    Rule(
        name="clicks_cost_something",
        table=TABLE,
        expectation=where(
            "t.clicks > 0 and t.report_date in (select report_date from {batch}"
            " where report_date >= {now}::date - 35 group by report_date having sum(spent) = 0)"
        ),
        severity="warn",
        reason="A day with clicks and no cost at all is usually a day asked for too early.",
        what_to_do="Reload the day (`make backfill SOURCE=vk_ads`), compare with the vendor's own report.",
        owner=OWNER,
        keys=KEYS,
    ),
    volume_holds(TABLE, "report_date", OWNER),
    *drift_watched(TABLE, "report_date", OWNER, middles=("spent", "shows", "clicks")),
    *totals_hold(ACCOUNT_DAYS, OWNER),
)
