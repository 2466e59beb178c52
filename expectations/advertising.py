"""Rules that every source of advertising spend keeps, a row being a campaign or an ad on a day of an account."""

# ruff: noqa: S608 - every name in these queries is ours, none is input
from __future__ import annotations

from collections.abc import Sequence

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

OWNER = "the warehouse's owner, with whoever runs the advertising account"
DAY = "report_date"


def spend_holds(
    table: str,
    *,
    key: Sequence[str],
    account: str,
    filled: Sequence[str],
    keys: tuple[str, ...],
    cost: str = "cost",
    shown: str = "impressions",
    mixes: Sequence[str] = (),
) -> tuple[Rule, ...]:
    """What a table of spend must be like. `filled`: columns beside the key; `account`, `cost` and `shown` (how often an
    ad was shown) are the vendor's names of these columns."""
    source = table.removeprefix("staging.").partition("__")[0]
    return (
        *keyed(table, key, (*key, *filled), keys, OWNER),
        clinic_known(table, keys, OWNER),
        *plausible_times(table, DAY, keys, OWNER),
        amount_within(table, cost, 0, keys, OWNER),
        currency_is_a_code(table, keys, OWNER),
        rate_is_known(table, f"t.{DAY}", keys, OWNER),
        Rule(
            name="one_currency_per_account",
            table=table,
            expectation=where(
                f"t.{account} in (select {account} from {{batch}} group by {account}"
                " having min(currency) <> max(currency))"
            ),
            severity="stop",
            reason="Spend of one account in two currencies is added up wrongly by whoever looks at the account.",
            what_to_do="If the account's currency was changed, reload all its days (`make backfill"
            f" SOURCE={source} FROM=… TO=…`); else compare the accounts and `currency` of the connection.",
            owner=OWNER,
            keys=keys,
        ),
        Rule(
            name="clicks_cost_something",
            table=table,
            expectation=where(
                f"t.clicks > 0 and (t.{account}, t.{DAY}) in (select {account}, {DAY} from {{batch}}"
                f" where {DAY} >= {{now}}::date - 35 group by {account}, {DAY} having sum({cost}) = 0)"
            ),
            severity="warn",
            reason="A day of an account with clicks and no cost at all is usually a report asked for too early, or with"
            " the wrong columns.",
            what_to_do=f"Reload the day (`make backfill SOURCE={source} FROM=… TO=…`), compare with the vendor's own"
            " report.",
            owner=OWNER,
            keys=keys,
        ),
        volume_holds(table, DAY, OWNER),
        *drift_watched(table, DAY, OWNER, mixes=mixes, middles=(cost, shown, "clicks")),
    )


def clicks_within(table: str, fewer: str, more: str, reason: str, keys: tuple[str, ...]) -> Rule:
    """One of two counts of the vendor is part of the other."""
    return Rule(
        name=f"{fewer}_are_not_more_than_{more}",
        table=table,
        expectation=where(f"t.{fewer} > t.{more}"),
        severity="warn",
        reason=f"{reason}; late corrections of the vendor may pass for a day.",
        what_to_do="Wait for the next load; if it stays, compare the day with the vendor's own report.",
        owner=OWNER,
        keys=keys,
    )
