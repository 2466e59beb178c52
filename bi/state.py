"""The line on top of each dashboard: which days the data cover, when they came, and what is missing."""

from __future__ import annotations

from typing import Any

from bi.identity import DATE_FROM, DATE_TO, PERIOD, TYPES, identity, literal
from bi.spec import Dashboard, words

COLUMNS = ("state", "data_from", "data_to", "published_at")
TITLES = {"en": "State of the data", "ru": "Состояние данных"}
STALE_AFTER = "26 hours"  # a daily load and two hours for it to be late
SAYS = {
    "nothing": {
        "en": "There is nothing here that you may see, or nothing was loaded",
        "ru": "Вам здесь пока ничего не открыто, или данные ещё не загружены",
    },
    "other_days": {
        "en": "Nothing in the chosen period: choose days that have data",
        "ru": "За выбранный период данных нет: выберите дни, за которые они есть",
    },
    "other_clinic": {
        "en": "Nothing of the chosen clinic in the chosen period: choose another clinic or other days",
        "ru": "По выбранной клинике за этот период данных нет: выберите другую клинику или другие дни",
    },
    "stale": {
        "en": "Nothing new was published for more than a day",
        "ru": "Больше суток не было новых данных",
    },
    "late": {"en": "Sources not read for too long: ", "ru": "Давно не загружались источники: "},
    "fresh": {"en": "Up to date", "ru": "Данные актуальны"},
    "currency": {"en": "Amounts are in ", "ru": "Суммы в валюте "},
    "closed": {"en": "not open to you", "ru": "нет доступа"},
}


def query(dashboard: Dashboard, language: str) -> str:
    """One row. Stale sources are named to whoever may see the freshness, missing parts to whoever lacks their right."""
    relation, column = dashboard.days
    parts = ", ".join(
        f"{{% if may('{dataset.report}') %}}null{{% else %}}{literal(dataset.titles[language])}{{% endif %}}"
        for dataset in dashboard.datasets.values()
        if dataset.report != dashboard.report
    )
    not_open = literal(f"; {SAYS['closed'][language]}: ")
    closed = f" || coalesce({not_open} || nullif(concat_ws(', ', {parts}), ''), '')" if parts else ""
    says = {what: literal(texts[language]) for what, texts in SAYS.items()}
    columns = {each for dataset in dashboard.datasets.values() for each in dataset.columns}
    has_money = any(words().column(each).format == "money" for each in columns)
    currency = f" || '. ' || {says['currency']} || {{{{ currency() }}}}" if has_money else ""
    reports = sorted({dashboard.report, *(each.report for each in dashboard.datasets.values())})
    late = (
        "{% if may('freshness') %}"  # noqa: S608 - of our own files only
        "(select string_agg(distinct late.source, ', ' order by late.source) "
        "from reports.freshness_of_reports as of_reports cross join unnest(of_reports.stale_sources) as late (source) "
        f"where of_reports.report in ({', '.join(map(literal, reports))}) and of_reports.is_stale)"
        "{% else %}null::text{% endif %}"
    )
    has_period = any(each.kind == "period" for each in dashboard.filters)
    outside = f"days.data_to < {DATE_FROM} or days.data_from > {DATE_TO}"
    other_days = f"when {outside} then {says['other_days']} " if has_period else ""
    clinics = "{{ filter_values('clinic_id', remove_filter=True) | where_in }}"
    of_clinic = f"select from {relation} where clinic_id in {clinics} and {column} between {DATE_FROM} and {DATE_TO}"
    other_clinic = f"when not exists ({of_clinic}) then {says['other_clinic']} "
    if has_period:
        other_days += f"{{% if filter_values('clinic_id') %}}{other_clinic}{{% endif %}}"
    return (
        f"{PERIOD}select case when days.data_to is null then {says['nothing']} "  # noqa: S608 - of our own files only
        f"{other_days}"
        f"when news.published_at < now() - interval '{STALE_AFTER}' "
        f"then {says['stale']} || coalesce('. ' || {says['late']} || late.sources, '') "
        f"when late.sources is not null then {says['late']} || late.sources "
        f"else {says['fresh']} end{closed}{currency} as state, days.data_from, days.data_to, "
        "{{ clock('news.published_at') }} as published_at "
        f"from (select min({column}) as data_from, max({column}) as data_to from {relation}) as days "
        "cross join (select max(published_at) as published_at from history.publications) as news "
        f"cross join (select {late} as sources) as late"
    )


def dataset(dashboard: Dashboard, language: str) -> dict[str, Any]:
    known = words()
    return {
        "table_name": f"{dashboard.titles[language]}: {TITLES[language]}",
        "main_dttm_col": None,
        "schema": "reports",
        "sql": query(dashboard, language),
        "uuid": identity("dataset", dashboard.report, "state", language),
        "database_uuid": identity("database"),
        "version": "1.0.0",
        "columns": [
            {
                "column_name": column,
                "verbose_name": known.column(column).titles[language],
                "type": TYPES[known.column(column).format],
                "is_dttm": column != "state",
            }
            for column in COLUMNS
        ],
        "metrics": [],
    }


def chart(dashboard: Dashboard, language: str) -> dict[str, Any]:
    return {
        "slice_name": TITLES[language],
        "viz_type": "table",
        "params": {
            "viz_type": "table",
            "query_mode": "raw",
            "all_columns": list(COLUMNS),
            "row_limit": 10,  # one row comes; a limit that is reached would be a warning
            "page_length": 0,
            "include_search": False,
            "table_timestamp_format": "%x",
            "column_config": {"published_at": {"d3TimeFormat": "%x %H:%M"}, "state": {"truncateLongCells": False}},
            "adhoc_filters": [],
        },
        "cache_timeout": None,
        "uuid": identity("chart", dashboard.report, "state", language),
        "dataset_uuid": identity("dataset", dashboard.report, "state", language),
        "version": "1.0.0",
    }
