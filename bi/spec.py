"""The dashboards as their authors write them: `bi/reports/*.yml`, and the words of both languages in `bi/words.yml`.

Reading checks everything that can be known without a database, and names file and place of what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
LANGUAGES = ("en", "ru")
FORMATS = ("text", "whole", "money", "number", "percent", "ratio", "date", "time", "moment", "month", "yes_no")
RATIOS = ("percent", "ratio")
KINDS = ("number", "table", "bars", "lines")
PARAMETERS = ("date_from", "date_to")  # and `:<filter>` for each filter of the dashboard
FILTER_KINDS = ("period", "one", "many")


class SpecError(ValueError):
    """A spec that cannot become a dashboard. The text says which file, what, and what to write instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A column's or metric's title in each language, and how its values are written."""

    titles: Mapping[str, str]
    format: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """All titles, and the words for values by the column that holds them. `lists`: of each value, where a column holds
    several.
    """

    columns: Mapping[str, Word]
    values: Mapping[str, Mapping[str, Mapping[str, str]]]
    lists: Mapping[str, Mapping[str, Mapping[str, str]]]

    def column(self, name: str) -> Word:
        """The words of a column; the metrics `total_x` and `x_sum` are the column x over all rows."""
        found = self.columns.get(name) or self.columns.get(name.removeprefix("total_").removesuffix("_sum"))
        if found is None:
            raise SpecError(f"words.yml has no {name!r}: add it under `columns` in English and Russian")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What a reader may narrow a dashboard by. `period`, `one` of the values, or `many`. `search`: there may be more
    values than a list shows, so what is typed is looked for in the warehouse. `as_written`: values are as the clinic
    writes them, so one may be the same as our word for another; the dashboard's relation of days has the column too.
    """

    column: str
    kind: str
    dataset: str | None
    default: str | None
    search: bool
    as_written: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A query with its columns. `report`: the right that its relations ask for. `clinic`: the column, shown or not,
    that names the clinic on whose clock its moments are; null: they are the network's.
    """

    name: str
    report: str
    titles: Mapping[str, str]
    sql: str
    columns: tuple[str, ...]
    metrics: Mapping[str, str]
    ignores: frozenset[str]
    clinic: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One picture or table of a dashboard. `having`: which of its bars are worth their place."""

    name: str
    kind: str
    dataset: str
    titles: Mapping[str, str]
    columns: tuple[str, ...]
    metrics: tuple[str, ...]
    by: str | None
    x: str | None
    grain: str | None
    order: tuple[str, ...]
    having: str | None
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """A report's page. `layout`: rows of chart names with widths (12 in all), and the row's height in grid units."""

    report: str
    titles: Mapping[str, str]
    notes: Mapping[str, str]
    filters: tuple[Filter, ...]
    drill: tuple[str, ...]
    days: tuple[str, str]
    datasets: Mapping[str, Dataset]
    charts: Mapping[str, Chart]
    layout: tuple[tuple[tuple[tuple[str, int], ...], int], ...]
    path: Path


@cache
def words() -> Words:
    """`words.yml`. Raises SpecError."""
    given = yaml.safe_load((HERE / "words.yml").read_text())
    columns = {}
    for name, (english, russian, form) in given["columns"].items():
        if form not in FORMATS:
            raise SpecError(f"words.yml, {name}: {form!r} is no format; there are {', '.join(FORMATS)}")
        columns[name] = Word(titles={"en": english, "ru": russian}, format=form)
    values = {
        column: {str(value): {"en": pair[0], "ru": pair[1]} for value, pair in of_column.items()}
        for column, of_column in (given.get("values") or {}).items()
    }
    values["season"] = {**values["season"], **seasons()}

    def of_others(part: str) -> dict[str, dict[str, dict[str, str]]]:
        """By column the words of those columns that this part of the file names for it."""
        return {
            column: {value: titles for each in others for value, titles in values[each].items()}
            for column, others in (given.get(part) or {}).items()
        }

    return Words(columns=columns, values={**values, **of_others("same_values")}, lists=of_others("lists"))


MONTHS = {
    "January": "Январь", "February": "Февраль", "March": "Март", "April": "Апрель", "May": "Май", "June": "Июнь",
    "July": "Июль", "August": "Август", "September": "Сентябрь", "October": "Октябрь", "November": "Ноябрь",
    "December": "Декабрь",
}  # fmt: skip


