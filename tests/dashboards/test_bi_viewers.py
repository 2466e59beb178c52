"""Superset shows each viewer what PostgreSQL shows that role, whatever is tried, from the next click on."""

from __future__ import annotations

import io
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pandas
import psycopg
import pytest

from bi import assets, state
from bi.rendering import Period, rendered
from bi.spec import LANGUAGES, Dashboard, dashboards
from runtime import superset
from tests.city import FIRST, LAST
from tests.dashboards.browser import Page, open_dashboard, sign_in
from tests.dashboards.people import RIGHTS, Api, Served, columns_of, metrics_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
PERIOD = Period(first=FIRST, last=LAST)


def slug(dashboard: Dashboard, language: str) -> str:
    return f"{dashboard.report}-{language}"


def chart_named(viewer: Api, report: str, name: str) -> dict[str, Any]:
    """A chart of the English dashboard by its spec's name."""
    title = next(each for each in dashboards() if each.report == report).charts[name].titles["en"]
    answer = viewer.get(f"dashboard/{report}-en/charts").json()["result"]
    return dict(next(each["form_data"] for each in answer if each["slice_name"] == title))


def plain(value: Any) -> Any:  # noqa: ANN401 - a cell
    """A cell as it can be compared: JSON has floats, and milliseconds for dates."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float | Decimal):
        return f"{float(value):.6g}"
    if isinstance(value, datetime):
        # without a zone it is a wall's clock, which Superset writes as if the wall were in Greenwich
        return f"{(value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp() * 1000:.6g}"
    if isinstance(value, date):
        return f"{datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp() * 1000:.6g}"
    return value


def rows_of(found: list[tuple[Any, ...]]) -> list[str]:
    return sorted(repr(tuple(map(plain, row))) for row in found)


def expected_rows(served: Served, kind: str, dashboard: Dashboard, language: str, chart: dict[str, Any]) -> list[str]:
    """The same question in SQL, asked by the viewer's own login."""
    title = chart["slice_name"]
    if title == state.TITLES[language]:
        query, metrics = state.query(dashboard, language), {}
    else:
        spec = next(each for each in dashboard.charts.values() if each.titles[language] == title and (
            set(metrics_of(chart)) == set(each.metrics)))
        dataset = dashboard.datasets[spec.dataset]
        query, metrics = assets.query(dashboard, dataset, language), dict(dataset.metrics)
    ((zones,),) = served.owner("select zones from bridge.viewer(%s)", (served.roles[kind],))
    query = rendered(query, PERIOD, rights=served.reports(kind), zones=zones)
    columns, asked = columns_of(chart), metrics_of(chart)
    shown = ", ".join([*columns, *(metrics[name] for name in asked)])
    grouped = f" group by {', '.join(columns)}" if columns and asked else ""
    with served.as_role(kind) as own:
        own.execute("set search_path = reports")
        return rows_of(own.execute(f"select {shown} from ({query}) as answer{grouped}").fetchall())


@pytest.mark.parametrize("kind", RIGHTS)
def test_every_chart_shows_what_sql_shows_that_role(served: Served, kind: str) -> None:
    viewer = served.signed_in(kind)
    may = served.reports(kind)
    listed = {each["slug"] for each in viewer.get("dashboard/?q=(page_size:100)").json()["result"]}
    assert listed == {slug(each, language) for each in dashboards() for language in LANGUAGES if each.report in may}
    compared = 0
    for number, dashboard in enumerate(dashboards()):
        language = LANGUAGES[number % 2]  # the figures are the same: both languages, half each
        answer = viewer.get(f"dashboard/{slug(dashboard, language)}/charts")
        assert answer.ok == (dashboard.report in may), dashboard.report
        for each in answer.json()["result"] if answer.ok else []:
            chart = each["form_data"] | {"slice_name": each["slice_name"]}
            told = viewer.data(chart, PERIOD.time_range)
            assert told.status_code == 200, (dashboard.report, each["slice_name"], told.text[:500])
            keys = [*columns_of(chart), *metrics_of(chart)]
            shown = rows_of([tuple(row[key] for key in keys) for row in told.json()["result"][0]["data"]])
            expected = expected_rows(served, kind, dashboard, language, chart)
            assert shown == expected, (dashboard.report, each["slice_name"])
            compared += 1
    assert compared >= 10 * len(may & {each.report for each in dashboards()}) // 2
    assert (compared == 0) == (kind == "nobody")


