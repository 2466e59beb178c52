"""What the figures of the reports mean: worked examples, versions, the glossary; no meaning changes silently."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from psycopg.types.json import Jsonb

from extractors.core.errors import ConfigError
from tests.templates import Template, copied
from warehouse.define import DEFINITIONS_FOLDER, Definition, Metric, read_definitions
from warehouse.define_glossary import GLOSSARY, glossary_text
from warehouse.define_trace import figure_sql, rows_sql, total_sql
from warehouse.define_versions import accept, changed, main, read_versions

DEFINITIONS = read_definitions()
HELPERS = DEFINITIONS_FOLDER.parent
SEMANTICS = Path(__file__).resolve().parents[2] / "dbt_project" / "models" / "metrics"


@pytest.fixture(scope="module")
def connection(pg_server_url: str, migrated_template: Template) -> Iterator[psycopg.Connection[Any]]:
    """A warehouse with the helpers that formulas call."""
    with copied(migrated_template.url, pg_server_url) as url, psycopg.connect(url) as opened:
        opened.execute((HELPERS / "binomial_interval.sql").read_bytes())
        yield opened


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda one: one.report)
def test_the_worked_example_of_a_metric_is_what_its_sql_computes(
    connection: psycopg.Connection[Any], definition: Definition
) -> None:
    for metric in definition.metrics.values():
        shown, wanted = _computed(connection, definition, metric)
        assert shown == wanted, f"{definition.report}.{metric.name}"


def _computed(connection: psycopg.Connection[Any], definition: Definition, metric: Metric) -> tuple[Any, Any]:
    """The figure that the metric's SQL makes of its example, and the one that the example gives."""
    example = metric.example
    defaults = {name: one.default for name, one in definition.parameters.items() if one.default is not None}
    asked = Jsonb({**defaults, **example.get("p", {}), **example.get("row", {})})
    told = dict(example.get("given", {}))
    if metric.source is not None:
        standard = {
            "record_kind": "null",
            "record_id": "'x'",
            "clinic_id": "null",
            "person_key": "null",
            "day": "null::date",
        }
        names = list(dict.fromkeys(name for row in example["rows"] for name in row))
        given = " union all ".join(
            "select " + ", ".join(
                f"{value} as {name}"
                for name, value in {**standard, **{name: _literal(row.get(name), name) for name in names}}.items()
            )
            for row in example["rows"]
        )  # fmt: skip
        rows = rows_sql(metric, "given", metric.each, metric.when, definition).replace("{part}", f"'{metric.name}'")
        query = (
            f"with given as ({given}), traced as ({rows}), sums as ("
            f"select jsonb_build_object('{metric.name}', (select {total_sql(metric, definition)} from traced)) as told)"
        )
        figure = figure_sql(definition, metric.name)
    else:
        assert set(told) == set(metric.terms), f"{metric.name}: an example gives just what the formula reads"
        query = "with sums as (select $2::jsonb as told)"
        figure = metric.formula
        for name in metric.terms:
            figure = figure.replace(f"{{{name}}}", f"(sums.told ->> '{name}')::{definition.metrics[name].type}")
        for name, parameter in definition.parameters.items():
            figure = figure.replace(f"{{p.{name}}}", f"($1 ->> '{name}')::{parameter.type}")
    query += (
        f" select to_jsonb({figure}), to_jsonb({_literal(example['gives'], '')}::{metric.type})"
        " from sums cross join (select $1::jsonb, $2::jsonb) as parameters"
    )
    with psycopg.RawCursor(connection) as cursor:
        found = cursor.execute(query.encode(), (asked, Jsonb(told))).fetchone()
    assert found is not None
    return found[0], found[1]


def _literal(value: Any, name: str) -> str:  # noqa: ANN401
    if value is None:
        return "null::integer" if name == "days_between" else "null::boolean" if name.startswith("is_") else "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value}::numeric"
    if re.match(r"\d{4}-\d\d-\d\d", value):
        return f"'{value}'::{'timestamptz' if len(value) > 10 else 'date'}"
    return f"'{value}'::text"


def test_no_figure_means_something_else_than_its_last_version_says() -> None:
    assert changed(DEFINITIONS, read_versions()) == {}


def _copied(folder: Path, report: str, old: str, new: str) -> Path:
    """The definition of a report and its versions in another folder, one text changed."""
    text = (DEFINITIONS_FOLDER / f"{report}.yml").read_text(encoding="utf-8")
    assert old in text
    (folder / f"{report}.yml").write_text(text.replace(old, new, 1), encoding="utf-8")
    (folder / "_versions.yml").write_bytes((DEFINITIONS_FOLDER / "_versions.yml").read_bytes())
    return folder


