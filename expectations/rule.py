"""What a rule is, and the short words in which suites say what they expect.

A suite is a tuple of rules. A rule names one table, the Great Expectations expectation it must meet, and what a person
needs who meets its breach: why it exists and what to do. Great Expectations takes seconds to import, so a rule holds a
recipe of its expectation, which the gate follows.
"""

# ruff: noqa: S608 - every name in these queries is ours, none is input
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any, Literal

Severity = Literal["stop", "warn"]

FIRST_YEAR = 2000  # no clinic's marketing data are older; 1970 and 1899 are how computers write "no date"
FIRST_YEAR_OF_BOOKS = 1971  # clinics' cards, visits and money, and rates, are older; 1970 and 1899 stay out
YEARS_AHEAD = 3  # appointments are made ahead, but not further
# Rows that a query may return: a whole broken table should not travel here to be counted.
MOST_ROWS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a recipe may use: the expectations of GX, the moment of the load, which tables there are, and whether
    readers see all rows but those of families in `build.family_unpublished`, so that the rest passed before."""

    gxe: ModuleType
    now: datetime
    tables: frozenset[str]
    only_touched: bool = False


Recipe = Callable[["Rule", Asked], Any]
# Columns whose changed keys a build of a day leaves in `build.family_unpublished`, and how it calls them.
TOUCHED = {
    "inquiry_key": "inquiry", "contact_id": "contact", "session_id": "session", "appointment_id": "appointment",
    "payment_id": "payment", "sale_id": "sale", "deal_id": "deal",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule about one table.

    name        a short sentence in snake_case, unique within its table.
    table       with its schema.
    expectation how to make the GX expectation.
    severity    stop: nothing is built or published; warn: reported only.
    reason      why the rule exists: what would go wrong in which figure.
    what_to_do  the next step of whoever reads the breach.
    owner       who can repair it.
    keys        columns that show which rows broke it; never personal data.
    needs       other tables the rule reads; where one is missing the rule is not asked.
    touched     column by whose keys it looks at changed rows only, once readers have the others: one of TOUCHED. Rows
                that a breach is of together must have the same key there. Not for a rule that only warns: its warning
                would be told on one day.
    """

    name: str
    table: str
    expectation: Recipe
    severity: Severity
    reason: str
    what_to_do: str
    owner: str
    keys: tuple[str, ...]
    needs: tuple[str, ...] = ()
    touched: str | None = None


def filled(column: str) -> Recipe:
    """The column is never null."""
    return _of_all_or_touched(
        lambda _rule, asked: asked.gxe.ExpectColumnValuesToNotBeNull(column=column), where(f't."{column}" is null')
    )


def one_of(column: str, words: Sequence[str]) -> Recipe:
    """The column holds only these words, or nothing."""
    listed = ", ".join(f"'{word}'" for word in words)
    return _of_all_or_touched(
        lambda _rule, asked: asked.gxe.ExpectColumnValuesToBeInSet(column=column, value_set=list(words)),
        where(f't."{column}" not in ({listed})'),
    )


def within(column: str, low: float | None, high: float | None) -> Recipe:
    """The column is null or between the bounds, both included."""
    return lambda rule, asked: asked.gxe.ExpectColumnValuesToBeBetween(column=column, min_value=low, max_value=high)


def like(column: str, pattern: str) -> Recipe:
    """The column is null or matches the regular expression."""
    return lambda rule, asked: asked.gxe.ExpectColumnValuesToMatchRegex(column=column, regex=pattern)


def _of_all_or_touched(of_all: Recipe, of_touched: Recipe) -> Recipe:
    """GX's own expectations look at a whole table, four times each: not where changed rows are enough."""
    return lambda rule, asked: (of_touched if asked.only_touched and rule.touched else of_all)(rule, asked)


