"""The dashboards' specs: whole in both languages, on columns that exist, and no ratio is ever added up."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from bi import assets, state
from bi.identity import identity
from bi.rendering import Period, rendered
from bi.spec import LANGUAGES, PER_UNIT, RATIOS, SpecError, check_metric, dashboards, read, words
from tests.city import FIRST, LAST, City

# CONTRACT §4.
REPORTS = {
    "channels_and_sources", "administrator_conversion", "inquiry_history", "direction_load", "deal_journal",
    "deal_summary", "top_deals", "ad_payback", "traffic_influence", "service_sales", "service_buyers", "service_dips",
    "expiring_subscriptions", "lead_plan", "client_path", "attribution", "freshness",
}  # fmt: skip
TYPES = {
    "text": {"text"}, "yes_no": {"text"}, "date": {"date"}, "month": {"date"}, "time": {"timestamp"},
    "moment": {"timestamptz"},
    **{each: {"numeric", "int8", "int4"} for each in ("whole", "money", "number", "percent", "ratio")},
}  # fmt: skip
CYRILLIC = re.compile("[а-яё]", re.IGNORECASE)
SAME_IN_RUSSIAN = {"ROI, %", "CRM", "API"}


@pytest.fixture(scope="module")
def files() -> dict[str, dict[str, Any]]:
    """What Superset gets, by path."""
    return {path: yaml.load(text, Loader=yaml.CSafeLoader) for path, text in assets.superset_assets().files.items()}


def test_every_report_of_the_contract_is_on_a_dashboard() -> None:
    shown = {dataset.report for dashboard in dashboards() for dataset in dashboard.datasets.values()}
    assert shown >= REPORTS


def test_each_text_is_there_in_both_languages() -> None:
    texts = [word.titles for word in words().columns.values()]
    texts += [titles for values in words().values.values() for titles in values.values()]
    for dashboard in dashboards():
        texts += [dashboard.titles, dashboard.notes]
        texts += [each.titles for each in dashboard.datasets.values()]
        texts += [each.titles for each in dashboard.charts.values()]
    for titles in [*texts, *state.SAYS.values()]:
        assert not CYRILLIC.search(titles["en"]), titles
        assert CYRILLIC.search(titles["ru"]) or titles["ru"] in SAME_IN_RUSSIAN, titles


def test_no_column_is_called_as_superset_calls_what_it_leaves_out() -> None:
    """A table's header that is the interface's word for "Main" stays empty: it is of a comparison in time there."""
    for name, word in words().columns.items():
        assert word.titles["en"] != "Main" and word.titles["ru"] != "Значение", name


def test_no_column_is_shown_under_its_raw_name(files: dict[str, dict[str, Any]]) -> None:
    for path, made in files.items():
        if path.startswith("datasets/"):
            for column in made["columns"] + made["metrics"]:
                assert column["verbose_name"] and "_" not in column["verbose_name"], path


@pytest.mark.parametrize("expression", ["sum(cpl)", "avg(booked_percent)", "sum(revenue) + SUM( roi_percent )"])
def test_a_metric_that_adds_up_a_ratio_is_refused(expression: str) -> None:
    with pytest.raises(SpecError, match="aggregates a ratio"):
        check_metric("total_x", expression)


def test_ratios_are_only_in_tables_or_made_of_sums(files: dict[str, dict[str, Any]]) -> None:
    for dashboard in dashboards():
        for chart in dashboard.charts.values():
            metrics = dashboard.datasets[chart.dataset].metrics
            for name in chart.metrics:
                is_ratio = words().column(name).format in RATIOS or name.removeprefix("total_") in PER_UNIT
                assert not is_ratio or "/ nullif(sum(" in metrics[name], (dashboard.report, name)
    for path, made in files.items():
        if path.startswith("charts/"):
            assert "pivot" not in made["viz_type"], path
            if made["viz_type"] == "table":
                # rows as the database made them: nothing is aggregated, no totals
                assert made["params"]["query_mode"] == "raw" and not made["params"].get("show_totals"), path


def test_a_filter_that_a_chart_would_leave_out_silently_is_refused(tmp_path: Path) -> None:
    original = next(each.path for each in dashboards() if each.report == "ad_payback")
    broken = tmp_path / "ad_payback.yml"
    broken.write_text(original.read_text().replace(",\n      clinic => :clinic_id", ""))
    with pytest.raises(SpecError, match=r"ad_payback\.yml: dataset rows neither applies nor names .* clinic_id"):
        read(broken)


def test_lines_that_only_their_colour_tells_apart_are_refused(tmp_path: Path) -> None:
    original = next(each.path for each in dashboards() if each.report == "direction_load")
    broken = tmp_path / "direction_load.yml"
    text = original.read_text().replace("  load_by_week:\n    kind: bars", "  load_by_week:\n    kind: lines")
    broken.write_text(text)
    with pytest.raises(SpecError, match="load_by_week: lines differ by colour only"):
        read(broken)


def test_no_filter_offers_nothing_as_a_choice(files: dict[str, dict[str, Any]]) -> None:
    """Superset would call it <NULL>, and send that name to a report that knows no such clinic or topic."""
    for path, made in files.items():
        for each in made["metadata"]["native_filter_configuration"] if path.startswith("dashboards/") else ():
            if each["filterType"] == "filter_select":
                (told,) = each["adhoc_filters"]
                column = each["targets"][0]["column"]["name"]
                assert (told["subject"], told["operator"]) == (column, "IS NOT NULL"), path


def test_uuids_are_fixed_and_each_things_own(files: dict[str, dict[str, Any]]) -> None:
    uuids = [made["uuid"] for path, made in files.items() if path != "metadata.yaml"]
    assert len(uuids) == len(set(uuids))
    assert identity("dashboard", "ad_payback", "ru") == "d3fc3f7a-dfa9-54ab-8b75-50a1e9c53dc4"


def test_one_filter_has_their_bar_drawn_at_once_and_no_chart_waits_for_it(files: dict[str, dict[str, Any]]) -> None:
    for path, made in files.items():
        if path.startswith("dashboards/"):
            says = [each.get("requiredFirst") for each in made["metadata"]["native_filter_configuration"]]
            assert len([each for each in says if each]) == 1 and True not in says, path


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_query_answers_with_the_columns_that_its_charts_show(city: City, language: str) -> None:
    period = Period(first=FIRST, last=LAST)
    with psycopg.connect(city.url, autocommit=True) as owner:
        names: dict[int, str] = dict(owner.execute("select oid, typname::text from pg_type").fetchall())
        for dashboard in dashboards():
            for dataset in dashboard.datasets.values():
                for rights in (REPORTS, ()):  # with the other reports' rights, and without
                    sql = rendered(assets.query(dashboard, dataset, language), period, rights=rights)
                    described = owner.execute(f"select * from ({sql}) as answer limit 0").description or ()
                    found = {column.name: names[column.type_code] for column in described}
                    assert tuple(found) == dataset.columns, (dashboard.report, dataset.name)
                    for column in dataset.columns:
                        expected = TYPES[words().column(column).format]
                        assert found[column] in expected, (dataset.name, column, found[column])
                metrics = ", ".join(dataset.metrics.values())
                if metrics:
                    owner.execute(f"select {metrics} from ({sql}) as answer")
            row = owner.execute(rendered(state.query(dashboard, language), period, rights=REPORTS)).fetchone()
            assert row is not None and len(row) == len(state.COLUMNS)
