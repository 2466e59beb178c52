"""A chart of a spec in Superset's parameters.

Ratios stand in tables row by row as the database made them, or are metrics that divide sums: never a sum or an average
of theirs. Colours come with words, shapes or numbers beside them.
"""

from __future__ import annotations

from typing import Any

from bi.spec import Chart, Dataset, words

D3 = {
    "whole": ",.0f", "money": ",.0f", "number": ",.1~f", "percent": ",.1f", "ratio": ",.2f", "text": "", "yes_no": "",
    "date": "%x", "month": "%b %Y", "time": "%x %H:%M", "moment": "%x %H:%M",
}  # fmt: skip
TIMES = ("date", "month", "time", "moment")
VIZ = {
    "number": "big_number_total", "table": "table", "bars": "echarts_timeseries_bar",
    "lines": "echarts_timeseries_line",
}  # fmt: skip


def chart_parameters(chart: Chart, dataset: Dataset, language: str) -> tuple[str, dict[str, Any]]:
    """Superset's name of the visualisation, and its parameters."""
    made = {"number": number, "table": table, "bars": series, "lines": series}[chart.kind](chart, dataset, language)
    having = [{"expressionType": "SQL", "clause": "HAVING", "sqlExpression": chart.having}] if chart.having else []
    return VIZ[chart.kind], {**made, "adhoc_filters": having, "extra_form_data": {}, **chart.options}


def number(chart: Chart, dataset: Dataset, language: str) -> dict[str, Any]:
    form = words().column(chart.metrics[0]).format
    return {
        "metric": chart.metrics[0],
        "y_axis_format": D3[form],
        "header_font_size": 0.4,
        "subheader_font_size": 0.15,
    }


def table(chart: Chart, dataset: Dataset, language: str) -> dict[str, Any]:
    config: dict[str, dict[str, Any]] = {}
    for column in chart.columns:
        form = words().column(column).format
        if form in TIMES:
            config[column] = {"d3TimeFormat": D3[form], "horizontalAlign": "left"}
        elif D3[form]:
            config[column] = {"d3NumberFormat": D3[form], "horizontalAlign": "right", "showCellBars": False}
        else:
            config[column] = {"horizontalAlign": "left", "truncateLongCells": False}
    order = [f'["{each.lstrip("-")}", {"false" if each.startswith("-") else "true"}]' for each in chart.order]
    return {
        "query_mode": "raw",
        "all_columns": list(chart.columns),
        "order_by_cols": order,
        "row_limit": 10_000,
        "page_length": 20,
        "include_search": True,
        "show_cell_bars": False,
        "table_timestamp_format": "%x",
        "column_config": config,
        "conditional_formatting": [],
        "allow_rearrange_columns": False,
        "allow_render_html": False,
    }


def series(chart: Chart, dataset: Dataset, language: str) -> dict[str, Any]:
    assert chart.x is not None  # noqa: S101 - checked with the spec
    is_time = words().column(chart.x).format in TIMES
    # Names are long: lying bars leave room for them, and for a figure at the end of each.
    # Where a bar has several series, Superset sorts by what they are together.
    sort = "sum" if chart.by else chart.metrics[0]
    lying: dict[str, Any] = {"x_axis_sort": sort, "x_axis_sort_asc": True, "orientation": "horizontal"}
    return {
        "x_axis": chart.x,
        **({"time_grain_sqla": chart.grain or "P1D"} if is_time else lying),
        "metrics": list(chart.metrics),
        "groupby": [chart.by] if chart.by else [],
        "row_limit": 10_000,
        "truncate_metric": True,
        "show_empty_columns": True,
        "show_legend": bool(chart.by) or len(chart.metrics) > 1,
        "legendType": "scroll",
        "legendOrientation": "right" if chart.by else "top",  # there all series have room
        "rich_tooltip": True,
        "y_axis_format": D3[words().column(chart.metrics[0]).format],
        "x_axis_time_format": "%d.%m" if language == "ru" else "%d %b",
        "tooltipTimeFormat": "%x",
        "show_value": not chart.by and (not is_time or (chart.kind == "bars" and len(chart.metrics) == 1)),
        "markerEnabled": True,
        "markerSize": 6,
    }
