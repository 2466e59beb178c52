"""The two gates of a load: landed rows before the build, marts before publication.

A breach of a rule with severity `stop` refuses; readers keep the last publication. What every rule said is kept in
`ops.checks`, whether the gate opens or not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from expectations.report import Gate, GateReport, Verdict
from expectations.rule import Rule, touched
from expectations.suites import LANDED, MARTS
from extractors.core.errors import PublicationRefused

__all__ = ["GateReport", "PublicationRefused", "check_landed", "check_marts"]

NOT_THERE = "there is no such table: the source is not installed"
NO_ROWS = "it holds no rows: the clinic does not use this source or kind"


def check_landed(url: str, *, run_id: str, now: datetime, sources: Sequence[str] | None = None) -> GateReport:
    """Ask the rules of landed rows; of these sources only, if given. A source without rows is skipped and named.

    Raises PublicationRefused listing the breaches.
    """
    rules = [rule for source, suite in LANDED.items() if sources is None or source in sources for rule in suite]
    rows = count_rows(url, rules)
    to_ask = [rule for rule in rules if rows.get(rule.table) and all(need in rows for need in rule.needs)]
    skipped = [
        Verdict(rule=rule, is_passed=None, message=_why_skipped(rule, rows)) for rule in rules if rule not in to_ask
    ]
    return _decide(url, "landed", rules, to_ask, skipped, frozenset(rows), lambda: rows, run_id=run_id, now=now)


def check_marts(url: str, *, run_id: str, now: datetime, only_touched: bool = False) -> GateReport:
    """Ask the rules of marts in `build`. A mart that is missing is a breach: dbt has not built it.

    `only_touched`: readers see the rest of the rows already, so a rule that sums rows of inquiries looks at those of
    families that builds touched since. Raises PublicationRefused listing the breaches.
    """
    rules = [rule for suite in MARTS.values() for rule in suite]
    tables = tables_there(url, rules)
    to_ask = [rule for rule in rules if tables.issuperset((rule.table, *rule.needs))]
    missing = [
        Verdict(
            rule=rule,
            is_passed=False,
            message=f"{', '.join(sorted({rule.table, *rule.needs} - tables))} is missing; build all models first",
        )
        for rule in rules
        if rule not in to_ask
    ]
    # To count takes as long as several rules, and no rule waits for it.
    with ThreadPoolExecutor(1) as beside:
        rows = beside.submit(count_rows, url, rules, only_touched=only_touched).result
        return _decide(
            url, "marts", rules, to_ask, missing, tables, rows, run_id=run_id, now=now, only_touched=only_touched
        )


def tables_of(rules: Iterable[Rule]) -> set[str]:
    """Every table that the rules read, and those that their placeholders may."""
    always = {
        "staging.files__clinics", "staging.open_dental__clinics",
        "staging.files__currency_rates", "staging.currency_rates__rates",
    }  # fmt: skip
    return {table for rule in rules for table in (rule.table, *rule.needs)} | always


def tables_there(url: str, rules: Sequence[Rule]) -> frozenset[str]:
    """Of all tables that the rules may read those that are there."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "select name from unnest(%s::text[]) as name where to_regclass(name) is not null",
            [sorted(tables_of(rules))],
        ).fetchall()
    return frozenset(name for (name,) in found)


def count_rows(url: str, rules: Sequence[Rule], *, only_touched: bool = False) -> dict[str, int]:
    """How many rows each table holds that a rule is about; of those that rules only join, 1 where there is any.

    `only_touched`: where all rules about a table look at changed rows only, how many these are. Tables that are not
    there are left out.
    """

    def narrowed(table: str) -> sql.SQL:
        about = [rule for rule in rules if rule.table == table]
        if not about:
            return sql.SQL("limit 1")
        if only_touched and all(rule.touched for rule in about):
            # our own words (expectations/rule.py), none is input
            return sql.SQL(f"where {touched(about[0])}")
        return sql.SQL("")

    there = sorted(tables_there(url, rules))
    if not there:
        return {}
    with psycopg.connect(url) as connection:
        counts = sql.SQL(" union all ").join(
            sql.SQL("select {}, count(*) from (select from {} {}) as looked_at").format(
                sql.Literal(name), sql.Identifier(*name.split(".", maxsplit=1)), narrowed(name)
            )
            for name in there
        )
        return dict(connection.execute(counts).fetchall())


def _why_skipped(rule: Rule, rows: dict[str, int]) -> str:
    if rule.table not in rows:
        return NOT_THERE
    return NO_ROWS if not rows[rule.table] else f"needs {', '.join(need for need in rule.needs if need not in rows)}"


def _decide(
    url: str,
    gate: Gate,
    rules: Sequence[Rule],
    to_ask: Sequence[Rule],
    known: Sequence[Verdict],
    tables: frozenset[str],
    rows: Callable[[], Mapping[str, int]],
    *,
    run_id: str,
    now: datetime,
    only_touched: bool = False,
) -> GateReport:
    from expectations.ask import ask

    asked = ask(url, to_ask, tables, rows, now=now, only_touched=only_touched)
    found = {verdict.rule: verdict for verdict in (*known, *asked)}
    report = GateReport(gate=gate, run_id=run_id, checked_at=now, verdicts=tuple(found[rule] for rule in rules))
    keep(url, report)
    if report.breaches:
        raise PublicationRefused(report.refusal())
    return report


def keep(url: str, report: GateReport) -> None:
    """Write what every rule said into `ops.checks`."""
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "insert into ops.checks (run_id, gate, rule, table_name, severity, is_passed, rows_checked, rows_failed,"
            " examples, message, checked_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    report.run_id, report.gate, each.rule.name, each.rule.table, each.rule.severity, each.is_passed,
                    each.rows_checked, each.rows_failed,
                    Jsonb([dict(row) for row in each.examples]) if each.examples else None,
                    each.message, report.checked_at,
                )
                for each in report.verdicts
            ],
        )  # fmt: skip
