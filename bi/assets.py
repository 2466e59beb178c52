"""Specs to Superset's assets: YAML files with fixed UUIDs, one dashboard a report and language.

`python -m bi.assets FOLDER` writes them as files, to look at or to import into another Superset.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bi import state
from bi.charts import chart_parameters
from bi.identity import DATE_FROM, DATE_TO, PERIOD, TYPES, identity, literal
from bi.layout import dashboard_asset
from bi.spec import LANGUAGES, Dashboard, Dataset, dashboards, placeholders, words

DATABASE = "Chairside"
Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # the same text, ten times as fast


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Superset's files by path, and what opens what. UUIDs as texts."""

    files: Mapping[str, str]
    reports: frozenset[str]
    report_of_dashboard: Mapping[str, str]
    report_of_dataset: Mapping[str, str]
    charts: frozenset[str]


def superset_assets() -> Bundle:
    """All assets. Raises SpecError."""
    files: dict[str, str] = {}
    opens: dict[str, str] = {}
    opened_datasets: dict[str, str] = {}
    charts: set[str] = set()

    def put(path: str, content: Mapping[str, Any]) -> None:
        files[path] = yaml.dump(dict(content), Dumper=Dumper, allow_unicode=True, sort_keys=False, width=1000)

    put("metadata.yaml", {"version": "1.0.0", "type": "assets", "timestamp": "2026-01-01T00:00:00+00:00"})
    put("databases/chairside.yaml", database())
    every = dashboards()
    for dashboard in every:
        for language in LANGUAGES:
            name = f"{dashboard.report}.{language}"
            put(f"datasets/Chairside/{name}.state.yaml", made := state.dataset(dashboard, language))
            opened_datasets[made["uuid"]] = dashboard.report
            put(f"charts/{name}.state.yaml", made := state.chart(dashboard, language))
            charts.add(made["uuid"])
            for dataset in dashboard.datasets.values():
                made = dataset_asset(dashboard, dataset, language)
                put(f"datasets/Chairside/{name}.{dataset.name}.yaml", made)
                opened_datasets[made["uuid"]] = dashboard.report
            for chart in dashboard.charts.values():
                made = chart_asset(dashboard, chart.name, language)
                put(f"charts/{name}.{chart.name}.yaml", made)
                charts.add(made["uuid"])
            made = dashboard_asset(dashboard, language)
            put(f"dashboards/{name}.yaml", made)
            opens[made["uuid"]] = dashboard.report
    return Bundle(
        files=files,
        reports=frozenset(each.report for each in every),
        report_of_dashboard=opens,
        report_of_dataset=opened_datasets,
        charts=frozenset(charts),
    )


def database() -> dict[str, Any]:
    """Where the warehouse is and who opens it is decided at each query (bi/superset/security.py)."""
    return {
        "database_name": DATABASE,
        "sqlalchemy_uri": "postgresql+psycopg2://viewer@warehouse/warehouse",
        "cache_timeout": None,
        "expose_in_sqllab": False,
        "allow_run_async": False,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "allow_csv_upload": False,
        "extra": {"per_user_caching": True, "allows_virtual_table_explore": False},
        "uuid": identity("database"),
        "version": "1.0.0",
    }


def in_words(column: str, language: str, clinic: str | None = None) -> str:
    """SQL of a column with its values in words; values without words stay as they are. Moments are on the clock of the
    clinic that the column `clinic` names.
    """
    if words().column(column).format == "time":
        of_clinic = f", '{clinic}'" if clinic else ""
        return f"{{{{ clock('{column}'{of_clinic}) }}}} as {column}"
    if in_list := words().lists.get(column):
        return f"{list_in_words(column, in_list, language)} as {column}"
    said = words().values.get(column)
    if not said:
        return column
    whens = " ".join(f"when {literal(value)} then {literal(titles[language])}" for value, titles in said.items())
    return f"case {column}::text {whens} else {column}::text end as {column}"


# What comes behind the number of the day.
OF_A_DAY = {"en": " Mon YYYY", "ru": ".MM.YYYY"}


def list_in_words(column: str, in_list: Mapping[str, Mapping[str, str]], language: str) -> str:
    """SQL of a column with several values, each in words. A number or a day takes the place of a `…`."""
    pairs = ", ".join(f"({literal(value)}, {literal(within(titles[language]))})" for value, titles in in_list.items())
    ends = "substring(part.value from '[0-9][0-9-]*$')"
    is_day = "part.value ~ ' [0-9]{4}-(0[1-9]|1[0-2])-[0-9]{2}$'"
    day = f"right({ends}, 2) || to_char((left({ends}, 7) || '-01')::date, '{OF_A_DAY[language]}')"
    return (
        "(select string_agg(case when said.word is null then part.value when right(said.word, 1) <> '…' then said.word "  # noqa: S608 - our own
        f"else replace(said.word, '…', case when {is_day} then {day} else {ends} end) end, ', ' order by part.number) "
        f"from unnest(string_to_array({column}, ', ')) with ordinality as part (value, number) "
        f"left join (values {pairs}) as said (value, word) "
        "on said.value in (part.value, regexp_replace(part.value, ' [0-9][0-9-]*$', ' …')))"
    )