def seasons() -> dict[str, dict[str, str]]:
    """Seasons of one to three whole months, by the names that reports.service_dips has for them."""
    english, russian = tuple(MONTHS), tuple(MONTHS.values())
    found = {}
    for first in range(12):
        for last in (first, (first + 1) % 12, (first + 2) % 12):
            ends = dict.fromkeys((first, last))
            name = "-".join(english[at] for at in ends)
            found[name] = {"en": name, "ru": "–".join(russian[at] for at in ends)}
    return found


def dashboards(folder: Path = HERE / "reports") -> tuple[Dashboard, ...]:
    """All specs, by file name. Raises SpecError."""
    return tuple(read(path) for path in sorted(folder.glob("*.yml")))


def read(path: Path) -> Dashboard:
    """One spec. Raises SpecError."""
    try:
        given = yaml.safe_load(path.read_text())
        dashboard = understood(given, path)
        check(dashboard)
    except (KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        told = f"{path.name}: {type(error).__name__} {error}; see bi/README.md for what a spec holds"
        raise SpecError(told) from error
    except SpecError as error:
        raise SpecError(f"{path.name}: {error}") from error
    return dashboard


def understood(given: Mapping[str, Any], path: Path) -> Dashboard:
    report = given["report"]
    datasets = {
        name: Dataset(
            name=name,
            report=each.get("report", report),
            titles=each["title"],
            sql=each["sql"].strip(),
            columns=tuple(each["columns"]),
            metrics=each.get("metrics", {}),
            ignores=frozenset(each.get("ignores", ())),
            clinic=each.get("clinic"),
        )
        for name, each in given["datasets"].items()
    }
    charts = {
        name: Chart(
            name=name,
            kind=each["kind"],
            dataset=each["dataset"],
            titles=each.get("title") or words().column(each["metric"]).titles,
            columns=tuple(each.get("columns", ())),
            metrics=tuple(each["metrics"] if "metrics" in each else [each["metric"]] if "metric" in each else []),
            by=each.get("by"),
            x=each.get("x"),
            grain=each.get("grain"),
            order=tuple([each["order"]] if isinstance(each.get("order"), str) else each.get("order", ())),
            having=each.get("having"),
            options=each.get("options", {}),
        )
        for name, each in given["charts"].items()
    }
    filters = tuple(
        Filter(
            column=name,
            kind=each.get("kind", "period" if name == "period" else "one"),
            dataset=each.get("dataset", None if name == "period" else "options"),
            default=each.get("default"),
            search=each.get("search", False),
            as_written=each.get("as_written", False),
        )
        for name, each in ((name, each or {}) for name, each in given["filters"].items())
    )
    return Dashboard(
        report=report,
        titles=given["title"],
        notes=given["note"],
        filters=filters,
        drill=tuple(given.get("drill", ())),
        days=(given["days"]["relation"], given["days"]["column"]),
        datasets=datasets,
        charts=charts,
        layout=tuple(layout_row(row) for row in given["layout"]),
        path=path,
    )


def layout_row(given: Mapping[str, Any]) -> tuple[tuple[tuple[str, int], ...], int]:
    """`{row: [a, b], height: 50}` with equal widths, or `{row: [{a: 8}, {b: 4}]}`."""
    cells = given["row"]
    width = 12 // len(cells)
    sized = tuple(next(iter(cell.items())) if isinstance(cell, dict) else (cell, width) for cell in cells)
    return sized, given.get("height", 50)


def check(dashboard: Dashboard) -> None:
    """Everything that a reader would otherwise find as a broken chart. Raises SpecError."""
    known = words()
    for what, titles in [
        ("title", dashboard.titles),
        ("note", dashboard.notes),
        *((f"dataset {each.name}", each.titles) for each in dashboard.datasets.values()),
        *((f"chart {each.name}", each.titles) for each in dashboard.charts.values()),
    ]:
        if missing := [language for language in LANGUAGES if not (titles or {}).get(language)]:
            raise SpecError(f"{what} has no text in {', '.join(missing)}")
    filters = {*(each.column for each in dashboard.filters), *dashboard.drill}
    for each in dashboard.filters:
        if each.kind not in FILTER_KINDS:
            raise SpecError(f"filter {each.column}: {each.kind!r} is none of {', '.join(FILTER_KINDS)}")
        if each.dataset and each.column not in dashboard.datasets[each.dataset].columns:
            raise SpecError(f"filter {each.column}: dataset {each.dataset} has no such column")
    for dataset in dashboard.datasets.values():
        for name in (*dataset.columns, *dataset.metrics):
            known.column(name)
        for parameter in placeholders(dataset.sql):
            if parameter not in PARAMETERS and parameter not in filters:
                raise SpecError(f"dataset {dataset.name}: `:{parameter}` is neither a date of the period nor a filter")
        for name, expression in dataset.metrics.items():
            check_metric(name, expression)
        check_filters(dashboard, dataset)
    for chart in dashboard.charts.values():
        check_chart(dashboard, chart)
    shown = [name for row, _height in dashboard.layout for name, _width in row]
    if sorted(shown) != sorted(dashboard.charts):
        raise SpecError(f"the layout shows {sorted(shown)}, the charts are {sorted(dashboard.charts)}")
    for row, _height in dashboard.layout:
        if sum(width for _name, width in row) > 12:
            raise SpecError(f"the row {[name for name, _width in row]} is wider than 12")


def check_filters(dashboard: Dashboard, dataset: Dataset) -> None:
    """A filter that a chart silently leaves out would lie. Raises SpecError."""
    if dataset.name in {each.dataset for each in dashboard.filters}:
        return
    used = set(placeholders(dataset.sql))
    for each in dashboard.filters:
        applied = "date_from" in used if each.kind == "period" else each.column in {*used, *dataset.columns}
        if applied == (each.column in dataset.ignores):
            what = "applies and ignores" if applied else "neither applies nor names under `ignores`"
            raise SpecError(f"dataset {dataset.name} {what} the filter {each.column}")


def check_metric(name: str, expression: str) -> None:
    """A ratio is made of sums; a ratio is never summed or averaged. Raises SpecError."""
    for aggregate, argument in re.findall(r"\b(sum|avg)\s*\(\s*([a-z_]+)\s*\)", expression, flags=re.IGNORECASE):
        if argument in words().columns and is_ratio(argument):
            raise SpecError(f"metric {name}: {aggregate}({argument}) aggregates a ratio; divide sums instead")


def is_ratio(name: str) -> bool:
    """Whether adding up two rows' values would mean nothing."""
    return words().column(name).format in RATIOS or name.removeprefix("total_") in PER_UNIT


# Money per something: written as money, and as little to be added up as a percentage.
PER_UNIT = frozenset({
    "cpl", "cpo", "cost_per_paying_client", "average_cheque", "revenue_per_client", "ltv", "ltv_revenue",
    "average_deal",
})  # fmt: skip


def check_chart(dashboard: Dashboard, chart: Chart) -> None:
    dataset = dashboard.datasets[chart.dataset]
    if chart.kind not in KINDS:
        raise SpecError(f"chart {chart.name}: {chart.kind!r} is none of {', '.join(KINDS)}")
    used = [*chart.columns, *(each.lstrip("-") for each in chart.order), *filter(None, (chart.by, chart.x))]
    if missing := [each for each in used if each not in dataset.columns and each not in dataset.metrics]:
        raise SpecError(f"chart {chart.name}: dataset {dataset.name} has no {', '.join(missing)}")
    if missing := [each for each in chart.metrics if each not in dataset.metrics]:
        raise SpecError(f"chart {chart.name}: dataset {dataset.name} has no metric {', '.join(missing)}")
    if chart.kind == "table" and not chart.columns:
        raise SpecError(f"chart {chart.name}: a table names its columns")
    if chart.kind != "table" and not chart.metrics:
        raise SpecError(f"chart {chart.name}: a picture names its metrics")
    if chart.kind == "lines" and (chart.by or len(chart.metrics) > 1):
        told = "lines differ by colour only; several series are bars, which have patterns"
        raise SpecError(f"chart {chart.name}: {told}")
    if chart.kind in ("bars", "lines") and not chart.x:
        raise SpecError(f"chart {chart.name}: say what is along it: x")


def placeholders(sql: str) -> list[str]:
    """The `:name` parameters of a query; a cast (`::date`) is none."""
    return re.findall(r"(?<![:\w]):([a-z_]+)", sql)
