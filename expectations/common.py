"""Rules that many landed tables share."""

# ruff: noqa: S608 - every name in these queries is ours, none is input
from __future__ import annotations

from collections.abc import Sequence

from expectations.rule import FIRST_YEAR, Rule, few, filled, like, no_rows, one_of, unique, where, within

REPORTING = "(select coalesce(max(value) filter (where name = 'reporting_currency'), 'RUB') from staging.settings)"
# Key columns that may hold a name or a phone: a doubled key is then told by how often it comes.
UNSHOWN = ("name", "address", "note", "entered_by")
MOST_MONEY = 100_000_000_000  # of one row, in any currency, sums and rials too: more is two glued columns


def keyed(
    table: str, key: Sequence[str], filled_columns: Sequence[str], keys: tuple[str, ...], owner: str
) -> list[Rule]:
    """The key is unique, and it and what else must be there is filled."""
    return [
        Rule(
            name="key_is_unique",
            table=table,
            expectation=unique(*key),
            severity="stop",
            reason="A key that comes twice counts its row twice in every figure.",
            what_to_do="Load the source again; if it stays, the index that guards the key is gone: run the preparation "
            "(`make load` does) and look at its error.",
            owner=owner,
            keys=tuple(column for column in key if column not in UNSHOWN) or ("rows",),
        ),
        *(
            Rule(
                name=f"{column}_is_filled",
                table=table,
                expectation=filled(column),
                severity="stop",
                reason=f"A row without {column} joins nothing and would fall out of the figures without a word.",
                what_to_do="Fill it where the row was written, then load the source again.",
                owner=owner,
                keys=keys,
            )
            for column in filled_columns
        ),
    ]


def vocabulary(table: str, column: str, words: Sequence[str], keys: tuple[str, ...], owner: str) -> Rule:
    """A closed vocabulary."""
    return Rule(
        name=f"{column}_is_a_known_word",
        table=table,
        expectation=one_of(column, words),
        severity="stop",
        reason=f"Models compare {column} with: {', '.join(words)}. Another word is counted nowhere.",
        what_to_do="Translate the word in mapping.yml (`values`), or correct it in the source; then load again.",
        owner=owner,
        keys=keys,
    )


def clinic_known(table: str, keys: tuple[str, ...], owner: str) -> Rule:
    """Where a clinic is named, it is one of the landed ones. Before any clinic has landed nobody can tell."""
    return Rule(
        name="clinic_is_known",
        table=table,
        expectation=where(
            "t.clinic_id is not null and exists (select from {clinics} as any_clinic where clinic_id is not null)"
            " and not exists (select from {clinics} as clinics where clinics.clinic_id = t.clinic_id)"
        ),
        severity="stop",
        reason="Dates are days in the clinic's time zone. A row of an unknown clinic has no day and no reader.",
        what_to_do="Add the clinic to clinics.csv, or correct the clinic in the connection's settings or the file.",
        owner=owner,
        keys=keys,
    )


def plausible_times(
    table: str, column: str, keys: tuple[str, ...], owner: str, first_year: int = FIRST_YEAR
) -> list[Rule]:
    """Years from the first to three after the load: a single slip is told, a table full of them stops the load."""
    wrong = f't."{column}" < \'{first_year}-01-01\' or t."{column}" > {{latest}}'
    reason = "A row with a wrong year is in no period that anybody asks for."
    to_do = "Look at the rows' dates as the source wrote them; correct them, or the date format in mapping.yml."
    return [
        Rule(
            name=f"{column}_is_plausible",
            table=table,
            expectation=where(wrong),
            severity="warn",
            reason=reason,
            what_to_do=to_do,
            owner=owner,
            keys=keys,
        ),
        Rule(
            name=f"{column}_is_mostly_plausible",
            table=table,
            expectation=few(wrong, share=0.05, at_least=3),
            severity="stop",
            reason=reason + " When more than 5 in 100 have one, dates are read in a wrong format.",
            what_to_do=to_do,
            owner=owner,
            keys=keys,
        ),
    ]


