"""What each viewer's browser asked for when a dashboard was opened lately: questions, never an answer.

Each is asked again under the login of who asked it and nobody else's: a question of one's own making must not be run
with another's rights. Bounded, and kept in one file, so that a new start knows them.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import astuple, dataclass
from pathlib import Path

OPENINGS = 100  # of all viewers together, the latest
OF_A_VIEWER = 20  # ten dashboards in two languages
QUESTIONS = 40  # of an opening
BYTES = 50_000  # of a question
LATELY = 14 * 24 * 3600  # seconds
DASHBOARD = re.compile(r"/superset/dashboard/[\w-]{1,100}/")


@dataclass(frozen=True, slots=True)
class Question:
    """What makes a request of a browser the same as that of another time, but for who asks."""

    method: str
    path: str
    query: str
    body: str
    language: str


@dataclass(frozen=True, slots=True)
class Opening:
    """A dashboard as one viewer opens it."""

    viewer: str
    dashboard: str
    language: str


class Openings:
    """The latest openings with their questions; threads share it."""

    def __init__(self, file: Path, now: Callable[[], float] = time.time) -> None:
        self._file = file
        self._now = now
        self._lock = threading.Lock()
        self._changed = False
        self._kept: OrderedDict[Opening, OrderedDict[Question, float]] = OrderedDict()
        for opening, question, at in _read(file):
            self._kept.setdefault(opening, OrderedDict())[question] = at

    def note(self, viewer: str, dashboard: str, question: Question) -> None:
        """A browser asked this while a dashboard opened that nobody had touched yet."""
        if not DASHBOARD.fullmatch(dashboard) or len(question.body) + len(question.query) > BYTES:
            return
        opening = Opening(viewer, dashboard, question.language)
        with self._lock:
            asked = self._kept.setdefault(opening, OrderedDict())
            asked[question] = self._now()
            asked.move_to_end(question)
            self._kept.move_to_end(opening)
            while len(asked) > QUESTIONS:
                asked.popitem(last=False)
            own = [each for each in self._kept if each.viewer == viewer]
            for each in own[:-OF_A_VIEWER]:
                del self._kept[each]
            while len(self._kept) > OPENINGS:
                self._kept.popitem(last=False)
            self._changed = True

    def latest(self) -> list[tuple[str, list[Question]]]:
        """Viewer and questions of each opening, the latest first, in the order in which they were asked."""
        before = self._now() - LATELY
        with self._lock:
            told = [
                (opening.viewer, [question for question, at in asked.items() if at > before])
                for opening, asked in reversed(self._kept.items())
            ]
        return [(viewer, questions) for viewer, questions in told if questions]

    def of(self, opening: Opening) -> list[Question]:
        """What this viewer's browser asked when it opened this dashboard."""
        with self._lock:
            return list(self._kept.get(opening, ()))

    def forget(self, viewer: str, question: Question | None = None) -> None:
        """A question that is none any more, or all of somebody who is no employee any more."""
        with self._lock:
            for opening in [each for each in self._kept if each.viewer == viewer]:
                if question is None:
                    del self._kept[opening]
                else:
                    self._kept[opening].pop(question, None)
            self._changed = True

    def save(self) -> None:
        """Write what changed. Where that cannot be, the next start knows less."""
        with self._lock:
            if not self._changed:
                return
            self._changed = False
            rows = [
                [*astuple(opening), *astuple(question), at]
                for opening, asked in self._kept.items()
                for question, at in asked.items()
            ]
        fresh = self._file.with_suffix(f".{os.getpid()}")
        with suppress(OSError):
            fresh.write_text(json.dumps(rows))
            fresh.replace(self._file)


def _read(file: Path) -> Iterator[tuple[Opening, Question, float]]:
    """What an earlier process saved; a damaged file is an empty one."""
    rows: Iterable[list[object]] = []
    with suppress(OSError, ValueError):
        rows = json.loads(file.read_text())
    for row in rows if isinstance(rows, list) else ():
        with suppress(TypeError, ValueError):
            viewer, dashboard, of_language, method, path, query, body, language, at = row
            opening = Opening(str(viewer), str(dashboard), str(of_language))
            yield opening, Question(str(method), str(path), str(query), str(body), str(language)), float(str(at))