def test_an_administrator_sees_her_own_rows_only(served: Served) -> None:
    viewer = served.signed_in("administrator")
    people = chart_named(viewer, "administrator_conversion", "people")
    rows = viewer.data(people, PERIOD.time_range).json()["result"][0]["data"]
    assert len(rows) == 2  # herself, and everybody, who is she
    assert rows[0]["inquiries"] == rows[1]["inquiries"] > 0


@pytest.mark.parametrize("kind", ["director", "head", "administrator"])
def test_downloads_hold_the_viewers_rows(served: Served, kind: str) -> None:
    viewer = served.signed_in(kind)
    chart = chart_named(viewer, "inquiry_history", "history")
    with served.as_role(kind) as own:
        expected = own.execute(
            "select count(*) from reports.inquiry_history where local_date between %s and %s", (FIRST, LAST)
        ).fetchone()
    assert expected is not None and expected[0] > 0
    csv = viewer.data(chart, PERIOD.time_range, form="csv")
    assert csv.content.startswith("\ufeff".encode())  # or Excel reads it as cp1251
    frame = pandas.read_csv(io.BytesIO(csv.content))
    assert (len(frame), list(frame)[:2]) == (expected[0], ["When", "Person"])
    book = openpyxl.load_workbook(io.BytesIO(viewer.data(chart, PERIOD.time_range, form="xlsx").content))
    assert book.active is not None and book.active.max_row == expected[0] + 1
    # the menu's full file asks for as many rows as there may be
    whole = viewer.data({**chart, "row_limit": 100_000}, PERIOD.time_range, form="csv", row_limit=100_000)
    assert whole.content == csv.content


def test_money_is_a_number_in_excel(served: Served) -> None:
    viewer = served.signed_in("director")
    chart = chart_named(viewer, "ad_payback", "sources")
    book = openpyxl.load_workbook(io.BytesIO(viewer.data(chart, PERIOD.time_range, form="xlsx").content))
    assert book.active is not None
    head, *rows = book.active.iter_rows(values_only=True)
    place = head.index("Spend")
    with served.as_role("director") as own:
        row = own.execute("select sum(spend) from reports.ad_payback(%s, %s)", (FIRST, LAST)).fetchone()
    assert row is not None
    assert sum(float(str(each[place])) for each in rows) == pytest.approx(float(row[0]))


ESCAPES = [
    "case when set_config('role', '{other}', false) is not null"
    " then query_to_xml('select count(*) from reports.inquiry_history', true, true, '')::text end",
    "set_config('role', '{other}', false)",
    "query_to_xml('select * from access.login_key', true, true, '')::text",
    "(select sign_in_password from bridge.viewer('{other}'))",
    "(select rolpassword from pg_authid limit 1)",
    "pg_read_file('/etc/passwd')",
    "(select count(*)::text from marts.fct_contacts)",
]


@pytest.mark.parametrize("attempt", range(len(ESCAPES)))
def test_an_expression_of_ones_own_opens_nothing(served: Served, attempt: int) -> None:
    viewer = served.signed_in("administrator")
    chart = chart_named(viewer, "inquiry_history", "history")
    expression = ESCAPES[attempt].format(other=served.roles["director"])
    column = {"label": "x", "sqlExpression": "upper(kind)", "expressionType": "SQL"}
    # A harmless one is answered, so it is what it asks for that is refused.
    assert viewer.data(chart, PERIOD.time_range, columns=[column]).status_code == 200
    told = viewer.data(chart, PERIOD.time_range, columns=[column | {"sqlExpression": expression}])
    assert told.status_code == 400, told.text[:500]
    assert "permission denied" in told.text or "cannot contain sub-queries" in told.text


