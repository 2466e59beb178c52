"""A function `reports.<report>_trace(cell)` for each report with definitions: the rows behind one of its figures.

The function hands its report's definition, as SQL ready to run, to `reports.trace_cell` (warehouse/reports/trace.sql),
which puts together only what the asked column needs and runs it as the reader. The report's own right opens it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from warehouse.define import PLACEHOLDER, TERM, Definition, Metric
from warehouse.define_versions import Version

TRACE_PREFIX = "trace/"
STANDARD = ("record_kind", "record_id", "clinic_id", "person_key", "day")
ROW_START = (
    "select {part}::text as part, s.record_kind::text, s.record_id::text, s.clinic_id::text, s.person_key::text,"
    " s.day::date,"
)
DETAIL = f"to_jsonb(s) - array{list(STANDARD)!r} as detail"
VALUE = re.compile(r"\bvalue\b")
RESULT = (
    "what text, part text, record_kind text, record_id text, clinic_id text, person_key text, day date,"
    " contribution numeric, detail jsonb"
)  # as of reports.trace_cell


def trace_text(definition: Definition, versions: Mapping[str, Sequence[Version]]) -> str:
    """The SQL that makes the report's trace function. Text of definitions is ours; the cell only ever comes as `$1`."""
    body = json.dumps(_told(definition, versions), ensure_ascii=False, indent=1)
    name = f"reports.{definition.report}_trace"
    return f"""-- report: {definition.right}
create or replace function {name}(cell jsonb)
returns table ({RESULT})
language sql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $trace$
    select told.* from reports.trace_cell($definition${body}$definition$, $1) as told
$trace$;
comment on function {name}(jsonb) is
    'What is behind a figure of {definition.report} / Из чего сложилась цифра: rows, people, touches, loads, rules.';
"""  # noqa: S608


def figure_sql(definition: Definition, name: str) -> str:
    """A metric's figure as an expression over `sums.told`, the sums of its terms; `$1` has the parameters."""
    metric = definition.metrics[name]

    def term(match: re.Match[str]) -> str:
        other = name if match.group(1) == "." else match.group(1)
        inner = definition.metrics[other]
        # rounding is for what is shown: a formula reads the sums as they are
        if other != name and inner.source is None:
            return f"({figure_sql(definition, other)})"
        return f"(sums.told ->> '{other}')::{inner.type if inner.aggregate else 'numeric'}"

    return TERM.sub(term, _placed(definition, metric.formula))


def rows_sql(metric: Metric, source: str, each: str, when: str, definition: Definition) -> str:
    """The rows of a metric with each one's value; those that add nothing to a sum are left out."""
    each, when = _placed(definition, each), _placed(definition, when)
    nothing = "" if metric.aggregate else f" and ({each}) <> 0"
    helper = str(_is_helper(metric)).lower()
    return (
        f"{ROW_START} to_jsonb({each}) as value, {DETAIL}, {helper} as is_helper"
        f" from {source} as s where ({when}) and ({each}) is not null{nothing}"
    )


def total_sql(metric: Metric, definition: Definition, rows: str = "traced") -> str:
    """What the metric makes of its rows' values."""
    if metric.aggregate is None:
        return f"coalesce(sum(({rows}.value #>> '{{}}')::numeric), 0)"
    return VALUE.sub(f"({rows}.value #>> '{{}}')::{metric.type}", _placed(definition, metric.aggregate))


def _is_helper(metric: Metric) -> bool:
    """A yes or no about the whole, made of no row that anybody looks for."""
    return metric.hidden and metric.type == "boolean"


def _placed(definition: Definition, text: str) -> str:
    def value(match: re.Match[str]) -> str:
        kind, name = match.groups()
        sql_type = definition.parameters[name].type if kind == "p" else definition.keys[name]
        return f"($1 ->> '{name}')::{sql_type}"

    return PLACEHOLDER.sub(value, text)


def _told(definition: Definition, versions: Mapping[str, Sequence[Version]]) -> dict[str, Any]:
    base = {name: metric for name, metric in definition.metrics.items() if metric.source}
    told: dict[str, Any] = {
        "report": definition.report,
        "is_view": definition.is_view,
        "parameters": {name: f"($1 ->> '{name}')::{one.type}" for name, one in definition.parameters.items()},
        "required": [name for name, one in definition.parameters.items() if one.required],
        "defaults": {
            name: one.default
            for name, one in definition.parameters.items()
            if not one.required and one.default is not None
        },
        "keys": definition.keys,
        "optional_keys": definition.optional_keys,
        "kinds": definition.kinds,
        "sources": {name: _placed(definition, text).rstrip() for name, text in definition.sources.items()},
        "source_order": list(definition.sources),
        "column_names": [name for name, metric in definition.metrics.items() if not metric.hidden],
        "columns": {
            name: {
                "terms": definition.base_terms(name),
                "beside": metric.beside,
                "formula": metric.formula.replace("{.}", f"{{{name}}}"),
                "figure": figure_sql(definition, name),
                "words": {"en": metric.words.en, "ru": metric.words.ru, "owner": metric.owner},
            }
            for name, metric in definition.metrics.items()
            if not metric.hidden
        },
        "terms": {name: _term(definition, metric) for name, metric in base.items()},
        "versions": {
            name: {"version": made[-1].number, "on": made[-1].on}
            for name in definition.metrics
            if (made := versions.get(f"{definition.report}.{name}"))
        },
    }
    if definition.any_column is not None:
        source = definition.any_column["source"]
        told["any_column"] = {
            "rows": f"{ROW_START} to_jsonb(s.{{column}}) as value, {DETAIL}, false as is_helper from {source} as s",
            "sources": definition.chain(source),
            "except": definition.any_column.get("except", []),
            "beside": definition.any_column.get("beside", []),
        }
    if definition.touchpoints is not None:
        told["touchpoints"] = definition.touchpoints
        told["touchpoint_sources"] = definition.chain(definition.touchpoints)
    return told


def _term(definition: Definition, metric: Metric) -> dict[str, Any]:
    assert metric.source is not None  # noqa: S101 - only metrics with rows come here
    term: dict[str, Any] = {
        "rows": rows_sql(metric, metric.source, metric.each, metric.when, definition),
        "total": total_sql(metric, definition),
        "sources": definition.chain(metric.source),
    }
    if metric.records is not None:
        records = metric.records
        term["records"] = rows_sql(metric, records.source, records.each, records.when, definition)
        term["needs"] = records.needs
        term["record_sources"] = definition.chain(records.source)
    return term