def unique(*columns: str) -> Recipe:
    """No two rows have the same values there; nulls are values too."""
    listed = ", ".join(f'"{column}"' for column in columns)
    return no_rows(
        f"select {listed}, count(*) as rows from {{batch}} where {{touched}} group by {listed} having count(*) > 1"
    )


def where(condition: str, tables: str = "{batch} as t") -> Recipe:
    """No row `t`, of those that the rule looks at, meets the SQL condition. `tables` may join others to it."""

    def make(rule: Rule, asked: Asked) -> Any:  # noqa: ANN401 - an expectation of GX
        keys = ", ".join(f't."{key}"' for key in rule.keys)
        return no_rows(f"select {keys} from {tables} where {{touched}} and ({condition})")(rule, asked)

    return make


def as_many_as(landed: str) -> Recipe:
    """The mart has as many rows as the landed table, of those that the rule looks at."""
    return no_rows(
        "select * from (select (select count(*) from {batch} where {touched}) as in_the_mart,"
        f" (select count(*) from {landed} where {{touched}}) as landed) as counts where in_the_mart <> landed"
    )


def few(condition: str, share: float, at_least: int = 1) -> Recipe:
    """At most this share (0 to 1) of the rows `t` meet the condition; fewer than `at_least` rows never matter."""
    total = f"(select count(*) filter (where {condition}) from {{batch}} as t)"
    return where(f"({condition}) and {total} >= {at_least} and {total} > {share} * (select count(*) from {{batch}})")


def no_rows(query: str) -> Recipe:
    """The query returns nothing. `{batch}` is the rule's table; other words in braces:

    {now}      the moment of the load.
    {latest}   the latest plausible moment.
    {clinics}  (clinic_id, time_zone) of every landed clinic.
    {rates}    ("date", currency, rate) of every landed currency rate.
    {touched}  condition on the rule's column `touched`: changed since readers last got it; true where that is unknown.
    """

    def make(rule: Rule, asked: Asked) -> Any:  # noqa: ANN401 - an expectation of GX
        from expectations.no_rows import NoRowsExpectation

        text = query
        for name, value in placeholders(rule, asked).items():
            text = text.replace("{" + name + "}", value)
        # GX puts a sub-select with an alias of its own for {batch}, which then cannot have ours. A batch is the whole
        # table here, so its name does; the comment keeps GX from warning that the batch is not asked.
        text = f"{text} limit {MOST_ROWS + 1} /* {{batch}} */"
        return NoRowsExpectation(unexpected_rows_query=text)

    return make


def placeholders(rule: Rule, asked: Asked) -> dict[str, str]:
    """What the words in braces of a query stand for. Names of tables are ours, never input."""
    clinics = [
        f"select clinic_id, time_zone from {table}"
        for table in ("staging.files__clinics", "staging.open_dental__clinics")
        if table in asked.tables
    ]
    rates = [
        f'select "date", currency, rate from {table}'
        for table in ("staging.files__currency_rates", "staging.currency_rates__rates")
        if table in asked.tables
    ]
    schema, name = rule.table.split(".", maxsplit=1)
    return {
        "batch": f'"{schema}"."{name}"',
        "now": f"'{asked.now.astimezone(UTC).isoformat()}'::timestamptz",
        "latest": f"'{latest(asked.now).isoformat()}'::timestamptz",
        "touched": touched(rule) if asked.only_touched and rule.touched else "true",
        "clinics": "(" + (" union ".join(clinics) or "select null::text as clinic_id, null::text as time_zone") + ")",
        "rates": "("
        + (" union all ".join(rates) or 'select null::date as "date", null::text as currency, null::numeric as rate')
        + ")",
    }


def touched(rule: Rule) -> str:
    """The condition that a row of the rule's table changed since readers last got it."""
    return f"{rule.touched} = any (ops.keys_unpublished('{TOUCHED[str(rule.touched)]}'))"


def latest(now: datetime) -> datetime:
    """The latest plausible moment: three years after the load."""
    return now.astimezone(UTC) + timedelta(days=366 * YEARS_AHEAD)