def within(title: str) -> str:
    """A title within a sentence; CRM stays as it is."""
    return title if title[:2].isupper() else title[:1].lower() + title[1:]


def chosen(dashboard: Dashboard, column: str, language: str) -> str:
    """SQL of what the reader chose, in the warehouse's own value; the default or null where nothing is chosen."""
    of_filter = next((each for each in dashboard.filters if each.column == column), None)
    default = of_filter.default if of_filter else None
    given = f"{{{{ filter_values('{column}', remove_filter=True)[:1] | where_in }}}}"
    said = words().values.get(column)
    if said:
        whens = " ".join(f"when {literal(titles[language])} then {literal(value)}" for value, titles in said.items())
        meant = f"case {given} {whens} else {given} end"
        if of_filter and of_filter.as_written:
            relation, day = dashboard.days
            written = f"select from {relation} where {column} = {given} and {day} between {DATE_FROM} and {DATE_TO}"
            meant = f"case when exists ({written}) then {given} else {meant} end"
        given = meant
    missing = literal(default) if default else "null"
    return f"{{% if filter_values('{column}') %}}{given}{{% else %}}{missing}{{% endif %}}::text"


def query(dashboard: Dashboard, dataset: Dataset, language: str) -> str:
    """The dataset's SQL for Superset: parameters become its Jinja, values become words."""
    sql = dataset.sql
    used = set(placeholders(sql))
    values: dict[str, str] = {}
    for name in used:
        if name == "date_from":
            values[name] = DATE_FROM
        elif name == "date_to":
            values[name] = DATE_TO
        else:
            values[name] = chosen(dashboard, name, language)
    sql = re.sub(r"(?<![:\w]):([a-z_]+)", lambda found: values[found[1]], sql)
    prelude = PERIOD if used & {"date_from", "date_to"} else ""
    shown = ", ".join(in_words(column, language, dataset.clinic) for column in dataset.columns)
    if dataset.report != dashboard.report:
        # Another right: without it the chart is empty, and the line on top says why (state).
        nothing = ", ".join(f"null::{TYPES[words().column(each).format]} as {each}" for each in dataset.columns)
        return (
            f"{prelude}{{% if may('{dataset.report}') %}}select {shown} from ({sql}) as answer"  # noqa: S608
            f"{{% else %}}select {nothing} where false{{% endif %}}"
        )
    return f"{prelude}select {shown} from ({sql}) as answer"  # noqa: S608 - of our own files only


def dataset_asset(dashboard: Dashboard, dataset: Dataset, language: str) -> dict[str, Any]:
    known = words()
    return {
        "table_name": f"{dashboard.titles[language]}: {dataset.titles[language]}",
        "main_dttm_col": None,
        "schema": "reports",
        "sql": query(dashboard, dataset, language),
        "filter_select_enabled": True,
        "normalize_columns": False,
        "always_filter_main_dttm": False,
        "uuid": identity("dataset", dashboard.report, dataset.name, language),
        "database_uuid": identity("database"),
        "version": "1.0.0",
        "columns": [
            {
                "column_name": column,
                "verbose_name": known.column(column).titles[language],
                "type": TYPES[known.column(column).format],
                "is_dttm": known.column(column).format in ("date", "month", "time"),
                "is_active": True,
                "groupby": True,
                "filterable": True,
            }
            for column in dataset.columns
        ],
        "metrics": [
            {
                "metric_name": name,
                "verbose_name": known.column(name).titles[language],
                "metric_type": None,
                "expression": expression,
                "d3format": None,
            }
            for name, expression in dataset.metrics.items()
        ],
    }


def chart_asset(dashboard: Dashboard, name: str, language: str) -> dict[str, Any]:
    chart = dashboard.charts[name]
    viz_type, parameters = chart_parameters(chart, dashboard.datasets[chart.dataset], language)
    return {
        "slice_name": chart.titles[language],
        "viz_type": viz_type,
        "params": {"viz_type": viz_type, **parameters},
        "cache_timeout": None,
        "uuid": identity("chart", dashboard.report, name, language),
        "dataset_uuid": identity("dataset", dashboard.report, chart.dataset, language),
        "version": "1.0.0",
    }


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("usage: python -m bi.assets FOLDER", file=sys.stderr)
        return 2
    for path, content in superset_assets().files.items():
        file = Path(arguments[0]) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
