"""Rules for control totals: what is landed of an account and its days is what the vendor itself says of it.

What may be compared at all, and to how much, is in `extractors/core/totals.py`.
"""

# ruff: noqa: S608 - every name in these queries is ours, none is input
from __future__ import annotations

from expectations.rule import Rule, no_rows, where
from extractors.core.spec import StreamSpec
from extractors.core.totals import differing_counts, differing_days

# A bare number of ten digits would be hidden as a phone is (`redact`); an account's is nobody's.
ACCOUNT = "case when differ.account ~ '^[0-9]' then 'id_' || differ.account else differ.account end as account"
# A day is over everywhere in the world when the day after it is over in UTC; so yesterday's may still be added to.
SETTLED = "differ.day < (differ.read_at at time zone 'UTC')::date - 1"


def totals_hold(stream: StreamSpec, owner: str) -> tuple[Rule, ...]:
    """Every day's rows are the total of `stream`. What is still moving, or known to be set aside, only warns."""
    totals = stream.totals
    if totals is None:
        raise ValueError(f"{stream.table} holds no totals of another stream")
    rows = f"staging.{stream.source}__{totals.of}"
    days = differing_days(stream.source, stream.name, totals)
    # What is missing lies in quarantine, which is told by itself; more than the total never does.
    in_quarantine = " and ".join((
        "differ.set_aside > 0", *(f"differ.landed_{name} <= differ.told_{name}" for name in totals.figures)
    ))  # fmt: skip
    refused = f"({SETTLED}) and not ({in_quarantine})"
    figures = tuple(f"{side}_{name}" for name in totals.figures for side in ("told", "landed"))
    keys = ("account", "day", *figures)
    found = f"select {ACCOUNT}, differ.day, {', '.join(f'differ.{name}' for name in figures)} from ({days}) as differ"
    reason = (
        "The vendor's own total of an account and day (told) is not the sum of its rows here (landed): rows were lost,"
        " doubled or rounded. Both were read a second time before this was said."
    )
    return (
        Rule(
            name="days_are_the_vendors_totals",
            table=f"staging.{stream.table}",
            expectation=no_rows(f"{found} where {refused}"),
            severity="stop",
            reason=reason,
            what_to_do=f"Load the days once more (`make backfill SOURCE={stream.source} FROM=… TO=…`), and compare one"
            f" with the vendor's cabinet. If the cabinet agrees with the total, the loader of {stream.source} is wrong:"
            f" tell whoever keeps it. See docs/sources/{stream.source}.md.",
            owner=owner,
            keys=keys,
            needs=(rows,),
        ),
        Rule(
            name="new_days_are_the_vendors_totals",
            table=f"staging.{stream.table}",
            expectation=no_rows(
                f"{found} where not ({refused})"
                " and differ.day < (differ.read_at at time zone 'UTC')::date"
            ),
            severity="warn",
            reason=f"{reason} It is yesterday, to which the vendor may still add, or rows of the day were set aside.",
            what_to_do="Yesterday is compared for good tomorrow. For rows set aside: `make quarantine SOURCE="
            f"{stream.source}`, fix and replay them.",
            owner=owner,
            keys=keys,
            needs=(rows,),
        ),
    )


def counts_hold(stream: StreamSpec, owner: str) -> Rule:
    """The newest windows hold as many rows of each report as the vendor counts there.

    The days of a window were over when they were counted, and it is the vendor's own count of the very report that was
    read. So it is exact; only rows that were set aside are known to be missing.
    """
    counts = stream.counts
    if counts is None:
        raise ValueError(f"{stream.table} holds no counts of other streams")
    windows = differing_counts(stream.source, stream.name, counts)
    return Rule(
        name="rows_are_as_many_as_the_vendor_counts",
        table=f"staging.{stream.table}",
        expectation=no_rows(
            f"select {ACCOUNT}, differ.report, differ.first_date, differ.last_date, differ.told, differ.landed"
            f" from ({windows}) as differ where not (differ.landed < differ.told"
            " and differ.landed + differ.set_aside >= differ.told)"
        ),
        severity="stop",
        reason="The vendor's own count of a report and window (told) is not the number of rows here (landed): rows were"
        " lost, or some are here that the vendor does not have any more. Both were read a second time before this was"
        " said.",
        what_to_do=f"Load the days once more (`make backfill SOURCE={stream.source} FROM=… TO=…`), and count one day in"
        f" the vendor's cabinet. If the cabinet agrees with the count, the loader of {stream.source} is wrong: tell"
        f" whoever keeps it. See docs/sources/{stream.source}.md.",
        owner=owner,
        keys=("account", "report", "first_date", "last_date", "told", "landed"),
        needs=tuple(f"staging.{stream.source}__{name}" for name, _ in counts.of),
    )


def listed_are_landed(source: str, stream: str, listed: str, key: str, owner: str) -> Rule:
    """Every number of the vendor's whole list is landed, from the first that was created since loading began.

    A CRM numbers its records as they are created and tells all numbers it has; that is its own count, record by record.
    Only what changed is loaded, so older ones may rightly be missing, and so may one that is younger than the newest
    landed: it was created between the two requests.
    """
    rows = f"staging.{source}__{stream}"
    began = (
        f"select min(loads.window_from) from ops.loads as loads where loads.source = '{source}'"
        f" and loads.stream = '{stream}' and loads.status = 'succeeded'"
    )
    return Rule(
        name="every_number_of_the_vendor_is_landed",
        table=f"staging.{source}__{listed}",
        expectation=where(
            f"t.{key} > (select min(r.{key}::bigint) from {rows} as r where r.created_at >= ({began}))"
            f" and t.{key} < (select max(r.{key}::bigint) from {rows} as r)"
            f" and not exists (select from {rows} as r where r.{key} = t.{key}::text)"
        ),
        severity="warn",
        reason="The vendor has these records and they are not here: their money and their path are in no figure.",
        what_to_do=f"Load from the day on which they were created (`make backfill SOURCE={source} FROM=…`); look at"
        f" `make quarantine SOURCE={source}`: they may be set aside. Days that were never loaded are a reason too.",
        owner=owner,
        keys=(key,),
        needs=(rows,),
    )
