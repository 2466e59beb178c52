"""How long a dashboard takes to open: from the navigation until everything on the first screen is drawn.

The home that `make demo` filled, Superset as the product starts it, and a headless Chromium with a window of
1400 × 1000, all on this machine: what the browser and the servers work adds up. Every dashboard is opened in both
languages by the demo's director, in turns:

    first    the viewer's first time: the browser has nothing of Superset, Superset knows nothing of the viewer
    warm     the same browser opened it just before
    click    from the list of dashboards, as people come to it, the second time
    morning  the same browser opened it before; since then Superset started anew, which is to it as a publication, and
             had the time to ask ahead
    cold     the same, but the browser has nothing of Superset

"Drawn" is asked of the page every 20 ms: each chart that reaches into the window has its picture, table or figure, and
nothing that is in sight turns or is a grey block; it has to stay so for 0.7 s.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from benchmarks.harness import Bench, Disagreement, Rounds, rounds_wanted
from bi.spec import LANGUAGES, Dashboard, dashboards
from bi.superset.ahead import file_in
from runtime.connections import LAST_DAY
from runtime.home import Home, open_home
from runtime.progress import Progress
from runtime.serve import serving
from runtime.superset import running_superset, sign_in
from runtime.warehouse import Databases, databases
from tests.dashboards import browser
from tests.dashboards.browser import Page
from tests.dashboards.people import asked_ahead

GOAL = 2.0  # seconds
VIEWER = "demo_director"  # sees everything
WIDTH, HEIGHT = 1400, 1000
LONGEST = 60.0
SETTLED_MS = 700
# Runs in the page before anything of its own; `from` is set anew by a click that opens a dashboard within the page.
WATCH = """
(() => {
  const seen = window.chairside = {from: 0, drawn: null, waits: 'nothing is there'};
  const drawn = 'canvas, table, .header-line, .ant-empty';
  const turns = '.loading, [data-test=loading-indicator], .ant-spin-spinning, .ant-skeleton';
  const inSight = it => {
    const box = it.getBoundingClientRect();
    return box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight;
  };
  setInterval(() => {
    const charts = [...document.querySelectorAll('[data-test=chart-grid-component]')].filter(inSight);
    const blank = charts.filter(each => !each.querySelector(drawn)).length;
    const turning = [...document.querySelectorAll(turns)].filter(inSight).length;
    seen.waits = `${charts.length} charts in sight, ${blank} blank, ${turning} turning`;
    if (!charts.length || blank || turning) seen.drawn = null;
    else if (seen.drawn === null) seen.drawn = performance.now();
  }, 20);
})();
"""
# What Superset answered from memory says so.
KEPT = """
performance.getEntriesByType('resource').filter(each => each.name.includes('/api/v1/chart/data'))
  .map(each => each.serverTiming.some(it => it.name == 'kept'))
