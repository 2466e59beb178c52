"""One dashboard of Superset: its filters, colours and where its charts stand."""

from __future__ import annotations

from typing import Any

from bi import state
from bi.identity import DEFAULT_PERIOD, identity
from bi.spec import Dashboard, Filter, words


def dashboard_asset(dashboard: Dashboard, language: str) -> dict[str, Any]:
    """The dashboard's file, as Superset imports it."""
    return {
        "dashboard_title": dashboard.titles[language],
        "description": dashboard.notes[language],
        "slug": f"{dashboard.report}-{language}",
        "uuid": identity("dashboard", dashboard.report, language),
        "version": "1.0.0",
        "published": True,
        "position": position(dashboard, language),
        "metadata": {
            "native_filter_configuration": native_filters(dashboard, language),
            "cross_filters_enabled": True,
            "refresh_frequency": 0,
            "timed_refresh_immune_slices": [],
            "expanded_slices": {},
            **colours(dashboard, language),
            "filter_bar_orientation": "HORIZONTAL",
        },
    }


# Superset's scheme of that name, as its browser part has it.
SCHEME = "supersetColors"
SCHEME_COLOURS = (
    "#1FA8C9", "#454E7C", "#5AC189", "#FF7F44", "#666666", "#E04355", "#FCC700", "#A868B7", "#3CCCCB", "#A38F79",
    "#8FD3E4", "#A1A6BD", "#ACE1C4", "#FEC0A1", "#B2B2B2", "#EFA1AA", "#FDE380", "#D3B3DA", "#9EE5E5", "#D1C6BC",
)  # fmt: skip


def colours(dashboard: Dashboard, language: str) -> dict[str, Any]:
    """Everything about colours that the browser would else find out, draw the page again for, and try to save here:
    the scheme's colours, and the series that may be in several charts.
    """
    known = words()
    series: set[str] = set()
    for chart in dashboard.charts.values():
        if chart.kind in ("bars", "lines"):
            series.update(chart.metrics)
            series.update(known.column(metric).titles[language] for metric in chart.metrics)
            series.update(titles[language] for titles in known.values.get(chart.by or "", {}).values())
    return {
        "color_scheme": SCHEME,
        "color_scheme_domain": list(SCHEME_COLOURS),
        "label_colors": {},
        "map_label_colors": {},
        "shared_label_colors": sorted(series),
    }


STATE = "state"


def chart_numbers(dashboard: Dashboard) -> dict[str, int]:
    """Numbers of the charts within these files: the import puts Superset's own in their place."""
    return {name: number for number, name in enumerate((STATE, *dashboard.charts), start=1)}


PERIOD_TITLE = {"en": "Period", "ru": "Период"}


def native_filters(dashboard: Dashboard, language: str) -> list[dict[str, Any]]:
    """A dashboard's filters. Where one says that it comes first, Superset draws their bar at once; else when all charts
    are drawn, or a second after the page stood. Not `true`, for which charts would wait for a chosen value; and one
    only, because what such a filter begins with is applied again.
    """
    first, *others = (native_filter(dashboard, each, language) for each in dashboard.filters)
    return [{**first, "requiredFirst": "drawn"}, *others]


def native_filter(dashboard: Dashboard, each: Filter, language: str) -> dict[str, Any]:
    numbers = chart_numbers(dashboard)
    untouched = [
        numbers[chart.name]
        for chart in dashboard.charts.values()
        if each.column in dashboard.datasets[chart.dataset].ignores
    ]
    if each.column not in ("period", "clinic_id"):
        untouched.append(numbers[STATE])
    common: dict[str, Any] = {
        "id": f"NATIVE_FILTER-{each.column}",
        "scope": {"rootPath": ["ROOT_ID"], "excluded": untouched},
        "cascadeParentIds": [],
        "type": "NATIVE_FILTER",
        "description": "",
    }
    if each.kind == "period":
        state = {"extraFormData": {"time_range": DEFAULT_PERIOD}, "filterState": {"value": DEFAULT_PERIOD}}
        return {
            **common,
            "name": PERIOD_TITLE[language],
            "filterType": "filter_time",
            "targets": [{}],
            "defaultDataMask": state,
            "controlValues": {"enableEmptyFilter": False},
        }
    assert each.dataset is not None  # noqa: S101 - only a period has none
    default = words().values.get(each.column, {}).get(each.default or "", {}).get(language, each.default)
    chosen_at_first = (
        {
            "extraFormData": {"filters": [{"col": each.column, "op": "IN", "val": [default]}]},
            "filterState": {"value": [default], "label": default},
        }
        if default
        else {"extraFormData": {}, "filterState": {}}
    )
    return {
        **common,
        "name": words().column(each.column).titles[language],
        "filterType": "filter_select",
        "targets": [
            {
                "datasetUuid": identity("dataset", dashboard.report, each.dataset, language),
                "column": {"name": each.column},
            }
        ],
        # Nothing is no choice: it would be offered as <NULL>, and no clinic is called so.
        "adhoc_filters": [
            {"expressionType": "SIMPLE", "clause": "WHERE", "subject": each.column, "operator": "IS NOT NULL",
             "operatorId": "IS_NOT_NULL", "comparator": None},
        ],
        "defaultDataMask": chosen_at_first,
        "controlValues": {
            "enableEmptyFilter": False,
            "defaultToFirstItem": False,
            "multiSelect": each.kind == "many",
            "searchAllOptions": each.search,
            "inverseSelection": False,
            "sortAscending": True,
        },
    }


def position(dashboard: Dashboard, language: str) -> dict[str, Any]:
    """The grid: a note, then the rows of the layout."""
    rows: list[str] = []
    grid: dict[str, Any] = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "GRID_ID": {"type": "GRID", "id": "GRID_ID", "children": rows, "parents": ["ROOT_ID"]},
        "HEADER_ID": {"type": "HEADER", "id": "HEADER_ID", "meta": {"text": dashboard.titles[language]}},
    }

    def add(row: str, children: list[dict[str, Any]]) -> None:
        rows.append(row)
        grid[row] = {
            "type": "ROW",
            "id": row,
            "children": [child["id"] for child in children],
            "parents": ["ROOT_ID", "GRID_ID"],
            "meta": {"background": "BACKGROUND_TRANSPARENT"},
        }
        for child in children:
            grid[child["id"]] = {**child, "children": [], "parents": ["ROOT_ID", "GRID_ID", row]}

    add("ROW-note", [
        {
            "type": "MARKDOWN", "id": "MARKDOWN-note",
            "meta": {"width": 6, "height": 16, "code": dashboard.notes[language]},
        },
        {
            "type": "CHART", "id": "CHART-state",
            "meta": {
                "chartId": chart_numbers(dashboard)[STATE], "width": 6, "height": 16,
                "sliceName": state.TITLES[language],
                "uuid": identity("chart", dashboard.report, "state", language),
            },
        },
    ])  # fmt: skip
    numbers = chart_numbers(dashboard)
    for index, (cells, height) in enumerate(dashboard.layout):
        children = []
        for name, width in cells:
            children.append({
                "type": "CHART", "id": f"CHART-{name}",
                "meta": {
                    "chartId": numbers[name], "width": width, "height": height,
                    "uuid": identity("chart", dashboard.report, name, language),
                    "sliceName": dashboard.charts[name].titles[language],
                },
            })  # fmt: skip
        add(f"ROW-{index}", children)
    return grid
