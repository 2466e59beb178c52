"""Whole answers of Superset, kept for five minutes: who opens a dashboard again waits for his browser only.

Superset's own cache holds rows; finding them takes it half of what asking anew takes. The key holds the viewer, his
rights, the publication and the day, asked of the warehouse at each request as ever, so a right that was taken and a
load that was published count from the next click. What was asked ahead (ahead.py) is kept as long as its key lasts, a
day at most. In memory, like Superset's own.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from bi.superset.openings import Question

SECONDS = 300
DAY = 24 * 3600  # what was asked ahead: its key holds the day, and nothing in it depends on the hour
BYTES = 64_000_000  # of all answers together
# What a dashboard asks for when it opens. The rest is never kept: neither downloads nor what the reader had refreshed.
READ = re.compile(r"/api/v1/(dashboard/[\w-]+(/charts|/datasets)?|dataset/\d+/drill_info/)")
DATA = "/api/v1/chart/data"
OPENS = "X-Chairside-Opens"  # first_screen.js: the dashboard that opens and that nobody touched yet
AHEAD = "chairside.ahead"  # in the environment of a request that the product makes itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A body before compression. `until` is of the monotonic clock."""

    body: bytes
    mimetype: str
    until: float


class Answers:
    """The newest answers by key; threads share it."""

    def __init__(self, now: Callable[[], float] = time.monotonic, largest: int = BYTES) -> None:
        self._now = now
        self._largest = largest
        self._kept: OrderedDict[str, Answer] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: str) -> Answer | None:
        with self._lock:
            found = self._kept.get(key)
            return found if found and found.until > self._now() else None

    def keep(self, key: str, body: bytes, mimetype: str, seconds: float = SECONDS) -> None:
        """For that long, unless newer ones need the room first."""
        with self._lock:
            if replaced := self._kept.pop(key, None):
                self._bytes -= len(replaced.body)
            self._kept[key] = Answer(body=body, mimetype=mimetype, until=self._now() + seconds)
            self._bytes += len(body)
            while self._bytes > self._largest:
                _key, oldest = self._kept.popitem(last=False)
                self._bytes -= len(oldest.body)


def is_kept(method: str, path: str, body: bytes) -> bool:
    """Whether a request's answer may be kept."""
    if method == "GET":
        return READ.fullmatch(path) is not None
    if method != "POST" or path != DATA:
        return False
    try:
        asked = json.loads(body)
    except ValueError:
        return False
    return isinstance(asked, dict) and not asked.get("force") and asked.get("result_format") == "json"


def key_of(mark: str, language: str, method: str, target: str, body: bytes) -> str:
    """`mark`: viewer, rights and publication; `target`: path and query."""
    return sha256(repr((mark, language, method, target, body)).encode()).hexdigest()


def keep_answers(
    app: Any,  # noqa: ANN401 - Flask's application
    mark: Callable[[], str | None],
    note: Callable[[str, Question], None] = lambda _dashboard, _question: None,
) -> None:
    """Answer from memory where it can be. `mark` of the signed-in viewer, null for nobody, is asked at each request;
    `note` is told what was asked while a dashboard opened.
    """
    from flask import Response, request, session

    answers = Answers()

    def kept() -> Response | None:
        body = request.get_data(cache=True) if request.path == DATA else b""
        if not is_kept(request.method, request.path, body) or (marked := mark()) is None:
            return None
        language = str(session.get("locale"))
        if dashboard := request.headers.get(OPENS):
            query = request.query_string.decode("latin-1")
            note(dashboard, Question(request.method, request.path, query, body.decode(errors="replace"), language))
        key = key_of(marked, language, request.method, request.full_path, body)
        if not request.environ.get(AHEAD) and (found := answers.get(key)):
            return Response(found.body, mimetype=found.mimetype, headers={"Server-Timing": "kept"})
        request.environ["chairside.key"] = key
        return None

    def keep(response: Response) -> Response:
        key = request.environ.get("chairside.key")
        if key and response.status_code == 200 and not response.is_streamed and not response.content_encoding:
            seconds = DAY if request.environ.get(AHEAD) else SECONDS
            answers.keep(key, response.get_data(), response.mimetype, seconds)
        return response

    app.before_request(kept)
    app.after_request(keep)
