"""What is asked before anybody asks: how much of it, of whom, when it gives way, and what a real browser then finds."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from bi import assets, state
from bi.spec import LANGUAGES, Dashboard, dashboards
from bi.superset.ahead import IN_A_ROW, QUIET_SECONDS, SHARE, Ahead, Crowd, Told, depends_on_the_hour
from bi.superset.openings import LATELY, OF_A_VIEWER, OPENINGS, QUESTIONS, Openings, Question
from runtime.home import REPOSITORY
from tests.dashboards.browser import Page, open_dashboard, sign_in
from tests.dashboards.people import Served, asked_ahead

DASHBOARD = "/superset/dashboard/ad_payback-en/"


def question(number: int = 0, language: str = "en") -> Question:
    return Question("POST", "/api/v1/chart/data", f"n={number}", "{}", language)


class Machine:
    """A clock that asking and sleeping move, viewers with their marks, and what was asked of whom."""

    def __init__(self, folder: Path, *, takes: float = 0.0, tells: Told = Told.KEPT) -> None:
        self.clock = 1_000_000.0
        self.marks: dict[str, str | None] = {"anna": "1", "boris": "1"}
        self.asked: list[tuple[str, str]] = []
        self.takes, self.tells = takes, tells
        self.openings = Openings(folder / "openings.json", now=self.now)
        self.crowd = Crowd(now=self.now)
        self.ahead = Ahead(self.openings, self.marks.get, self.ask, self.crowd, now=self.now, sleep=self.sleep)
        self.while_sleeping: Callable[[], None] = lambda: None
        self.clock += QUIET_SECONDS

    def now(self) -> float:
        return self.clock

    def sleep(self, seconds: float) -> None:
        self.clock += seconds
        self.while_sleeping()

    def ask(self, viewer: str, what: Question) -> Told:
        assert self.crowd.is_away()
        self.asked.append((viewer, what.query))
        self.clock += self.takes
        return self.tells


def test_each_question_is_asked_once_for_each_mark_the_latest_opening_first(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.openings.note("anna", DASHBOARD, question(1))
    machine.openings.note("anna", DASHBOARD, question(2))
    machine.openings.note("boris", DASHBOARD, question(3))
    for _round in range(3):
        machine.ahead.round()
    assert machine.asked == [("boris", "n=3"), ("anna", "n=1"), ("anna", "n=2")]
    machine.marks["anna"] = "2"  # a publication, another right or another day
    machine.ahead.round()
    assert machine.asked[3:] == [("anna", "n=1"), ("anna", "n=2")]


def test_who_is_no_employee_any_more_is_not_asked_for(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.openings.note("anna", DASHBOARD, question())
    machine.marks["anna"] = None
    machine.ahead.round()
    assert machine.asked == []
    assert machine.openings.latest() == []


def test_it_gives_way_to_whoever_is_being_answered(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.openings.note("anna", DASHBOARD, question())
    somebody = machine.crowd.one()
    somebody.__enter__()
    came = machine.clock

    def leaves() -> None:
        if machine.clock > came + 30:
            # What is asked meanwhile is not lost by a restart.
            machine.openings.note("boris", DASHBOARD, question(7))
            assert machine.clock < came + 35 or ("boris", [question(7)]) in Openings(
                tmp_path / "openings.json", now=machine.now
            ).latest()
        if machine.clock > came + 60:
            machine.while_sleeping = lambda: None
            somebody.__exit__(None, None, None)

    machine.while_sleeping = leaves
    machine.ahead.round()
    assert machine.asked and machine.clock > came + 60 + QUIET_SECONDS  # `ask` looked whether everybody was away


def test_it_asks_two_minutes_in_a_row_and_a_tenth_of_the_time(tmp_path: Path) -> None:
    machine = Machine(tmp_path, takes=5.0)
    for number in range(QUESTIONS):
        machine.openings.note("anna", DASHBOARD, question(number))
        machine.openings.note("boris", DASHBOARD, question(number))
    began = machine.clock
    machine.ahead.round()
    at_first = len(machine.asked)
    assert IN_A_ROW / 5 <= at_first <= (IN_A_ROW + SHARE * (machine.clock - began)) / 5 + 1
    machine.clock += 100.0
    machine.ahead.round()
    assert len(machine.asked) - at_first <= SHARE * 110.0 / 5 + 1
    for _hour in range(2):
        machine.clock += 3600.0
        machine.ahead.round()
    assert len(set(machine.asked)) == 2 * QUESTIONS == len(machine.asked), "the rest comes later, nothing twice"


def test_what_fails_fails_alone_and_what_is_gone_is_not_asked_again(tmp_path: Path) -> None:
    machine = Machine(tmp_path, tells=Told.REFUSED)
    machine.openings.note("anna", DASHBOARD, question())
    machine.openings.note("boris", DASHBOARD, question())
    assert machine.ahead.round()[Told.REFUSED] == 2
    machine.marks["anna"] = "2"
    assert not any(machine.ahead.round().values()), "what was refused once would be again"
    assert len(machine.openings.latest()) == 2
    machine.tells = Told.GONE
    machine.openings.note("anna", DASHBOARD, question(1))
    assert machine.ahead.round()[Told.GONE] == 1
    assert [questions for _viewer, questions in machine.openings.latest()] == [[question()], [question()]]


def test_only_so_many_openings_and_questions_are_remembered_and_not_for_ever(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    for number in range(QUESTIONS + 5):
        machine.openings.note("anna", DASHBOARD, question(number))
    ((_viewer, asked),) = machine.openings.latest()
    assert asked == [question(number) for number in range(5, QUESTIONS + 5)]
    for number in range(OF_A_VIEWER + 5):
        machine.openings.note("anna", f"/superset/dashboard/d{number}/", question())
    assert len(machine.openings.latest()) == OF_A_VIEWER
    for number in range(OPENINGS + 5):
        machine.openings.note(f"viewer {number}", DASHBOARD, question())
    assert len(machine.openings.latest()) == OPENINGS
    assert machine.openings.latest()[0][0] == f"viewer {OPENINGS + 4}"
    machine.clock += LATELY + 1
    assert machine.openings.latest() == []


@pytest.mark.parametrize("dashboard", ["", "/login/", "/superset/dashboard/x", "/superset/dashboard/a/b/", "x" * 5000])
def test_only_a_dashboard_is_opened(tmp_path: Path, dashboard: str) -> None:
    machine = Machine(tmp_path)
    machine.openings.note("anna", dashboard, question())
    machine.openings.note("anna", DASHBOARD, Question("POST", "/api/v1/chart/data", "", "x" * 60_000, "en"))
    assert machine.openings.latest() == []


def test_a_new_start_knows_the_openings_and_a_damaged_file_is_an_empty_one(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.openings.note("anna", DASHBOARD, question(1, "ru"))
    machine.openings.save()
    again = Openings(tmp_path / "openings.json", now=machine.now)
    assert again.latest() == [("anna", [question(1, "ru")])]
    for text in ("", "{", "{}", "[1]", '[["anna"]]', json.dumps([["a"] * 8 + ["no time"]])):
        (tmp_path / "openings.json").write_text(text)
        assert Openings(tmp_path / "openings.json").latest() == []


def test_what_depends_on_the_hour_is_the_line_on_top_and_the_freshness() -> None:
    hourly = {
        (dashboard.report, name)
        for dashboard in dashboards()
        for name, dataset in dashboard.datasets.items()
        if depends_on_the_hour(assets.query(dashboard, dataset, "en"))
    }
    assert hourly == {("freshness", name) for name in ("of_reports", "streams", "daily", "options")}
    assert all(depends_on_the_hour(state.query(each, language)) for each in dashboards() for language in LANGUAGES)


def test_no_report_but_the_freshness_asks_for_the_time() -> None:
    asks = re.compile(r"\b(now|clock_timestamp|statement_timestamp|transaction_timestamp)\s*\(|\bcurrent_time", re.I)
    texts = {path.name: path.read_text() for path in (REPOSITORY / "warehouse" / "reports").rglob("*.sql")}
    assert {name for name, text in texts.items() if asks.search(text)} == {"freshness.sql"}


# Of the first screen, so asked before the page stands: rows below it are asked for three seconds later.
ANSWERS = (
    "performance.getEntriesByType('resource')"
    ".filter((each, _at, every) => {"
    " const stands = every.find(other => other.name.includes('favorite_status'));"
    " return !stands || each.startTime < stands.startTime; })"
    ".filter(each => /api.v1.(chart.data[?]|dataset.*drill_info|dashboard.[a-z_]+-(en|ru))/.test(each.name))"
    ".map(each => [decodeURIComponent(each.name), each.serverTiming.map(it => it.name).join()])"
)
# Never asked ahead: the line on top, whose answer depends on the hour, and names, whose readers are on record.
LIVE = {"administrator_conversion": {"state"}, "inquiry_history": {"state", "history"}, "ad_payback": {"state"}}


def chart_ids(served: Served, dashboard: Dashboard, language: str, names: set[str]) -> set[int]:
    titles = {state.TITLES[language] if name == "state" else dashboard.charts[name].titles[language] for name in names}
    charts = served.signed_in("director").get(f"dashboard/{dashboard.report}-{language}/charts").json()["result"]
    return {each["form_data"]["slice_id"] for each in charts if each["slice_name"] in titles}


def published_again(served: Served) -> None:
    served.owner(
        "insert into ops.publications (run_id, published_at, rows_inserted, rows_deleted, tables)"
        " select 'again', published_at, 0, 0, '{}' from ops.publications order by publication_id desc limit 1"
    )


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_after_a_publication_the_answers_of_both_languages_are_there_before_somebody_opens_a_dashboard(
    page: Page, served: Served
) -> None:
    page.call("Emulation.setDeviceMetricsOverride", width=1400, height=1000, deviceScaleFactor=1, mobile=False)
    sign_in(page, served.url, served.roles["director"], served.password("director"))
    opened = [each for each in dashboards() if each.report in LIVE]
    log = served.home.logs / "superset.log"

    def open_all() -> dict[tuple[str, str], list[tuple[str, str]]]:
        told = {}
        for language in LANGUAGES:
            page.open(f"{served.url}/lang/{language}")
            page.wait("document.readyState == 'complete'")
            for each in opened:
                open_dashboard(page, served.url, f"{each.report}-{language}", each.titles[language])
                told[each.report, language] = [tuple(one) for one in page.ask(ANSWERS)]
        return told

    since = log.stat().st_size
    open_all()
    asked_ahead(log, since)
    since, lines = log.stat().st_size, personal_reads(served)
    published_again(served)
    asked_ahead(log, since)
    assert personal_reads(served) == lines, "nobody looked at anybody's name"
    for (report, language), answers in open_all().items():
        dashboard = next(each for each in opened if each.report == report)
        live = {f'"slice_id":{number}}}' for number in chart_ids(served, dashboard, language, LIVE[report])}
        missed = [name for name, how in answers if how != "kept" and not any(each in name for each in live)]
        assert len([how for _name, how in answers if how == "kept"]) >= 5, (report, language)
        assert missed == [], (report, language)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_right_taken_hides_what_was_asked_ahead(page: Page, served: Served) -> None:
    sign_in(page, served.url, served.roles["marketer"], served.password("marketer"))
    dashboard = next(each for each in dashboards() if each.report == "ad_payback")
    log = served.home.logs / "superset.log"
    since = log.stat().st_size
    open_dashboard(page, served.url, "ad_payback-en", dashboard.titles["en"])
    published_again(served)
    asked_ahead(log, since)
    served.owner("select access.deny(%s, 'ad_payback')", (served.roles["marketer"],))
    try:
        page.open(f"{served.url}/superset/dashboard/ad_payback-en/")
        page.wait("location.pathname.includes('ad_payback') && document.body.innerText.includes('Page not found')")
        assert "kept" not in [how for _name, how in page.ask(ANSWERS)]
    finally:
        served.owner("select access.clear(%s, 'ad_payback')", (served.roles["marketer"],))


def personal_reads(served: Served) -> int:
    """How many the server's log has."""
    log = Path(served.owner("select current_setting('data_directory')")[0][0]).parent / "logs" / "postgres.log"
    if not log.is_file():
        pytest.skip("this server's log is somewhere else")
    return log.read_bytes().count(b"chairside personal read ")
