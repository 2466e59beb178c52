"""The dashboards as axe-core sees them, by keyboard, by a click, and where there is nothing to show."""

from __future__ import annotations

import importlib.resources
from datetime import date, timedelta
from urllib.parse import quote

import pytest

from bi import state
from bi.spec import LANGUAGES, dashboards
from tests.city import FIRST, LAST
from tests.dashboards.browser import LOADED, Page, open_dashboard, sign_in
from tests.dashboards.people import Served

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
# WCAG 2.1, A and AA: contrast, names of buttons and fields, the language, roles, what the keyboard reaches.
RULES = "{resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']}"
FAULTS = (
    f"axe.run(document, {RULES}).then(told => told.violations.flatMap(fault => fault.nodes.map(node =>"
    " [fault.id, node.target.join(' '), node.html.slice(0, 200), node.any.map(each => each.message).join(' ')])))"
)
FOCUSED = (
    "(() => { const it = document.activeElement; return [it.getAttribute('aria-label'), it.getAttribute('role'),"
    " it.innerText].filter(Boolean).join(' ').slice(0, 80); })()"
)


def during(first: date, last: date, clinic: str | None = None) -> str:
    """A dashboard's address with another period than its own, whose end is not included."""
    return chosen_as(f"{first} : {last + timedelta(days=1)}", clinic)


def chosen_as(period: str, clinic: str | None = None) -> str:
    """A dashboard's address with a period in Superset's words."""
    chosen = f"'{period}'"
    state_of = f"(extraFormData:(time_range:{chosen}),filterState:(value:{chosen}),id:NATIVE_FILTER-period,ownState:())"
    if clinic is not None:
        of_clinic = f"(extraFormData:(filters:!((col:clinic_id,op:IN,val:!({clinic})))),filterState:(value:!({clinic}))"
        state_of += f",NATIVE_FILTER-clinic_id:{of_clinic},id:NATIVE_FILTER-clinic_id,ownState:())"
    return "?native_filters=" + quote(f"(NATIVE_FILTER-period:{state_of})")


@pytest.fixture
def director(page: Page, served: Served) -> Page:
    page.call("Emulation.setDeviceMetricsOverride", width=1400, height=3000, deviceScaleFactor=1, mobile=False)
    sign_in(page, served.url, served.roles["director"], served.password("director"))
    return page


def speak(page: Page, served: Served, language: str) -> None:
    page.open(f"{served.url}/lang/{language}")
    page.wait("document.readyState == 'complete'", 300)


@pytest.mark.parametrize("language", LANGUAGES)
def test_axe_finds_nothing_that_is_hard_to_read_or_has_no_name(
    director: Page, served: Served, language: str
) -> None:
    axe = importlib.resources.files("axe_playwright_python").joinpath("axe.min.js").read_text()
    speak(director, served, language)
    found: set[tuple[str, ...]] = set()
    for dashboard in dashboards():
        slug = f"{dashboard.report}-{language}"
        open_dashboard(director, served.url, slug, dashboard.titles[language], during(FIRST, LAST))
        assert director.ask("document.documentElement.lang") == language
        director.ask(axe)
        found |= {(slug, *fault) for fault in director.ask(FAULTS)}
    assert not sorted(found)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_empty_period_says_what_is_missing(director: Page, served: Served, language: str) -> None:
    speak(director, served, language)
    for dashboard in dashboards():
        if all(each.kind != "period" for each in dashboard.filters):
            continue
        slug = f"{dashboard.report}-{language}"
        nobody_lived = during(date(2001, 1, 1), date(2001, 1, 31))
        open_dashboard(director, served.url, slug, dashboard.titles[language], nobody_lived)
        assert state.SAYS["other_days"][language] in director.text(), slug


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_clinic_without_anything_is_said(director: Page, served: Served, language: str) -> None:
    speak(director, served, language)
    for report in ("channels_and_sources", "inquiry_history"):  # one clinic to choose, and many
        dashboard = next(each for each in dashboards() if each.report == report)
        days = during(FIRST, LAST, "C9")
        open_dashboard(director, served.url, f"{report}-{language}", dashboard.titles[language], days)
        assert state.SAYS["other_clinic"][language] in director.text(), report


def test_an_employee_whose_rows_are_none_is_told_so(page: Page, served: Served) -> None:
    """Own rows only, and no employee's number that rows could be of."""
    role = f"{served.roles['nobody']}_of_no_rows"
    served.owner("select access.add_employee(%s, 'Boris Invented', null)", (role,))
    try:
        for report in ("administrator_conversion", "inquiry_history"):
            served.owner("select access.allow(%s, %s, own_rows_only => true)", (role, report))
        page.call("Emulation.setDeviceMetricsOverride", width=1400, height=3000, deviceScaleFactor=1, mobile=False)
        sign_in(page, served.url, role, str(served.owner("select access.sign_in_password(%s)", (role,))[0][0]))
        for language in LANGUAGES:
            speak(page, served, language)
            for report in ("administrator_conversion", "inquiry_history"):
                dashboard = next(each for each in dashboards() if each.report == report)
                open_dashboard(page, served.url, f"{report}-{language}", dashboard.titles[language])
                assert state.SAYS["nothing"][language] in page.text(), (report, language)
    finally:
        served.owner("select access.remove_employee(%s)", (role,))


