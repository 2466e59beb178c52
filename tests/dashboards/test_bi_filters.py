"""Filters as a person uses them in the browser: words to choose from, and figures as SQL has them for that role."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import timedelta

import pytest

from bi.spec import LANGUAGES, Dashboard, dashboards, words
from bi.superset.languages import NARROW_SPACE
from tests.city import FIRST, LAST
from tests.dashboards.browser import Page, choose, open_dashboard, sign_in
from tests.dashboards.people import Served
from tests.dashboards.test_bi_without_a_mouse import during, speak

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
RAW = re.compile(r"^[a-z]+(_[a-z0-9]+)+$|^(true|false|null|<NULL>)$")


# Not from the city's first day: what is of days and what is of inquiries would be the same.
SINCE = FIRST + timedelta(days=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One value of one filter, a number of the dashboard, and what it must then be."""

    report: str
    column: str
    value: str
    figure: str
    sql: str


DAYS = "date_from => %(first)s, date_to => %(last)s"
HISTORY = "select count(*) from reports.inquiry_history where local_date between %(first)s and %(last)s and "
WANTS = HISTORY + "people_group = 'wants_to_book' and "
DEALS = f"select coalesce(sum(deals), 0) from reports.deal_summary({DAYS}) where "
OF_DIRECTOR = (
    Choice(report="channels_and_sources", column="referrals", value="shown", figure="inquiries",
           sql=f"select sum(inquiries) from reports.channels_and_sources({DAYS}, with_referrals => true)"),
    Choice(report="channels_and_sources", column="audience", value="repeat", figure="clients",
           sql=f"select clients from reports.channels_and_sources({DAYS}, level => 'total', audience => 'repeat')"),
    Choice(report="channels_and_sources", column="basis", value="period", figure="revenue",
           sql=f"select sum(revenue) from reports.channels_and_sources({DAYS}, basis => 'period')"),
    Choice(report="deal_journal", column="clinic_id", value="C1", figure="deals",
           sql=f"select sum(deals) from reports.deal_summary({DAYS}, clinic => 'C1')"),
    Choice(report="deal_journal", column="channel", value="paid_search", figure="deals",
           sql=DEALS + "channel = 'paid_search'"),
    Choice(report="deal_journal", column="stage_kind", value="won", figure="deals", sql=DEALS + "stage_kind = 'won'"),
)  # fmt: skip
OF_BOTH = (
    Choice(report="administrator_conversion", column="employee_referrals", value="hidden", figure="inquiries",
           sql=f"select inquiries from reports.administrator_conversion({DAYS}, hide_employee_referrals => true)"
               " where administrator_id is null"),
    Choice(report="administrator_conversion", column="audience", value="repeat", figure="booked",
           sql=f"select booked from reports.administrator_conversion({DAYS}, audience => 'repeat')"
               " where administrator_id is null"),
    Choice(report="inquiry_history", column="people_group", value="already_booked", figure="contacts",
           sql=HISTORY + "people_group in ('wants_to_book', 'already_booked')"),
    Choice(report="inquiry_history", column="outcome", value="declined", figure="contacts",
           sql=WANTS + "outcome = 'declined'"),
    Choice(report="inquiry_history", column="topic", value="implants", figure="contacts",
           sql=WANTS + "topic = 'implants'"),
    Choice(report="inquiry_history", column="channel", value="paid_search", figure="contacts",
           sql=WANTS + "channel = 'paid_search'"),
    Choice(report="inquiry_history", column="clinic_id", value="C1", figure="contacts",
           sql=WANTS + "clinic_id = 'C1'"),
)  # fmt: skip
USED = [*(("director", each) for each in (*OF_DIRECTOR, *OF_BOTH)), *(("head", each) for each in OF_BOTH)]


# What the charts of a page were answered last, by a column of theirs.
REMEMBERS = """
const asked = globalThis.fetch; const answers = [];
globalThis.fetch = async (...all) => {
  const told = await asked(...all);
  if (String(all[0]?.url ?? all[0]).includes('/api/v1/chart/data'))
    told.clone().json().then(each => answers.push(...each.result), () => {});
  return told;
};
globalThis.answered = column =>
  answers.filter(each => each.colnames?.includes(column) && each.colnames.length == 2).at(-1)?.data;
"""