def amount_within(table: str, column: str, low: int, keys: tuple[str, ...], owner: str) -> Rule:
    """Money of one row is within bounds that nothing real passes."""
    return Rule(
        name=f"{column}_is_plausible",
        table=table,
        expectation=within(column, low, MOST_MONEY),
        severity="stop",
        reason=f"One such row would outweigh the month. Bounds of {column}: {low} to {MOST_MONEY} of any currency.",
        what_to_do="Look for a decimal point read as a thousands separator, or a total row; correct it and load again.",
        owner=owner,
        keys=keys,
    )


def currency_is_a_code(table: str, keys: tuple[str, ...], owner: str) -> Rule:
    return Rule(
        name="currency_is_a_code",
        table=table,
        expectation=like("currency", "^[A-Z]{3}$"),
        severity="stop",
        reason="Rates are found by the three letters of ISO 4217; `руб.` or `rub` finds none.",
        what_to_do="Translate the currency in mapping.yml (`values`) or correct it in the source; then load again.",
        owner=owner,
        keys=keys,
    )


def rate_is_known(table: str, day: str, keys: tuple[str, ...], owner: str) -> Rule:
    """Every foreign currency has a rate on or before its day. `day` is SQL over `t`."""
    return Rule(
        name="currency_has_a_rate",
        table=table,
        expectation=where(
            f"t.currency <> {REPORTING} and not exists (select from {{rates}} as rates"
            f' where rates.currency = t.currency and rates."date" <= {day})'
        ),
        severity="stop",
        reason="Money without a rate on or before its day cannot be told in the reporting currency.",
        what_to_do="Add the rate to currency_rates.csv (date, currency, rate), or set `reporting_currency` in the "
        "settings of mapping.yml if this is the currency to report in; then load again.",
        owner=owner,
        keys=keys,
    )


def volume_holds(table: str, moment: str, owner: str) -> Rule:
    """The last seven days have at least three tenths of a usual week; weeks of fewer than 20 rows say nothing."""
    return Rule(
        name="volume_holds",
        table=table,
        expectation=no_rows(
            "select * from (select"
            f' count(*) filter (where "{moment}" >= {{now}} - interval \'7 days\' and "{moment}" < {{now}})'
            " as last_week,"
            f" round(count(*) filter (where \"{moment}\" >= {{now}} - interval '35 days'"
            f" and \"{moment}\" < {{now}} - interval '7 days') / 4.0) as usual_week from {{batch}}) as weeks"
            " where usual_week >= 20 and last_week < 0.3 * usual_week"
        ),
        severity="warn",
        reason="A source that suddenly says little is more often broken than quiet.",
        what_to_do="Look at ops.loads for this source: failed windows, rejected rows. If none, the week was quiet.",
        owner=owner,
        keys=("last_week", "usual_week"),
    )


def reachable(table: str, condition: str, share: float, keys: tuple[str, ...], owner: str) -> Rule:
    """Most rows carry something that leads to a person. `condition`: SQL over `t` for those that do not."""
    return Rule(
        name="most_lead_to_a_person",
        table=table,
        expectation=few(condition, share=share, at_least=20),
        severity="warn",
        reason=f"More than {share:.0%} of the rows have nothing that leads to a person: each would be a person of its "
        "own, and inquiries too many.",
        what_to_do="Check that phones and e-mails are exported and mapped; hidden or masked numbers are useless.",
        owner=owner,
        keys=keys,
    )


def newest_is_recent(table: str, moment: str, owner: str, days: int = 3) -> Rule:
    """A table to which rows come every day has one of the last days. It warns only: a quiet week is no fault."""
    return Rule(
        name="newest_is_recent",
        table=table,
        expectation=no_rows(
            "select * from (select"
            f" max(\"{moment}\") filter (where \"{moment}\" < {{now}})::date as newest,"
            f" count(*) filter (where \"{moment}\" >= {{now}} - interval '35 days' and \"{moment}\" < {{now}})"
            " as last_five_weeks from {batch}) as told"
            f" where last_five_weeks >= 70 and newest < ({{now}} - interval '{days} days')::date"
        ),
        severity="warn",
        reason=f"Two rows a day and more came, and none in {days} days: the source is behind, or its connection is.",
        what_to_do="Look at reports.freshness and ops.loads for this source (docs/runbooks/vendor_down.md). If the"
        " clinic was closed, nothing.",
        owner=owner,
        keys=("newest", "last_five_weeks"),
    )