@pytest.mark.parametrize("language", LANGUAGES)
def test_stale_figures_name_the_source_that_is_late(director: Page, served: Served, language: str) -> None:
    speak(director, served, language)
    of_files = "where source = 'files' returning 1"
    late = f"update reports.freshness_streams set stale_from = now() - interval '1 day' {of_files}"
    before = served.owner("select source, stream, stale_from from reports.freshness_streams where source = 'files'")
    assert served.owner(late)
    try:
        for dashboard in dashboards():
            if dashboard.report == "freshness":
                continue  # it lists them all
            slug = f"{dashboard.report}-{language}"
            # Another period than the other tests': an answer is kept until something is published.
            days = during(FIRST, LAST - timedelta(days=1))
            open_dashboard(director, served.url, slug, dashboard.titles[language], days)
            text = director.text()
            assert state.SAYS["stale"][language] in text, slug
            assert state.SAYS["late"][language] + "files" in text, slug
    finally:
        for source, stream, stale_from in before:
            served.owner(
                "update reports.freshness_streams set stale_from = %s where source = %s and stream = %s",
                (stale_from, source, stream),
            )


@pytest.mark.parametrize(
    ("period", "said"),
    [
        ("2026-08-01 : 2026-09-01", {"en": "01 Aug 2026 – 31 Aug 2026", "ru": "01.08.2026 – 31.08.2026"}),
        ("2026-08-01 : ", {"en": "from 01 Aug 2026", "ru": "с 01.08.2026"}),
        (" : 2026-09-01", {"en": "to 31 Aug 2026", "ru": "по 31.08.2026"}),
        ("2026-08-01T10:30:00 : 2026-08-02T10:30:00", {"en": "01 Aug 2026", "ru": "01.08.2026"}),
        ("2026-08-01T10:00:00 : 2026-08-01T11:00:00", {"en": "no day", "ru": "ни одного дня"}),
    ],
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_chosen_period_is_said_in_the_reader_s_dates(
    director: Page, served: Served, language: str, period: str, said: dict[str, str]
) -> None:
    """Those that the report reads: whole days, and none that only begins."""
    speak(director, served, language)
    dashboard = next(each for each in dashboards() if each.report == "ad_payback")
    open_dashboard(
        director, served.url, f"ad_payback-{language}", dashboard.titles[language], chosen_as(period)
    )
    shown = "document.querySelector('[data-test=time-range-trigger]').innerText.trim()"
    director.wait(f"{shown} == {said[language]!r}", 20)
    assert "col <" not in director.text()


def test_the_keyboard_reaches_filters_menus_and_downloads(director: Page, served: Served) -> None:
    speak(director, served, "en")
    dashboard = next(each for each in dashboards() if each.report == "ad_payback")
    open_dashboard(director, served.url, "ad_payback-en", dashboard.titles["en"], during(FIRST, LAST))
    reached = []
    for _stop in range(120):
        director.press("Tab")
        reached.append(director.ask(FOCUSED))
        if "More Options" in reached[-1]:
            break
    assert "More Options" in reached[-1], reached
    director.press("Enter")
    director.wait("document.body.innerText.includes('Download')", 20)


@pytest.mark.parametrize(
    ("report", "column", "below"), [("inquiry_history", 1, "path"), ("deal_journal", 0, "card")]
)
def test_a_click_shows_what_is_behind_a_row(
    director: Page, served: Served, report: str, column: int, below: str
) -> None:
    speak(director, served, "en")
    dashboard = next(each for each in dashboards() if each.report == report)
    open_dashboard(director, served.url, f"{report}-en", dashboard.titles["en"], during(FIRST, LAST))
    hint = "in the table above"
    assert hint in director.text()
    rows = "[...document.querySelectorAll('table')].find(each => each.querySelectorAll('tbody tr').length > 5)"
    director.click_at(f"{rows}.querySelectorAll('tbody tr')[0].querySelectorAll('td')[{column}]")
    director.wait(f"!document.body.innerText.includes({hint!r})", 60)
    director.wait(LOADED, 60)
    assert dashboard.charts[below].titles["en"] in director.text()


def test_a_right_taken_counts_in_the_browser_that_just_showed_the_figures(page: Page, served: Served) -> None:
    sign_in(page, served.url, served.roles["marketer"], served.password("marketer"))
    dashboard = next(each for each in dashboards() if each.report == "ad_payback")
    for _again in range(2):  # the second time from memory
        open_dashboard(page, served.url, "ad_payback-en", dashboard.titles["en"], during(FIRST, LAST))
    served.owner("select access.deny(%s, 'ad_payback')", (served.roles["marketer"],))
    try:
        asked = "fetch('/api/v1/dashboard/ad_payback-en/charts').then(answer => answer.status)"
        assert page.ask(asked) in (403, 404)
    finally:
        served.owner("select access.clear(%s, 'ad_payback')", (served.roles["marketer"],))
    assert page.ask(asked) == 200