def test_viewers_have_no_sql_lab_and_change_nothing(served: Served) -> None:
    viewer = served.signed_in("director")
    # What a viewer may write, a link to what he filtered, is written: it is the right that the others lack.
    assert viewer.change("POST", "dashboard/1/permalink", {"dataMask": {}}).status_code == 201
    attempts: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "sqllab/execute/", {"database_id": 1, "sql": "select 1", "schema": "reports"}),
        ("POST", "dataset/", {"database": 1, "table_name": "x", "sql": "select 1"}),
        ("POST", "chart/", {"slice_name": "x", "viz_type": "table", "datasource_id": 1, "datasource_type": "table"}),
        ("POST", "dashboard/", {"dashboard_title": "x"}),
        ("POST", "database/", {"database_name": "x", "sqlalchemy_uri": "postgresql://u@h/d"}),
        *((method, f"{what}/1", {}) for what in ("chart", "dashboard", "dataset", "database")
          for method in ("PUT", "DELETE")),
    ]  # fmt: skip
    for method, path, body in attempts:
        assert viewer.change(method, path, body).status_code == 403, (method, path)
    assert viewer.get("security/users/").status_code == 403


def test_one_viewers_answer_is_never_anothers(served: Served) -> None:
    counts = []
    for kind in ("director", "head", "administrator", "director"):
        viewer = served.signed_in(kind)
        chart = chart_named(viewer, "inquiry_history", "contacts")
        counts.append(viewer.data(chart, PERIOD.time_range).json()["result"][0]["data"][0]["total_contacts"])
    assert counts[0] == counts[3] > counts[1] > counts[2] > 0


def test_a_right_taken_counts_from_the_next_click(served: Served) -> None:
    viewer = served.signed_in("marketer")
    chart = chart_named(viewer, "ad_payback", "spend")
    assert viewer.data(chart, PERIOD.time_range).json()["result"][0]["data"][0]["total_spend"] > 0
    served.owner("select access.deny(%s, 'ad_payback')", (served.roles["marketer"],))
    try:
        # It was answered a moment ago and is in the cache; the cache's key holds the rights.
        assert viewer.data(chart, PERIOD.time_range).status_code in (400, 403)
        assert viewer.get("dashboard/ad_payback-en").status_code in (403, 404)
        # A page asks many things at once, and each of them brings her roles up to date.
        for change in ("clear", "deny", "clear", "deny"):
            served.owner(f"select access.{change}(%s, 'ad_payback')", (served.roles["marketer"],))
            with ThreadPoolExecutor(8) as pool:
                told = list(pool.map(lambda _one: viewer.get("dashboard/ad_payback-en").status_code, range(8)))
            assert set(told) == ({200} if change == "clear" else {404}), change
    finally:
        served.owner("select access.clear(%s, 'ad_payback')", (served.roles["marketer"],))
    assert viewer.data(chart, PERIOD.time_range).status_code == 200


def test_who_is_no_employee_any_more_is_out(served: Served) -> None:
    role = f"{served.roles['director']}_2"
    served.owner("select access.add_employee(%s, 'Leaving', null)", (role,))
    served.owner("select access.allow(%s, 'ad_payback')", (role,))
    password = str(served.owner("select access.sign_in_password(%s)", (role,))[0][0])
    viewer = Api(served.url, role, password)
    chart = chart_named(viewer, "ad_payback", "spend")
    served.owner("select access.remove_employee(%s)", (role,))
    assert viewer.data(chart, PERIOD.time_range).status_code >= 400
    assert Api(served.url, role, password).status == 401


@pytest.mark.parametrize("role", ["ghost", "postgres", "chairside", "admin", "", "nobody is signed in"])
def test_who_is_no_employee_cannot_sign_in(served: Served, role: str) -> None:
    for password in ("", "admin", "x" * 27, served.password("director")):
        # an empty name or password is no question
        assert Api(served.url, role, password).status == (401 if role and password else 400)


def in_a_browser(served: Served, kind: str) -> Api:
    """Signed in by the page's form: a cookie, no token."""
    viewer = Api(served.url, served.roles[kind], "none of his")
    page = viewer.session.get(f"{served.url}/login/", timeout=120).text
    (token,) = re.findall(r'id="csrf_token"\s+value="([^"]+)"', page)
    form = {"username": served.roles[kind], "password": served.password(kind), "csrf_token": token}
    viewer.session.post(f"{served.url}/login/", data=form, timeout=120)
    return viewer


def who_is(viewer: Api) -> str | None:
    answer = viewer.get("me/")
    return str(answer.json()["result"]["username"]) if answer.ok else None


