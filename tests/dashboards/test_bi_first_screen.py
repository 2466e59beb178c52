"""What a page's head adds (first_screen.js): earlier questions, later rows, and nobody else's figures."""

from __future__ import annotations

import json

import pytest

from bi.spec import LANGUAGES, Dashboard, dashboards
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
    figures = (each for each in viewer.charts(SLUG) if each["viz_type"] == "big_number_total")
    chart = next(each for each in figures if metrics_of(each) == ["total_inquiries"])
    rows = viewer.data(chart, "Last 90 days").json()["result"][0]["data"]
    return f"{int(rows[0]['total_inquiries']):,}"


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
    charts = served.signed_in("director").charts(SLUG)
    below = next(each["slice_id"] for each in charts if "waiting_list" in each.get("all_columns", ()))
    shown = [path for path, _method, _body in kept if "chart/data?" in path]
    assert shown
    assert not [path for path in shown if f"%22slice_id%22%3A{below}%7D" in path], "it is not in sight"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_browser_that_remembers_nothing_asks_early_too(page: Page, served: Served, language: str) -> None:
    sign_in(page, served.url, served.roles["director"], served.password("director"))
    page.open(f"{served.url}/lang/{language}")
    page.wait("document.readyState == 'complete'")
    page.ask("localStorage.clear()")
    slug = f"administrator_conversion-{language}"
    open_dashboard(page, served.url, slug, spec("administrator_conversion").titles[language])
    # The page's logo comes when its scripts have run, before they ask. Of a path that is asked for again, because its
    # early answer was of no use, the last one counts.
    begun = dict(
        page.ask(
            "performance.getEntriesByType('resource')"
            ".map(each => [each.name.replace(location.origin, '').replace(/[?].*/, ''), each.startTime])"
        )
    )
    scripts = next(at for path, at in begun.items() if "logo" in path)
    dashboard = f"/api/v1/dashboard/{slug}"
    words = [] if language == "en" else [f"/superset/language_pack/{language}/"]
    for path in (dashboard, f"{dashboard}/charts", f"{dashboard}/datasets", *words):
        assert begun[path] < scripts, path


def test_another_browser_of_the_same_reader_is_told_what_to_ask(page: Page, served: Served) -> None:
    title = spec("direction_load").titles["en"]
    # Another reader's questions are none of his: he opened it nowhere yet.
    for reader, is_early in (("head", False), ("head", True), ("director", False)):
        sign_in(page, served.url, served.roles[reader], served.password(reader))
        page.open(f"{served.url}/lang/en")
        page.wait("document.readyState == 'complete'")
        page.ask("localStorage.clear()")
        open_dashboard(page, served.url, "direction_load-en", title)
        assert (min(page.ask(ASKED_AT)) < page.ask(PAGE_STANDS_AT)) == is_early, reader


def test_filters_are_drawn_while_charts_still_wait_for_their_figures(page: Page, served: Served) -> None:
    # Superset draws them a second later at the latest: here that second never ends, nor does any chart's question.
    never = (
        "(() => { const ask = fetch, later = setTimeout, never = new Promise(() => {});"
        " window.fetch = (path, ...more) => String(path).includes('chart/data?') ? never : ask(path, ...more);"
        " window.setTimeout = (what, after, ...more) => after === 1000 ? 0 : later(what, after, ...more); })()"
    )
    sign_in(page, served.url, served.roles["director"], served.password("director"))
    waiting = page.call("Page.addScriptToEvaluateOnNewDocument", source=never)["identifier"]
    try:
        for dashboard in dashboards():
            page.open(f"{served.url}/superset/dashboard/{dashboard.report}-en/")
            page.wait("document.querySelector('[data-test=form-item-value]')", 60)
            assert page.ask("document.querySelectorAll('.header-line, .echarts, tbody tr').length") == 0
    finally:
        page.call("Page.removeScriptToEvaluateOnNewDocument", identifier=waiting)


def test_every_module_that_is_changed_is_there(page: Page, served: Served) -> None:
    sign_in(page, served.url, served.roles["director"], served.password("director"))
    open_dashboard(page, served.url, SLUG, spec("administrator_conversion").titles["en"])
    assert page.ask("Object.keys(webpackChunksuperset.notFound)") == []


def test_a_script_that_ran_before_ours_is_not_lost(page: Page, served: Served) -> None:
    sign_in(page, served.url, served.roles["director"], served.password("director"))
    early = "if (!location.protocol.startsWith('about')) globalThis.webpackChunksuperset = [[['early'], {}]]"
    added = page.call("Page.addScriptToEvaluateOnNewDocument", source=early)["identifier"]
    try:
        open_dashboard(page, served.url, SLUG, spec("administrator_conversion").titles["en"])
        assert page.ask("webpackChunksuperset[0][0][0]") == "early"
    finally:
        page.call("Page.removeScriptToEvaluateOnNewDocument", identifier=added)


def test_rows_below_the_screen_come_without_scrolling_once_the_page_has_settled(page: Page, served: Served) -> None:
    page.call("Emulation.setDeviceMetricsOverride", width=1400, height=1000, deviceScaleFactor=1, mobile=False)
    sign_in(page, served.url, served.roles["director"], served.password("director"))
    dashboard = spec("administrator_conversion")
    open_dashboard(page, served.url, SLUG, dashboard.titles["en"])
    below = f"document.querySelector('[data-test-chart-name={json.dumps(dashboard.charts['people'].titles['en'])}]')"
    assert page.ask(f"{below} === null || {below}.getBoundingClientRect().top > 600")
    page.wait(f"{below} && {below}.querySelector('tbody tr')", 60)
    page.wait(LOADED, 60)