def figure(page: Page, title: str) -> str | None:
    """What the number with this title says now."""
    found = page.ask(f"document.querySelector('[data-test-chart-name={json.dumps(title)}] .header-line')?.innerText")
    return str(found).strip() if found is not None else None


def expected(served: Served, kind: str, sql: str, language: str) -> str:
    """The number that SQL says to that role, as the language writes it."""
    with served.as_role(kind) as own:
        row = own.execute(sql.encode(), {"first": SINCE, "last": LAST}).fetchone()
    assert row is not None and row[0] is not None
    written = f"{round(row[0]):,}"
    return written if language == "en" else written.replace(",", NARROW_SPACE)


def come(page: Page, served: Served, kind: str, language: str) -> None:
    sign_in(page, served.url, served.roles[kind], served.password(kind))
    page.call("Emulation.setDeviceMetricsOverride", width=1400, height=1000, deviceScaleFactor=1, mobile=False)
    speak(page, served, language)


def opened(page: Page, served: Served, report: str, language: str) -> Dashboard:
    dashboard = next(each for each in dashboards() if each.report == report)
    open_dashboard(page, served.url, f"{report}-{language}", dashboard.titles[language], during(SINCE, LAST))
    return dashboard


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("kind", "report"), sorted({(kind, each.report) for kind, each in USED}))
def test_each_filter_offers_words_and_the_figure_is_what_sql_says(
    page: Page, served: Served, kind: str, report: str, language: str
) -> None:
    come(page, served, kind, language)
    for choice in [each for of_kind, each in USED if (of_kind, each.report) == (kind, report)]:
        dashboard = opened(page, served, report, language)
        title = dashboard.charts[choice.figure].titles[language]
        before = figure(page, title)
        word = words().values.get(choice.column, {}).get(choice.value, {}).get(language, choice.value)
        offered = choose(page, words().column(choice.column).titles[language], word)
        assert word in offered and not [each for each in offered if RAW.match(each)], offered
        after = expected(served, kind, choice.sql, language)
        assert before is not None
        page.wait(f"document.querySelector('[data-test-chart-name={json.dumps(title)}] .header-line')?.innerText.trim()"
                  f" == {json.dumps(after)}", 60)  # fmt: skip
        # the head's only clinic is all that she sees
        assert before != after or (kind, choice.column) == ("head", "clinic_id"), (choice, before)


@pytest.mark.parametrize("language", LANGUAGES)
def test_hot_clients_and_revenue_by_contact_follow_the_clinic(page: Page, served: Served, language: str) -> None:
    page.call("Page.addScriptToEvaluateOnNewDocument", source=REMEMBERS)
    come(page, served, "director", language)
    dashboard = opened(page, served, "deal_journal", language)
    choose(page, words().column("clinic_id").titles[language], "C1")
    with served.as_role("director") as own:
        hot = own.execute(
            f"select deals, won from reports.hot_clients({DAYS}, clinic => 'C1')"
            " order by is_hot desc".encode(), {"first": SINCE, "last": LAST},
        ).fetchall()
        by_kind = own.execute(
            f"select contact_kind, sum(revenue) from reports.deal_summary({DAYS}, clinic => 'C1') group by 1".encode(),
            {"first": SINCE, "last": LAST},
        ).fetchall()
    yes_no = [words().values["is_hot"][each][language] for each in ("true", "false")]
    table = f"document.querySelector('[data-test-chart-name={json.dumps(dashboard.charts['speed'].titles[language])}]')"
    rows = f"[...{table}.querySelectorAll('tbody tr')].map(each => [...each.cells].map(cell => cell.innerText.trim()))"
    wanted = [f"{word}|{deals}|{won}" for word, (deals, won) in zip(yes_no, hot, strict=True)]
    page.wait(f"{rows}.map(each => each.slice(0, 3).join('|')).join() == {json.dumps(','.join(wanted))}", 60)
    said = words().values["contact_kind"]
    shown = {row["contact_kind"]: row["total_revenue"] for row in page.ask("answered('contact_kind')")}
    assert shown == {said[kind or "not_said"][language]: pytest.approx(float(revenue)) for kind, revenue in by_kind}
