"""Asks Great Expectations: one batch per table, all its rules together. Everything heavy is imported in here."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, LiteralString, cast

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row

from expectations.report import MOST_EXAMPLES, Verdict, shown
from expectations.rule import Asked, Rule
from extractors.core.redact import without_rows

# Values never leave the database, only counts and the keys that a rule names.
RESULT_FORMAT: dict[str, Any] = {
    "result_format": "SUMMARY",
    "exclude_unexpected_values": True,
    "partial_unexpected_count": MOST_EXAMPLES,
    "return_unexpected_index_query": False,
}


def ask(
    url: str,
    rules: Sequence[Rule],
    tables: frozenset[str],
    rows: Callable[[], Mapping[str, int]],
    *,
    now: datetime,
    only_touched: bool = False,
) -> list[Verdict]:
    """The verdict on each rule, in their order.

    `tables`: those that are there. `rows` waits for how many rows each of them holds.
    """
    if not rules:
        return []
    gx = load_gx()
    context = quiet(gx.get_context(mode="ephemeral"))
    sources = sources_of(context, url, rules)
    asked = Asked(gxe=gx.expectations, now=now, tables=tables, only_touched=only_touched)
    found: dict[Rule, Mapping[str, Any]] = {}
    for table, table_rules in by(rules, "table"):
        batch = batch_of(sources, table).get_batch()
        for keys, same_keys in by(table_rules, "keys"):
            suite = suite_of(gx, f"{table} {' '.join(keys)}", same_keys, asked)
            result = batch.validate(suite, result_format=RESULT_FORMAT | index_columns(same_keys))
            given = {each.expectation_config.meta["rule"]: each for each in result.results}
            for rule in same_keys:
                found[rule] = given[rule.name].to_json_dict()
    for source in sources.values():
        # a connection left open would hold up whoever drops or renames the database; GX keeps two engines
        source.get_engine().dispose()
        source.get_execution_engine().engine.dispose()
    counted = rows()
    return [with_examples(url, verdict_of(rule, found[rule], counted[rule.table]), asked) for rule in rules]


def load_gx() -> Any:  # noqa: ANN401 - the module
    """Great Expectations, told to keep to itself: no telemetry, no progress bars."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read while it is imported
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations as gx
        import great_expectations.expectations
    # Its modules set their own levels while they are imported.
    for name in [name for name in logging.root.manager.loggerDict if name.split(".")[0] == "great_expectations"]:
        logging.getLogger(name).setLevel(logging.ERROR)
    return gx


def quiet(context: Any) -> Any:  # noqa: ANN401 - a data context
    """Without progress bars: a log is no terminal."""
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    context.enable_analytics(False)
    return context


def sources_of(context: Any, url: str, rules: Sequence[Rule]) -> dict[str, Any]:  # noqa: ANN401
    """A datasource per schema: GX finds a table by the connection's schema."""
    schemas = sorted({rule.table.split(".", maxsplit=1)[0] for rule in rules})
    return {
        schema: context.data_sources.add_postgres(name=schema, connection_string=sqlalchemy_url(url, schema))
        for schema in schemas
    }


def sqlalchemy_url(url: str, schema: str) -> str:
    """The same address for SQLAlchemy with psycopg 3, looking into one schema first."""
    from sqlalchemy import URL

    parts = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    known = {
        "username": parts.pop("user", None),
        "password": parts.pop("password", None),
        "host": parts.pop("host", None),
        "database": parts.pop("dbname", None),
    }
    port = parts.pop("port", None)
    parts["options"] = f"{parts.get('options', '')} -csearch_path={schema}".strip()
    made = URL.create("postgresql+psycopg", port=int(port) if port else None, query=parts, **known)
    return made.render_as_string(hide_password=False)


def batch_of(sources: Mapping[str, Any], table: str) -> Any:  # noqa: ANN401 - a batch definition
    schema, name = table.split(".", maxsplit=1)
    asset = sources[schema].add_table_asset(name=table, table_name=name)
    return asset.add_batch_definition_whole_table("all rows")


