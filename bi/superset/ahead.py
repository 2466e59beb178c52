"""Answers that are there before somebody asks: after a publication, after a start, and on a new day.

A thread of Superset's own process asks again what each viewer's browser asked for when a dashboard was opened lately
(openings.py), as that viewer, so his rights decide, and keeps the answers (answers.py) under a key that holds them. One
question at a time, while nobody else is being answered, two minutes in a row and a tenth of the time at most. Nothing
waits for it; what it could not ask is asked when somebody opens the dashboard, as without it.

PostgreSQL refuses it what is on record as a read of personal data (access.note_personal_read): nobody looks at it yet.
docs/decisions/answers_before_they_are_asked_for.md.
"""

from __future__ import annotations

import atexit
import logging
import re
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Any

from bi.superset.answers import AHEAD
from bi.superset.openings import Openings, Question

logger = logging.getLogger("superset.chairside")
LOOK_SECONDS = 10.0  # between two looks at what changed
QUIET_SECONDS = 5.0  # since the last answer to somebody: what a page asks later is asked by then
IN_A_ROW = 120.0  # seconds of asking at a go
SHARE = 0.1  # of all the time
LONGEST = 10  # seconds of a question in PostgreSQL
# What it says to PostgreSQL as each of its connections opens; no right comes of it, only refusals.
OPTIONS = f"-c chairside.ahead=on -c statement_timeout={LONGEST}s"
# Superset's datasets whose answer is another one each hour, though nothing was published.
HOURLY = re.compile(r"\bnow\s*\(|\breports\.freshness", re.IGNORECASE)


class Told(Enum):
    """What came of a question."""

    KEPT = "kept"
    REFUSED = "refused"  # may be answered to a person
    GONE = "gone"  # there is no such dashboard, chart or right any more


def depends_on_the_hour(sql: str) -> bool:
    """Whether a dataset's answer changes between publications."""
    return HOURLY.search(sql) is not None


class Crowd:
    """Who is being answered now, and when the last one was."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._here = 0
        self._left = -QUIET_SECONDS

    @contextmanager
    def one(self) -> Any:  # noqa: ANN401 - a context manager
        with self._lock:
            self._here += 1
        try:
            yield
        finally:
            with self._lock:
                self._here -= 1
                self._left = self._now()

    def is_away(self) -> bool:
        with self._lock:
            return self._here == 0 and self._now() - self._left >= QUIET_SECONDS


class Ahead:
    """Asks what is not asked yet, each question once for each mark of its viewer."""

    def __init__(
        self,
        openings: Openings,
        mark_of: Callable[[str], str | None],
        ask: Callable[[str, Question], Told],
        crowd: Crowd,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._openings, self._mark_of, self._ask, self._crowd = openings, mark_of, ask, crowd
        self._now, self._sleep = now, sleep
        self._asked: set[tuple[str, str, Question]] = set()  # viewer, mark, question
        self._refused: set[tuple[str, Question]] = set()  # will be again
        self._seconds = IN_A_ROW
        self._since = now()

    def round(self) -> dict[Told, int]:
        """What came of it, by kind. Raises what `mark_of` raises where the warehouse is away."""
        self._openings.save()
        told = dict.fromkeys(Told, 0)
        marks: dict[str, str | None] = {}
        wanted = set()
        for viewer, questions in self._openings.latest():
            if viewer not in marks:
                marks[viewer] = self._mark_of(viewer)
            mark = marks[viewer]
            if mark is None:
                self._openings.forget(viewer)
                continue
            wanted |= {(viewer, mark, question) for question in questions}
            for question in questions:
                asked = (viewer, mark, question) in self._asked or (viewer, question) in self._refused
                if asked or not self._may():
                    continue
                if not any(told.values()):
                    logger.warning("asking ahead")
                self._asked.add((viewer, mark, question))
                what = self._one(viewer, question)
                told[what] += 1
                if what is Told.GONE:
                    self._openings.forget(viewer, question)
                elif what is Told.REFUSED:
                    self._refused.add((viewer, question))
        self._asked &= wanted  # of other marks nothing need be known
        self._refused &= {(viewer, question) for viewer, _mark, question in wanted}
        return told

    def _one(self, viewer: str, question: Question) -> Told:
        while not self._crowd.is_away():
            self._sleep(QUIET_SECONDS / 4)
            self._openings.save()  # who keeps it waiting asks what is to be remembered
        began = self._now()
        try:
            return self._ask(viewer, question)
        finally:
            took = self._now() - began
            self._seconds -= took
            self._sleep(min(took, LONGEST))  # the other half of the time is everybody else's

    def _may(self) -> bool:
        now = self._now()
        self._seconds = min(IN_A_ROW, self._seconds + (now - self._since) * SHARE)
        self._since = now
        return self._seconds > 0


def ask_ahead(app: Any, bridge: Any, mark_of: Callable[[Any], str | None], openings: Openings) -> None:  # noqa: ANN401
    """Start the thread. `bridge` is asked for viewers, `mark_of` a viewer for what answers are kept under."""
    crowd = Crowd()
    below = app.wsgi_app

    def counted(environ: dict[str, Any], start: Any) -> Any:  # noqa: ANN401 - WSGI's
        with crowd.one():
            return below(environ, start)

    app.wsgi_app = counted

    def run() -> None:
        ahead = Ahead(openings, lambda viewer: mark_of(bridge.viewer(viewer)), lambda *one: ask_as(app, *one), crowd)
        while True:
            time.sleep(LOOK_SECONDS)
            try:
                began = time.monotonic()
                told = ahead.round()
                if any(told.values()):
                    counts = ", ".join(f"{what.value} {count}" for what, count in told.items())
                    logger.warning("asked ahead in %.1f s: %s", time.monotonic() - began, counts)
            except Exception:
                # The warehouse may be away, or Superset: the next round sees.
                logger.warning("nothing was asked ahead", exc_info=True)
                time.sleep(LOOK_SECONDS)

    atexit.register(openings.save)
    threading.Thread(target=run, name="ahead", daemon=True).start()


def ask_as(app: Any, viewer: str, question: Question) -> Told:  # noqa: ANN401 - Flask's application
    """Ask as a request of that viewer's browser would, without the network between."""
    from flask import g, session
    from superset import security_manager

    environ = {AHEAD: True}
    body = {"data": question.body.encode(), "content_type": "application/json"} if question.method == "POST" else {}
    with app.test_request_context(
        question.path, method=question.method, query_string=question.query, environ_overrides=environ, **body
    ):
        found = security_manager.find_user(username=viewer)
        user = security_manager.load_user(found.id) if found else None
        if user is None:
            return Told.GONE
        g._login_user = user
        session["locale"] = question.language
        if question.body and _is_hourly(question.body):
            return Told.REFUSED
        status = app.full_dispatch_request().status_code
    if status == 200:
        return Told.KEPT
    return Told.GONE if status in (403, 404) else Told.REFUSED


def _is_hourly(body: str) -> bool:
    """Whether a chart's question is to a dataset whose answer depends on the hour; one that is gone has none."""
    import json

    from superset import db
    from superset.connectors.sqla.models import SqlaTable

    dataset = db.session.get(SqlaTable, json.loads(body)["datasource"]["id"])
    return dataset is None or depends_on_the_hour(dataset.sql or "")


def file_in(folder: str) -> Path:
    """Where openings are kept."""
    return Path(folder) / "openings.json"