def _five_weeks(moment: str) -> str:
    """Only what is compared: older rows are many, and grouping them takes time."""
    return f"\"{moment}\" >= {{now}} - interval '35 days' and \"{moment}\" < {{now}}"


def drift_watched(
    table: str, moment: str, owner: str, *, mixes: Sequence[str] = (), middles: Sequence[str] = ()
) -> list[Rule]:
    """The mix of each column of words, and the middle of each column of numbers, hold."""
    return [
        *(mix_holds(table, column, moment, owner) for column in mixes),
        *(middle_holds(table, column, moment, owner) for column in middles),
    ]


def mix_holds(table: str, column: str, moment: str, owner: str) -> Rule:
    """Shares of a column's words in the last seven days against the four weeks before: they differ by at most 30 of 100
    rows (total variation). By chance alone that does not happen from 50 rows of six words on: it would be 13."""
    return Rule(
        name=f"{column}_keeps_its_mix",
        table=table,
        expectation=no_rows(
            "select * from (select"
            " round(50 * sum(abs(now_rows / now_total - usual_rows / usual_total))) as moved_percent,"
            " max(now_total) as last_week, max(usual_total) as four_weeks_before"
            " from (select now_rows, usual_rows,"
            " sum(now_rows) over () as now_total, sum(usual_rows) over () as usual_total from (select"
            f" count(*) filter (where \"{moment}\" >= {{now}} - interval '7 days' and \"{moment}\" < {{now}})"
            " as now_rows,"
            f" count(*) filter (where \"{moment}\" >= {{now}} - interval '35 days'"
            f" and \"{moment}\" < {{now}} - interval '7 days') as usual_rows"
            f" from {{batch}} where {_five_weeks(moment)} group by \"{column}\") as counted"
            ") as shares where now_total >= 50 and usual_total >= 200) as compared where moved_percent > 30"
        ),
        severity="warn",
        reason=f"Where the mix of {column} turns within a week, a mapping, a tag or an export changed more often than "
        "people did.",
        what_to_do=f"Compare {column} of this week and the last in the table; ask who changed the vendor's settings."
        " A campaign or a holiday may be the reason: then nothing.",
        owner=owner,
        keys=("moved_percent", "last_week", "four_weeks_before"),
    )


def middle_holds(table: str, column: str, moment: str, owner: str) -> Rule:
    """The quartiles of the last seven days are not all above three times, or all below a third of, those of the four
    weeks before. All three: a median of few kinds of rows (two campaigns, one large) jumps by itself."""
    quartiles = f"percentile_cont(array[0.25, 0.5, 0.75]) within group (order by \"{column}\") filter"
    last = f"\"{column}\" > 0 and \"{moment}\" >= {{now}} - interval '7 days' and \"{moment}\" < {{now}}"
    usual = (
        f"\"{column}\" > 0 and \"{moment}\" >= {{now}} - interval '35 days'"
        f" and \"{moment}\" < {{now}} - interval '7 days'"
    )
    above = " and ".join(f"last_weeks[{place}] > 3 * usuals[{place}]" for place in (1, 2, 3))
    below = " and ".join(f"last_weeks[{place}] < usuals[{place}] / 3" for place in (1, 2, 3))
    return Rule(
        name=f"{column}_keeps_its_middle",
        table=table,
        expectation=no_rows(
            "select last_weeks[2] as last_week, usuals[2] as usual, rows, usual_rows from ("
            f"select {quartiles} (where {last}) as last_weeks, {quartiles} (where {usual}) as usuals,"
            f" count(*) filter (where {last}) as rows, count(*) filter (where {usual}) as usual_rows"
            f" from {{batch}} where {_five_weeks(moment)}) as told"
            f" where rows >= 20 and usual_rows >= 80 and (({above}) or ({below}))"
        ),
        severity="warn",
        reason=f"Low, middle and high {column} are three times above or below the usual: kopecks read as roubles,"
        " another currency, minutes read as seconds.",
        what_to_do="Compare a row of this week with the source. If prices really changed so much, nothing.",
        owner=owner,
        keys=("last_week", "usual", "rows", "usual_rows"),
    )