@pytest.mark.parametrize(
    ("old", "new", "touched"),
    [
        ("ru: \"Средняя сделка.\"", "ru: \"Средний чек.\"", {"average_deal"}),
        ("100.0 * {won} / nullif({deals}, 0)", "100.0 * {won} / nullif({deals} + 1, 0)", {"conversion_percent"}),
        # what rows count decides also what is computed of them
        ("when: s.is_created\n", "when: s.is_won\n", {"deals", "conversion_percent", "won_of_created_percent"}),
    ],
)  # fmt: skip
def test_changed_words_or_sql_need_a_new_version_and_a_line_that_says_why(
    tmp_path: Path, old: str, new: str, touched: set[str]
) -> None:
    folder = _copied(tmp_path, "traffic_influence", old, new)
    definitions = read_definitions(folder)
    names = {f"traffic_influence.{name}" for name in touched}
    assert set(changed(definitions, read_versions(folder))) == names
    assert set(accept(definitions, "a trial", date(2027, 1, 2), folder)) == names
    versions = read_versions(folder)
    assert changed(definitions, versions) == {}
    for name in names:
        first, second = versions[name]
        assert (second.number, second.on, second.what) == (2, "2027-01-02", "a trial")
        assert first == read_versions()[name][0]


def test_an_example_or_an_unread_source_changes_no_meaning(tmp_path: Path) -> None:
    folder = _copied(tmp_path, "traffic_influence", "gives: 333.33", "gives: 333.34")
    assert changed(read_definitions(folder), read_versions(folder)) == {}


def test_a_version_without_a_reason_is_refused(tmp_path: Path) -> None:
    folder = _copied(tmp_path, "top_deals", "owner: director", "owner: director")
    path = folder / "_versions.yml"
    path.write_text(path.read_text(encoding="utf-8").replace('"first version"', '" "'), encoding="utf-8")
    assert "top_deals.amount" in changed(read_definitions(folder), read_versions(folder))


def test_the_command_says_that_nothing_changed() -> None:
    assert main([]) == 0


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{row.manager_id}", "{row.manager}", "{row.manager} is no parameter and no key"),
        ("{p.clinic} is null", "{p.clinics} is null", "{p.clinics} is no parameter and no key"),
        ("source: seen", "source: heard", "no source heard"),
        ("{revenue} / nullif", "{income} / nullif", "no metric income"),
        ("  seen: |", "  span: |", "the names span are taken"),
    ],
)
def test_a_definition_that_names_what_is_not_there_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    folder = _copied(tmp_path, "traffic_influence", old, new)
    with pytest.raises(ConfigError, match=re.escape(said)):
        read_definitions(folder)


def test_the_glossary_is_made_of_the_definitions() -> None:
    assert GLOSSARY.read_text(encoding="utf-8") == glossary_text(DEFINITIONS, read_versions()), (
        "write it again: python -m warehouse.define_glossary"
    )


def test_metrics_of_metricflow_have_the_words_and_formulas_of_the_definitions() -> None:
    reports = {one.report: one for one in DEFINITIONS}
    models = yaml.safe_load((SEMANTICS / "semantic_models.yml").read_text(encoding="utf-8"))["semantic_models"]
    metrics = yaml.safe_load((SEMANTICS / "metrics.yml").read_text(encoding="utf-8"))["metrics"]
    measures = {measure["name"]: model["name"] for model in models for measure in model["measures"]}
    assert len(metrics) >= 30
    for said in metrics:
        report = next(model["name"] for model in models if said["name"].startswith(f"{model['name']}_"))
        metric = reports[report].metrics[said["name"].removeprefix(f"{report}_")]
        assert said["description"] == metric.words.en, said["name"]
        assert said["label"] == f"{reports[report].title.ru}: {metric.words.ru}", said["name"]
        if said["type"] == "simple":
            assert measures[said["type_params"]["measure"]] == report
        else:
            formula = re.sub(r"\{(\w+)\}", r"\1", " ".join(metric.formula.split()))
            assert said["type_params"]["expr"] == formula, said["name"]
            aliases = {part["alias"]: part["name"] for part in said["type_params"]["metrics"]}
            assert aliases == {term: f"{report}_{term}" for term in metric.terms}
