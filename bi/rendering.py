"""A dataset's query as Superset would render it for one viewer, by plain Jinja: what a chart's figures must equal."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import jinja2

from bi.clock import on_the_clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """What Superset's `get_time_filter` answers; the end is not included."""

    first: date
    last: date

    @property
    def from_expr(self) -> str:
        return f"TO_DATE('{self.first}', 'YYYY-MM-DD')"

    @property
    def to_expr(self) -> str:
        return f"TO_DATE('{self.last + timedelta(days=1)}', 'YYYY-MM-DD')"

    @property
    def time_range(self) -> str:
        """As a dashboard's filter sends it."""
        return f"{self.first} : {self.last + timedelta(days=1)}"


def where_in(values: list[str]) -> str:
    return "(" + ", ".join("'" + value.replace("'", "''") + "'" for value in values) + ")"


def rendered(
    sql: str,
    period: Period,
    *,
    rights: Collection[str],
    chosen: Mapping[str, list[str]] | None = None,
    zones: Mapping[str, str] | None = None,
) -> str:
    """The SQL for a viewer with these rights, and these time zones by clinic, who chose these filter values."""
    environment = jinja2.Environment(autoescape=False)  # noqa: S701 - SQL, not HTML
    environment.filters["where_in"] = where_in

    def filter_values(column: str, **_options: Any) -> list[str]:  # noqa: ANN401 - as Superset's
        return (chosen or {}).get(column, [])

    environment.globals.update(
        get_time_filter=lambda **_options: period,
        filter_values=filter_values,
        may=lambda report: report in rights,
        currency=lambda: "'RUB'",
        clock=lambda column, clinic=None: on_the_clock(column, zones or {}, clinic),
    )
    return environment.from_string(sql).render()
