"""What is behind a figure, in the invented city: rows make it, rights bound it, and a wrong question is told."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from tests.city import FIRST, LAST, City, copy_of
from tests.e2e.tracing import Traced, random_cells, report_rows, require_sums, trace
from warehouse.define import read_definitions, read_untraced
from warehouse.lint import require_no_findings

PERIOD = (FIRST.isoformat(), LAST.isoformat())
PAGE = Path(__file__).resolve().parents[2] / "docs" / "how_to" / "trace_a_figure.md"
QUERY = re.compile(r"^```sql\n(.*?)^```", re.MULTILINE | re.DOTALL)
DEFINITIONS = {one.report: one for one in read_definitions()}
DAYS = {"date_from": PERIOD[0], "date_to": PERIOD[1]}
# Rows that stand for no record of a clinic: a day, a period, a model, the plan of a channel.
OF_NO_CLINIC = {"day", "period", "model", "plan"}


@pytest.fixture(scope="module")
def city(pg_server_url: str, city_template: City) -> Iterator[City]:
    """A copy of its own: employees are added to it."""
    with copy_of(city_template, pg_server_url) as copied:
        yield copied


@pytest.fixture
def owner(city: City) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(city.url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def employees(city: City) -> Iterator[dict[str, str]]:
    """Login URLs: `clinic` may read every report of clinic C1, `desk` her own rows of one, `nobody` nothing."""
    prefix = f"t{uuid.uuid4().hex[:8]}"
    logins = {"administrator": ""}
    with psycopg.connect(city.url, autocommit=True) as connection:
        (administrator,) = connection.execute(
            "select mode() within group (order by administrator_id) from reports.administrator_conversion_inquiries"
        ).fetchone() or ("",)
        logins["administrator"] = administrator
        for name in ("clinic", "desk", "nobody"):
            connection.execute(
                "select access.add_employee(%s, 'Invented', null, %s)", (f"{prefix}_{name}", administrator)
            )
        rights = {one.right for one in DEFINITIONS.values()}
        for right in sorted(rights):
            connection.execute("select access.allow(%s, %s, clinics => '{C1}')", (f"{prefix}_clinic", right))
        connection.execute(
            "select access.allow(%s, 'administrator_conversion', own_rows_only => true)", (f"{prefix}_desk",)
        )
        for name in ("clinic", "desk", "nobody"):
            role = f"{prefix}_{name}"
            (password,) = connection.execute("select access.login_password(%s)", (role,)).fetchone() or ("",)
            parts = urlsplit(city.url)
            server = parts.netloc.rpartition("@")[2]
            logins[name] = parts._replace(netloc=f"{quote(role)}:{quote(password)}@{server}").geturl()
        yield logins
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where usename like %s", (f"{prefix}%",)
        )
        connection.execute("select access.remove_employee(database_role) from access.employees")


def of_others(traced: Traced, clinic: str) -> list[tuple[Any, ...]]:
    return [
        row
        for what in ("row", "record", "touchpoint")
        for row in traced.rows.get(what, ())
        if row[4] != clinic and row[2] not in OF_NO_CLINIC
    ]


def test_random_cells_of_every_report_are_made_of_their_rows(owner: psycopg.Connection[Any]) -> None:
    seen = set()
    for traced in random_cells(owner, PERIOD, 7, cells=3):
        require_sums(traced)
        seen.add(traced.definition.report)
    # seven weeks show no recurring dip, and no subscription ends in a month from the load
    assert set(DEFINITIONS) - seen <= {"service_dips", "expiring_subscriptions"}


def test_an_employee_traces_the_figures_he_sees_and_meets_no_row_of_another_clinic(employees: dict[str, str]) -> None:
    seen = set()
    with closing(psycopg.connect(employees["clinic"], autocommit=True)) as connection:
        for traced in random_cells(connection, PERIOD, 11, cells=2):
            require_sums(traced)
            assert not of_others(traced, "C1")
            seen.add(traced.definition.report)
    assert len(seen) >= 10


def test_own_rows_only_holds_in_a_trace_too(employees: dict[str, str], owner: psycopg.Connection[Any]) -> None:
    definition = DEFINITIONS["administrator_conversion"]
    cell = {**DAYS, "administrator_id": None, "column": "inquiries"}
    with closing(psycopg.connect(employees["desk"], autocommit=True)) as connection:
        mine = trace(connection, definition, cell)
    assert {row[8]["administrator_id"] for row in mine.rows["row"]} == {employees["administrator"]}
    assert mine.figure == len(mine.rows["row"]) < trace(owner, definition, cell).figure
    # persons, but no touchpoints: nothing opens the facts behind the report to her
    assert len(mine.rows["person"]) <= len(mine.rows["row"])
    assert "touchpoint" not in mine.rows


def test_whoever_may_not_see_a_report_hears_the_same_as_of_one_that_does_not_exist(employees: dict[str, str]) -> None:
    with (
        closing(psycopg.connect(employees["nobody"], autocommit=True)) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("select * from ops.trace('channels_and_sources', '{}')")
    with closing(psycopg.connect(employees["desk"], autocommit=True)) as connection:
        said = []
        for report in ("channels_and_sources", "no_such_report"):
            with pytest.raises(psycopg.errors.InvalidParameterValue) as refused:
                connection.execute("select * from ops.trace(%s, '{}')", (report,))
            said.append((refused.value.diag.message_primary or "").replace(report, "…"))
            assert refused.value.diag.message_hint == "Reports that you may trace: administrator_conversion."
        assert said[0] == said[1]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select * from ops.loads")


def test_lints_find_nothing_while_employees_may_trace(employees: dict[str, str], city: City) -> None:
    assert employees
    require_no_findings(city.url)


def test_a_figure_names_its_loads_and_the_versions_of_its_rules(owner: psycopg.Connection[Any]) -> None:
    traced = trace(owner, DEFINITIONS["ad_payback"], {**DAYS, "level": "total", "column": "roi_percent"})
    assert {row[1] for row in traced.rows["row"]} == {"spend", "revenue"}
    assert {row[3] for row in traced.rows["load"]} == {"compare"}
    assert (
        {"files.ad_spend", "files.deals"}
        <= {row[2] for row in traced.rows["load"]}
        # a person is a patient's card
        <= {f"files.{kind}" for kind in (*DEFINITIONS["ad_payback"].kinds, "patients")}
    )
    rules = {row[3]: row[8] for row in traced.rows["rule"]}
    assert rules["ad_payback.roi_percent"]["version"] >= 1
    assert "ROI" in rules["ad_payback.roi_percent"]["ru"]
    assert {"ad_payback.spend", "ad_payback.revenue"} <= set(rules)
    (publication,) = [row for row in traced.rows["rule"] if row[2] == "publication"]
    assert publication[8]["rule_version"] >= 1
    # the deals behind the sums of days, for who may read them
    assert traced.contributions("record") == 0  # a ratio has no rows of its own …
    revenue = sum(row[7] for row in traced.rows["row"] if row[1] == "revenue")
    assert sum(row[7] for row in traced.rows["record"] if row[1] == "revenue") == revenue > 0  # … its numerator has
    kept = owner.execute(
        "select words_ru from ops.metric_versions where report = 'ad_payback' and metric = 'roi_percent'"
    ).fetchall()
    assert kept == [(rules["ad_payback.roi_percent"]["ru"],)]


def test_a_path_lists_the_touchpoints_of_its_people(owner: psycopg.Connection[Any]) -> None:
    definition = DEFINITIONS["channels_and_sources"]
    (row,) = report_rows(owner, definition, {**DAYS, "level": "total"})
    traced = trace(owner, definition, {**DAYS, "level": "total", "column": "inquiries"})
    assert traced.figure == row["inquiries"]
    people = {one[5] for one in traced.rows["person"]}
    touched = {one[5] for one in traced.rows["touchpoint"]}
    assert people == {one[5] for one in traced.rows["row"]}
    assert touched and touched <= people


@pytest.mark.parametrize(
    ("report", "cell", "words"),
    [
        ("ad_payback", {"column": "spend"}, "cannot be asked without date_from, date_to"),
        ("ad_payback", {**DAYS, "channel": "paid_search", "source": "yandex", "column": "cpl"}, "has no figure cpl"),
        ("ad_payback", {**DAYS, "colour": "red", "column": "spend"}, "neither a parameter nor a key colour"),
        ("ad_payback", {**DAYS, "channel": "radio", "source": "none", "column": "spend"}, "0 rows of ad_payback"),
        ("ad_payback", [], "a cell is an object"),
        ("ad_payback", {**DAYS, "level": "planet", "column": "spend"}, "level is one of"),
    ],
)  # fmt: skip
def test_a_wrong_question_says_what_could_be_asked(
    owner: psycopg.Connection[Any], report: str, cell: object, words: str
) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue) as refused:
        owner.execute("select * from ops.trace(%s, %s)", (report, Jsonb(cell)))
    told = refused.value.diag
    assert words in (told.message_primary or "")
    if "level" not in words:
        hint = told.message_hint or ""
        for name in ("first_spend_day", "campaign", "date_from (required)", "clinic"):
            assert name in hint
    if "rows of" in words:
        assert '"source": "yandex"' in (told.message_detail or "")


def test_every_report_that_people_call_says_how_it_is_traced(owner: psycopg.Connection[Any]) -> None:
    called = {
        row[0]
        for row in owner.execute(
            "select relation_name from access.relations"
            " where schema_name = 'reports' and object_kind in ('function', 'view')"
            " and report <> '*' and relation_name !~ '_(daily|as_of|trace)$'"
        )
    }
    untraced = read_untraced()
    assert called - set(DEFINITIONS) == set(untraced), "a new report needs definitions, or a reason in _untraced.yml"
    assert all(reason.strip() for reason in untraced.values())
    columns: dict[str, set[str]] = {}
    for report, column in owner.execute(
        "select proname, name from pg_proc cross join unnest(proargnames, proargmodes) as result (name, mode)"
        " where pronamespace = 'reports'::regnamespace and mode = 't'"
    ):
        columns.setdefault(report, set()).add(column)
    for definition in DEFINITIONS.values():
        shown = {name for name, metric in definition.metrics.items() if not metric.hidden}
        if not definition.is_view:
            assert shown | set(definition.keys) <= columns[definition.report], definition.report


def test_parameters_and_their_defaults_are_the_reports_own(owner: psycopg.Connection[Any]) -> None:
    for definition in DEFINITIONS.values():
        if definition.is_view:
            continue
        (arguments,) = owner.execute(
            "select pg_get_function_arguments(oid) from pg_proc"
            " where pronamespace = 'reports'::regnamespace and proname = %s",
            (definition.report,),
        ).fetchone() or ("",)
        for name, parameter in definition.parameters.items():
            said = re.search(rf"\b{name} (\w+)(?: DEFAULT ([^,]*))?", arguments)
            assert said, f"{definition.report} has no parameter {name}"
            assert said.group(1) == parameter.type, f"{definition.report}.{name}"
            assert (said.group(2) is None) == parameter.required
            if said.group(2):
                (same,) = owner.execute(
                    sql.SQL("select {}::text is not distinct from %s::{}::text").format(
                        sql.SQL(said.group(2)), sql.SQL(parameter.type)
                    ),
                    (
                        None
                        if parameter.default is None
                        else str(parameter.default).lower()
                        if parameter.type == "boolean"
                        else str(parameter.default),
                    ),
                ).fetchone() or (False,)
                assert same, f"{definition.report}.{name}"


def test_the_queries_of_the_page_answer(owner: psycopg.Connection[Any]) -> None:
    whole, summed, loads = QUERY.findall(PAGE.read_text(encoding="utf-8"))
    (figure, *rows) = owner.execute(whole).fetchall()
    assert figure[0] == "figure"
    assert {row[0] for row in rows} == {"row", "person", "touchpoint", "load", "rule"}
    totals = {part: total for part, _rows, total in owner.execute(summed)}
    assert round(totals["spend"] / totals["inquiries"], 2) == figure[7]
    assert {row[3:5] for row in owner.execute(loads)} == {("files.sales", "compare")}
