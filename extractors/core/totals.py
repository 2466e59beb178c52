"""The vendor's own totals, and where the rows that are landed do not add up to them.

A total is asked for by a request of its own (a report of the account, a count), so a row that is lost, doubled or
rounded on its way to the landed table is not lost, doubled or rounded in it too.

What may be compared (docs/decisions/totals_of_the_vendor.md):

- a day that was over when its total was read; what a vendor still adds to says nothing;
- rows whose newest reading went well, and a total that was read after them. A vendor who changed a day between the two
  is asked once more by the loader (extractors/settle.py), rows first;
- counts to the unit, money to half of its smallest coin for each row: a vendor rounds each of them.
"""

# ruff: noqa: S608 - every name in these queries is ours, none is input
from __future__ import annotations

from dataclasses import dataclass

HALF_A_COIN = "0.005"  # of any currency here; RUB, EUR, USD have hundredths
# A reading went well, and the totals were read after the rows.
IN_ORDER = "rows_read.status = 'succeeded' and total_read.status = 'succeeded' and total_read.began >= rows_read.began"


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Of which stream a stream's rows are the totals.

    of       name of the stream, of the same source, with the rows.
    day      the column of the day, and `account` that of the account, which both streams have.
    money    (column of the total, column of the rows) of amounts.
    counts   the same of whole numbers.
    """

    of: str
    day: str
    account: str
    money: tuple[tuple[str, str], ...] = ()
    counts: tuple[tuple[str, str], ...] = ()

    @property
    def figures(self) -> tuple[str, ...]:
        """The totals' names of what is compared."""
        return tuple(told for told, _ in (*self.money, *self.counts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Of which streams a stream's rows are the vendor's counts, a row per account, report and window of whole days.

    Such a stream has the columns `report` (the stream's name), `first_date`, `last_date` and `row_count`.

    of       (name of the stream, its column of the day).
    account  the column of the account, which all have; null: the connection is one account.
    """

    of: tuple[tuple[str, str], ...]
    account: str | None = None


def differing_days(source: str, stream: str, totals: Totals) -> str:
    """SQL: one row per account and day whose rows are not the vendor's total, with both of every figure.

    Columns: account, day, told_<figure> and landed_<figure> for each, `set_aside` (rows of that reading in quarantine)
    and `read_at` (when the total was read). Days that may not be compared are left out, but not those that were not
    over: whoever asks knows the zone.
    """
    key = f'"{totals.account}" as account, "{totals.day}" as day'
    pairs = (*totals.money, *totals.counts)
    told = ", ".join(f'coalesce("{name}", 0) as told_{name}, 0 as landed_{name}' for name, _ in pairs)
    landed = ", ".join(f'0 as told_{name}, coalesce("{own}", 0) as landed_{name}' for name, own in pairs)
    sums = ", ".join(f"sum(told_{name}) as told_{name}, sum(landed_{name}) as landed_{name}" for name, _ in pairs)
    shown = ", ".join(f"days.told_{name}, days.landed_{name}" for name in totals.figures)
    differ = " or ".join((
        *(f"abs(days.told_{name} - days.landed_{name}) > {HALF_A_COIN} * (days.row_count + 1)"
          for name, _ in totals.money),
        *(f"days.told_{name} <> days.landed_{name}" for name, _ in totals.counts),
    ))  # fmt: skip
    covering = "days.day between loads.window_from and loads.window_to"
    return (
        f"select days.account, days.day, {shown}, rows_read.set_aside, total_read.began as read_at from ("
        f"select account, day, sum(is_row) as row_count, {sums} from ("
        f"select {key}, 0 as is_row, {told} from staging.{source}__{stream}"
        f" union all select {key}, 1 as is_row, {landed} from staging.{source}__{totals.of}"
        ") as both_sides group by account, day) as days"
        f" cross join lateral ({_newest(source, totals.of, covering)}) as rows_read"
        f" cross join lateral ({_newest(source, stream, covering)}) as total_read"
        f" where ({differ}) and {IN_ORDER}"
    )


def differing_counts(source: str, stream: str, counts: Counts) -> str:
    """SQL: one row per account, report and window that does not hold as many rows as the vendor counts.

    Columns: account, report, first_date, last_date, told, landed, set_aside. A window is compared as long as none of
    its days was read again.
    """
    account = f'told."{counts.account}"' if counts.account else "''"
    inside = "loads.window_from <= days.last_date and loads.window_to >= days.first_date"
    found = []
    for name, day in counts.of:
        same = f' and landed."{counts.account}" = newest.account' if counts.account else ""
        found.append(
            "select newest.*, (select count(*) from"
            f" staging.{source}__{name} as landed where landed.\"{day}\" between newest.first_date and newest.last_date"
            f"{same}) as landed from ("
            "select days.*, rows_read.set_aside from"
            f" (select {account} as account, told.report, told.first_date, told.last_date, told.row_count as told"
            f" from staging.{source}__{stream} as told where told.report = '{name}') as days"
            f" cross join lateral ({_newest(source, name, inside)}) as rows_read"
            f" cross join lateral ({_newest(source, stream, inside)}) as total_read"
            f" where {IN_ORDER} and rows_read.window_from <= days.first_date and rows_read.window_to >= days.last_date"
            # a newer count of some of the days is the one to ask
            " and total_read.window_from = days.first_date and total_read.window_to >= days.last_date offset 0"
            ") as newest"
        )
    return f"select * from ({' union all '.join(found)}) as counted where told <> landed"


def _newest(source: str, stream: str, covering: str) -> str:
    """SQL over `days`: how the newest attempt to read the stream, of the account and so far back, went."""
    return (
        "select loads.status, loads.started_at as began, loads.rows_rejected as set_aside, loads.window_from,"
        " loads.window_to from ops.loads as loads"
        f" where loads.source = '{source}' and loads.stream = '{stream}' and loads.status <> 'running'"
        " and coalesce(loads.account, days.account) = days.account"
        f" and {covering} order by loads.started_at desc limit 1"
    )