def by(rules: Sequence[Rule], attribute: str) -> Iterator[tuple[Any, list[Rule]]]:
    """Rules with the same table, or the same keys, together."""

    def value(rule: Rule) -> Any:  # noqa: ANN401
        return getattr(rule, attribute)

    return ((key, list(group)) for key, group in groupby(sorted(rules, key=value), key=value))


def suite_of(gx: Any, name: str, rules: Sequence[Rule], asked: Asked) -> Any:  # noqa: ANN401
    suite = gx.ExpectationSuite(name=name)
    for rule in rules:
        expectation = rule.expectation(rule, asked)
        expectation.meta = {"rule": rule.name}
        expectation.notes = f"{rule.name}: {rule.reason} {rule.what_to_do}"
        expectation.severity = "critical" if rule.severity == "stop" else "warning"
        suite.add_expectation(expectation)
    return suite


def index_columns(rules: Sequence[Rule]) -> dict[str, Any]:
    """Which columns show the rows of GX's own expectations; queries show theirs by themselves."""
    return {"unexpected_index_column_names": list(rules[0].keys)}


def verdict_of(rule: Rule, given: Mapping[str, Any], rows_checked: int) -> Verdict:
    result = given.get("result") or {}
    if given["success"]:
        return Verdict(rule=rule, is_passed=True, rows_checked=rows_checked, rows_failed=0)
    failed = result.get("unexpected_count", result.get("observed_value"))
    if not isinstance(failed, int):
        message = _why_not(given.get("exception_info") or {})
        return Verdict(rule=rule, is_passed=False, rows_checked=rows_checked, message=message)
    return Verdict(
        rule=rule,
        is_passed=False,
        rows_checked=rows_checked,
        rows_failed=failed,
        examples=_index_rows(rule, result.get("partial_unexpected_index_list") or []),
    )


def _index_rows(rule: Rule, listed: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, str], ...]:
    """GX lists keys as rows, or, with values excluded, as one dictionary of columns."""
    rows: list[dict[str, Any]] = []
    for each in listed:
        if any(isinstance(value, list) for value in each.values()):
            rows += [dict(zip(each, values, strict=True)) for values in zip(*each.values(), strict=True)]
        else:
            rows.append(dict(each))
    return tuple(shown(row, rule.keys) for row in rows[:MOST_EXAMPLES])


def _why_not(info: Mapping[str, Any]) -> str:
    """The first line of what went wrong inside GX; a value that a server quotes there is hidden."""
    texts = [info] if "exception_message" in info else [each for each in info.values() if isinstance(each, Mapping)]
    said = [str(each["exception_message"]) for each in texts if each.get("exception_message")]
    return without_rows(said[0].splitlines()[0])[:300] if said else "no reason given"


def with_examples(url: str, verdict: Verdict, asked: Asked) -> Verdict:
    """A failed query's first rows, keys only: GX counts them and shows either all or none."""
    if verdict.is_passed is not False or verdict.examples or not verdict.rows_failed:
        return verdict
    expectation = verdict.rule.expectation(verdict.rule, asked)
    query = getattr(expectation, "unexpected_rows_query", None)
    if query is None:
        return verdict
    text = cast(LiteralString, query)  # ours, not input: the cast says so to the type checker
    with psycopg.connect(url, row_factory=dict_row) as connection:
        rows = connection.execute(
            sql.SQL("select * from ({}) as broken limit {}").format(sql.SQL(text), sql.Literal(MOST_EXAMPLES))
        ).fetchall()
    return Verdict(
        rule=verdict.rule,
        is_passed=False,
        rows_checked=verdict.rows_checked,
        rows_failed=verdict.rows_failed,
        examples=tuple(shown(row, verdict.rule.keys) for row in rows),
    )
