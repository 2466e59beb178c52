"""What a page's head adds (first_screen.js): earlier questions, later rows, and nobody else's figures."""

from __future__ import annotations

import json

import pytest

from bi.spec import Dashboard, dashboards
from tests.dashboards.browser import LOADED, Page, open_dashboard, sign_in
from tests.dashboards.people import Served, metrics_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
SLUG = "administrator_conversion-en"
FIGURES = "[...document.querySelectorAll('.header-line')].map(each => each.innerText)"
ASKED_AT = (
    "performance.getEntriesByType('resource').filter(each => each.name.includes('/api/v1/chart/data?'))"
    ".map(each => each.startTime)"
)
PAGE_STANDS_AT = (
    "performance.getEntriesByType('resource').find(each => each.name.includes('favorite_status')).startTime"
)


def spec(report: str) -> Dashboard:
    return next(each for each in dashboards() if each.report == report)


def figure(served: Served, kind: str) -> str:
    """The first figure of the dashboard as the viewer's own programs get it."""
    viewer = served.signed_in(kind)
    chart = next(each for each in viewer.charts(SLUG) if each["viz_type"] == "big_number_total")
    rows = viewer.data(chart, "Last 90 days").json()["result"][0]["data"]
    return f"{int(float(rows[0][metrics_of(chart)[0]])):,}"


def test_the_next_reader_at_the_same_browser_gets_her_own_figures(page: Page, served: Served) -> None:
    page.call("Emulation.setDeviceMetricsOverride", width=1400, height=1000, deviceScaleFactor=1, mobile=False)
    shown: dict[str, list[str]] = {}
    for kind in ("director", "administrator"):
        sign_in(page, served.url, served.roles[kind], served.password(kind))
        for _again in range(2):
            open_dashboard(page, served.url, SLUG, spec("administrator_conversion").titles["en"])
        # It was asked before the page stood, so by what the browser remembered of the reader before.
        assert min(page.ask(ASKED_AT)) < page.ask(PAGE_STANDS_AT)
        shown[kind] = page.ask(FIGURES)
        assert figure(served, kind) in shown[kind]
    assert shown["director"] != shown["administrator"]


def test_what_the_browser_remembers_holds_no_figure(page: Page, served: Served) -> None:
    sign_in(page, served.url, served.roles["director"], served.password("director"))
    open_dashboard(page, served.url, SLUG, spec("administrator_conversion").titles["en"])
    page.open(f"{served.url}/dashboard/list/")
    page.wait("location.pathname == '/dashboard/list/'")
    kept = json.loads(page.ask(f"localStorage.getItem('chairside /superset/dashboard/{SLUG}/')"))
    assert {method for _path, method, _body in kept} == {"GET", "POST"}
    assert all(path.startswith("/api/v1/") for path, _method, _body in kept)
    for _path, method, body in kept:
        if method == "POST":
            assert json.loads(body).keys() <= {
                "datasource", "force", "queries", "form_data", "result_format", "result_type"
            }  # fmt: skip


def test_rows_below_the_screen_come_without_scrolling_once_the_page_has_settled(page: Page, served: Served) -> None:
    page.call("Emulation.setDeviceMetricsOverride", width=1400, height=1000, deviceScaleFactor=1, mobile=False)
    sign_in(page, served.url, served.roles["director"], served.password("director"))
    dashboard = spec("administrator_conversion")
    open_dashboard(page, served.url, SLUG, dashboard.titles["en"])
    below = f"document.querySelector('[data-test-chart-name={json.dumps(dashboard.charts['people'].titles['en'])}]')"
    assert page.ask(f"{below} === null || {below}.getBoundingClientRect().top > 600")
    page.wait(f"{below} && {below}.querySelector('tbody tr')", 60)
    page.wait(LOADED, 60)
