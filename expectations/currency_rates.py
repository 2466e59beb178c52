"""Rules for what the central bank of Russia said."""

from __future__ import annotations

from expectations.common import REPORTING, currency_is_a_code, keyed, plausible_times
from expectations.rule import FIRST_YEAR_OF_BOOKS, Rule, where

OWNER = "the warehouse's owner"
TABLE = "staging.currency_rates__rates"
KEYS = ("date", "currency")

SUITE: tuple[Rule, ...] = (
    *keyed(TABLE, KEYS, (*KEYS, "rate"), KEYS, OWNER),
    *plausible_times(TABLE, "date", KEYS, OWNER, FIRST_YEAR_OF_BOOKS),
    currency_is_a_code(TABLE, KEYS, OWNER),
    Rule(
        name="money_is_reported_in_roubles",
        table=TABLE,
        expectation=where(f"{REPORTING} <> 'RUB'"),
        severity="stop",
        reason="The bank tells roubles for a unit; in another reporting currency every amount would be wrong.",
        what_to_do="Unset the connection `currency_rates`, empty its table, load currency_rates.csv of your own bank.",
        owner=OWNER,
        keys=KEYS,
    ),
    Rule(
        name="rate_is_above_zero",
        table=TABLE,
        expectation=where("t.rate <= 0"),
        severity="stop",
        reason="Money at a rate of zero is no money.",
        what_to_do="Load the days again; if it stays, compare with the bank's page of that day.",
        owner=OWNER,
        keys=KEYS,
    ),
    Rule(
        name="rate_moves_by_days_not_by_tens",
        table=TABLE,
        expectation=where(
            "exists (select from (select rate from {batch} as earlier where earlier.currency = t.currency"
            ' and earlier."date" < t."date" order by earlier."date" desc limit 1) as before'
            " where t.rate > 2 * before.rate or t.rate < before.rate / 2)"
        ),
        severity="warn",
        reason="A rate that doubles overnight is more often a changed nominal read wrongly than news.",
        what_to_do="Compare the day with the bank's page; if the bank redenominated the currency, all is well.",
        owner=OWNER,
        keys=KEYS,
    ),
    Rule(
        name="rates_are_fresh",
        table=TABLE,
        expectation=where(
            't."date" = (select max("date") from {batch} as newest where newest.currency = t.currency)'
            " and t.\"date\" < {now}::date - 14"
        ),
        severity="warn",
        reason="A day without a rate takes the last earlier one; two weeks old it is no day's rate any more.",
        what_to_do="Look at ops.loads for currency_rates; if the currency is not asked for any more, all is well.",
        owner=OWNER,
        keys=KEYS,
    ),
)