"""


def run(bench: Bench) -> None:
    """A figure for each way to open and each language: the slowest dashboard's median, in seconds."""
    program = browser.chromium()
    if program is None:
        print("     dashboards: not measured, there is no Chromium here (apt-get install chromium)", flush=True)
        return
    home = open_home(os.environ)
    if not home.state().get("demo") or serving(home) is not None:
        print("     dashboards: not measured, this home has no demo, or it serves (make demo, make down)", flush=True)
        return
    if date.today() - LAST_DAY > timedelta(days=90):  # noqa: DTZ011 - as the dashboards' own period counts
        raise Disagreement("dashboards show the last 90 days, which have none of the demo's days any more")
    every = [each for each in dashboards() if each.report in (asked() or {each.report})]
    rounds = rounds_wanted()
    environ = {key: value for key, value in os.environ.items() if not key.endswith("_URL")}
    with (
        databases(home, environ, Progress(), metadata=True) as urls,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
        browser.browser(Path(profile), program) as page,
    ):
        page.call("Emulation.setDeviceMetricsOverride", width=WIDTH, height=HEIGHT, deviceScaleFactor=1, mobile=False)
        page.call("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
        with served(home, urls) as url:
            browser.sign_in(page, url, VIEWER, sign_in(home, urls.warehouse, VIEWER)[1])
            measure(bench, Opener(page, url, cold), "first", every, 1)
            measure(bench, Opener(page, url, by_link), "warm", every, rounds, first=1)
            measure(bench, Opener(page, url, by_click), "click", every, rounds, first=1)
        for way, opening in (("morning", by_link), ("cold", cold)):
            with served(home, urls, prepared=True) as url:
                measure(bench, Opener(page, url, opening), way, every, 1)


def measure(bench: Bench, opener: Opener, way: str, every: Sequence[Dashboard], rounds: int, *, first: int = 0) -> None:
    """`first`: openings of each dashboard before those that count; Superset forgets an answer after five minutes."""
    took: dict[str, dict[str, tuple[float, ...]]] = {language: {} for language in LANGUAGES}
    for each in every:
        for language in LANGUAGES:  # in turns: what else the machine does meets both
            opener.speak(language)
            seconds = [opener.open(each, language) for _round in range(first + rounds)]
            took[language][each.report] = tuple(seconds[first:])
    for language in LANGUAGES:
        told = Rounds(took[language])
        slowest = max(told.seconds, key=lambda name: told[name])
        how = "seconds: " + ", ".join(f"{name} {told[name]:.2f}" for name in told.seconds)
        how += f"; both languages: {sum(opener.kept)} of {len(opener.kept)} answers were kept"
        sizes = {"dashboards": len(every)}
        bench.record(f"opens {way}, {language}, the slowest", told[slowest], GOAL, how, rounds=told, sizes=sizes)


def asked() -> set[str]:
    """BENCH_DASHBOARDS: only these, comma between."""
    return {name for name in os.environ.get("BENCH_DASHBOARDS", "").split(",") if name}


@dataclass(frozen=True, slots=True)
class Opener:
    """Opens dashboards in one way, in one tab."""

    page: Page
    url: str
    opening: Callable[[Page, str], None]
    kept: list[bool] = field(default_factory=list)  # of each figure that was asked for: whether Superset had it

    def speak(self, language: str) -> None:
        self.page.open(f"{self.url}/lang/{language}")
        self.page.wait("document.readyState == 'complete'", LONGEST)

    def open(self, dashboard: Dashboard, language: str) -> float:
        """Seconds. Raises TimeoutError with what the page waits for."""
        self.opening(self.page, f"{self.url}/superset/dashboard/{dashboard.report}-{language}/")
        deadline = time.monotonic() + LONGEST
        found: dict[str, Any] | None = None
        while time.monotonic() < deadline:
            time.sleep(0.3)  # asking takes the page's time as well
            found = self.page.ask(
                "window.chairside && location.pathname.includes('/superset/dashboard/')"
                " ? {...window.chairside, now: performance.now()} : null"
            )
            if found and found["drawn"] is not None and found["now"] - found["drawn"] > SETTLED_MS:
                self.kept.extend(self.page.ask(KEPT))
                return float(found["drawn"] - found["from"]) / 1000
        raise TimeoutError(f"{dashboard.report}-{language} was not drawn within {LONGEST:g} s: {found}")


def cold(page: Page, address: str) -> None:
    """Nothing is left in the browser but who is signed in."""
    leave(page)  # a page that is left remembers what it asked for
    page.call("Network.clearBrowserCache")
    origin = address.partition("/superset/")[0]
    left = "local_storage,indexeddb,cache_storage,service_workers"
    page.call("Storage.clearDataForOrigin", origin=origin, storageTypes=left)
    by_link(page, address)


def by_link(page: Page, address: str) -> None:
    leave(page)
    page.call("HeapProfiler.collectGarbage")  # of the pages before, of which a person does not open forty in a row
    page.open(address)


def leave(page: Page) -> None:
    page.open("about:blank")
    page.wait("location.protocol == 'about:'", LONGEST)


def by_click(page: Page, address: str) -> None:
    """From the list, whose own opening is not part of it."""
    origin, _, path = address.partition("/superset/")
    page.open(f"{origin}/dashboard/list/")
    link = f"document.querySelector('a[href$=\"/superset/{path}\"]')"
    page.wait(link, LONGEST)
    page.wait("!document.querySelector('.ant-skeleton, .loading')", LONGEST)
    time.sleep(0.5)
    page.call("HeapProfiler.collectGarbage")
    page.ask(f"(() => {{ window.chairside.from = performance.now(); {link}.click(); }})()")


@contextmanager
def served(home: Home, urls: Databases, *, prepared: bool = False) -> Iterator[str]:
    """The address of a Superset that keeps no answer yet, or, prepared, those that it asked for by itself."""
    if not prepared:
        file_in(str(home.root / "superset")).unlink(missing_ok=True)
    log = home.logs / "superset.log"
    said = log.stat().st_size if log.exists() else 0
    with running_superset(home, metadata_url=urls.bi, warehouse=urls.warehouse, progress=Progress()) as pending:
        found = pending.ready()
        if found is None:
            raise LookupError("Superset does not run, so no dashboard was opened; the reason is above")
        if prepared:
            asked_ahead(log, said)
        yield found.url