def test_new_passwords_are_in_force_at_once_and_need_no_restart(served: Served) -> None:
    before = served.password("director")
    signed_in_before = served.signed_in("director")
    browser = in_a_browser(served, "director")
    assert [who_is(signed_in_before), who_is(browser)] == [served.roles["director"]] * 2
    assert superset.rotate(served.home, served.warehouse) == len(RIGHTS)
    assert served.password("director") != before
    assert Api(served.url, served.roles["director"], before).status == 401
    # what was signed in with the password before is out at its next click, and stays out
    assert [who_is(signed_in_before), who_is(browser)] == [None, None]
    assert signed_in_before.get("dashboard/").status_code == 401
    assert who_is(in_a_browser(served, "director")) == served.roles["director"]
    viewer = served.signed_in("director")
    chart = chart_named(viewer, "ad_payback", "spend")
    assert viewer.data(chart, PERIOD.time_range).status_code == 200


def test_the_bridge_can_do_nothing_but_ask(served: Served) -> None:
    secret = superset.bridge_secret(served.home).read_text()
    (role,) = served.owner("select access.bridge_role()")[0]
    own = psycopg.conninfo.make_conninfo(served.warehouse, user=role, password=secret)
    with psycopg.connect(own, autocommit=True) as bridge:
        for query in (
            "select count(*) from reports.inquiry_history", "select * from access.employees",
            "select access.login_password('x')", "select count(*) from marts.fct_contacts",
            f"set role {served.roles['director']}", "create table bridge.t (a int)",
        ):  # fmt: skip
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                bridge.execute(query)
    with served.as_role("director") as employee, pytest.raises(psycopg.errors.InsufficientPrivilege):
        employee.execute("select * from bridge.viewer(current_user::text)")


@pytest.mark.parametrize("language", LANGUAGES)
def test_dashboards_open_in_a_browser_without_an_error_or_a_raw_name(page: Page, served: Served, language: str) -> None:
    sign_in(page, served.url, served.roles["director"], served.password("director"))
    page.open(f"{served.url}/lang/{language}")
    page.wait("document.readyState == 'complete'", 300)
    page.call("Emulation.setDeviceMetricsOverride", width=1400, height=3000, deviceScaleFactor=1, mobile=False)
    for dashboard in dashboards():
        open_dashboard(page, served.url, slug(dashboard, language), dashboard.titles[language])
        text = page.text()
        for chart in dashboard.charts.values():
            assert chart.titles[language] in text, (dashboard.report, chart.name)
        for wrong in ("rror:", "шибка", "permission denied", "_percent", "clinic_id"):
            assert wrong not in text, (dashboard.report, wrong)


def test_a_browser_shows_nobody_nothing(page: Page, served: Served) -> None:
    sign_in(page, served.url, served.roles["nobody"], served.password("nobody"))
    page.open(f"{served.url}/superset/dashboard/ad_payback-en/")
    page.wait("location.pathname.includes('ad_payback') && document.body.innerText.includes('Page not found')", 300)
    assert "Spend" not in page.text()


def test_a_click_on_a_person_shows_the_whole_path(served: Served) -> None:
    viewer = served.signed_in("director")
    path = chart_named(viewer, "inquiry_history", "path")
    hint = viewer.data(path, PERIOD.time_range).json()["result"][0]["data"]
    assert [row["step"] for row in hint] == ["Click a person in the table above"]
    with served.as_role("director") as own:
        booked = "select person_key from reports.inquiry_history where outcome = 'booked' limit 1"
        found = own.execute(booked).fetchone()
        assert found is not None
        steps = own.execute("select count(*) from reports.client_path(%s)", found).fetchone()
    clicked = [{"col": "person_key", "op": "IN", "val": [found[0]]}]
    rows = viewer.data(path, PERIOD.time_range, filters=clicked).json()["result"][0]["data"]
    assert steps is not None and len(rows) == steps[0] > 1


def test_the_environment_of_superset_holds_no_owner(served: Served, tmp_path: Path) -> None:
    environ = superset.environment(
        served.home, metadata_url="postgresql://s@h/superset", warehouse="postgresql://o:secret@h:5/w", bridge_role="b"
    )
    assert environ["CHAIRSIDE_BI_WAREHOUSE"] == "postgresql://h:5/w"
    assert not any("secret@" in value for value in environ.values())
