"""Rules for what Meta said."""

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
from extractors.sources.meta_ads.streams import ACCOUNT_DAYS

OWNER = "the warehouse's owner, with whoever runs the advertising account"
TABLE = "staging.meta_ads__ad_insights"
KEY = ("account_id", "report_date", "ad_id")
KEYS = ("account_id", "report_date", "campaign_id", "ad_id")

SUITE: tuple[Rule, ...] = (
    *keyed(TABLE, KEY, (*KEYS, "spend", "currency", "account_time_zone", "includes_vat"), KEYS, OWNER),
    clinic_known(TABLE, KEYS, OWNER),
    *plausible_times(TABLE, "report_date", KEYS, OWNER),
    amount_within(TABLE, "spend", 0, KEYS, OWNER),
    currency_is_a_code(TABLE, KEYS, OWNER),
    rate_is_known(TABLE, "t.report_date", KEYS, OWNER),
    Rule(
        name="one_currency_per_account",
        table=TABLE,
        expectation=where(
            "t.account_id in (select account_id from {batch} group by account_id"
            " having min(currency) <> max(currency))"
        ),
        severity="stop",
        reason="Spend of one account in two currencies is added up wrongly by whoever looks at the account.",
        what_to_do="If the account's currency was changed, reload all its days (`make backfill`); else compare "
        "`accounts` of the connection.",
        owner=OWNER,
        keys=KEYS,
    ),
    Rule(
        name="link_clicks_are_not_more_than_clicks",
        table=TABLE,
        expectation=where("t.link_clicks > t.clicks"),
        severity="warn",
        reason="Clicks on links are part of all clicks; late corrections of the vendor may pass for a day.",
        what_to_do="Wait for the next load; if it stays, compare the day with the vendor's own report.",
        owner=OWNER,
        keys=KEYS,
    ),
    volume_holds(TABLE, "report_date", OWNER),
    *drift_watched(TABLE, "report_date", OWNER, middles=("spend", "impressions", "clicks")),
    *totals_hold(ACCOUNT_DAYS, OWNER),
)
