"""One HTTP client for every vendor: timeouts, retries by error kind, rate kept ahead of time, no secrets told.

    answer                          becomes
    ------------------------------  -------------------------------------------------------------------------
    2xx that decodes                the decoded value
    2xx that does not decode        tried again a few times (a cut page), then PayloadError
    429, 5xx, no connection, cut    tried again with growing pauses or after `Retry-After`, then TransientError
    401, 403, other 4xx, 3xx        RejectedError at once
A vendor with codes of its own passes `classify`.
"""

from __future__ import annotations

import logging
import random
import re
import time
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec
import requests

from extractors.core.errors import ChairsideError, PayloadError, RejectedError, TransientError
from extractors.core.redact import redact
from extractors.core.throttle import Throttle

T = TypeVar("T")
log = logging.getLogger(__name__)

# An escaped backslash, a whole pair, or (group 1) half of one, as JSON writes them.
_HALF_A_SIGN = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
CONNECT_SECONDS = 5.0
READ_SECONDS = 60.0
TOTAL_SECONDS = 600.0  # a server that drips a byte a minute never trips a read timeout
LONGEST_PAUSE_SECONDS = 60.0
LONGEST_WAIT_ASKED_SECONDS = 900.0  # beyond that the task gives its slot back and is tried again later
UNREADABLE_TRIES = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class UnreadableBody(Exception):
    """Raised by a `decode` function: the body is not what was asked for, perhaps cut on the way. Quotes no vendor."""


Classify = Callable[[Answer, str], ChairsideError | None]


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds of a `Retry-After` header (a number or a date); null when absent or unreadable."""
    text = headers.get("Retry-After", "").strip()
    if not text:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:  # `-0000`
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())


def classify_by_status(answer: Answer, where: str) -> ChairsideError | None:
    """The common reading of HTTP statuses; null for a success."""
    status = answer.status
    if 200 <= status < 300:
        return None
    if status in (401, 403):
        return RejectedError(
            f"{where}: the vendor refused access (HTTP {status}). Check the token of the connection and its rights."
        )
    if status == 429 or status >= 500:
        return TransientError(f"{where}: the vendor answered HTTP {status}.", retry_after=retry_after(answer.headers))
    if 300 <= status < 400:
        return RejectedError(
            f"{where}: the vendor redirects (HTTP {status}), so this address is not open to the connection's token."
        )
    return RejectedError(f"{where}: the vendor refused the request (HTTP {status}). See docs/sources for its limits.")


class ApiClient:
    """A session with one vendor. State: the connection pool and the throttle.

    `secrets` are hidden wherever a message could hold them. `attempts` bounds the tries of one request.
    """

    def __init__(
        self,
        base_url: str,
        *,
        secrets: Iterable[str] = (),
        headers: Mapping[str, str] | None = None,
        throttle: Throttle | None = None,
        classify: Classify = classify_by_status,
        attempts: int = 6,
        pause_seconds: float = 1.0,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._secrets = tuple(secrets)
        self._throttle = throttle
        self._classify = classify
        self._attempts = attempts
        self._pause_seconds = pause_seconds
        self._sleep = sleep
        self._monotonic = monotonic
        self._jitter = jitter
        self._session = requests.Session()
        self._session.trust_env = False  # no ~/.netrc and no proxy of the machine: what is configured is what is used
        self._session.headers.update(headers or {})
        # At DEBUG the library below prints whole addresses, tokens included.
        logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)

    def close(self) -> None:
        self._session.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        where: str,
        decode: Callable[[bytes], T],
        params: Mapping[str, Any] | None = None,
        json: object = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> T:
        """Ask until there is an answer that decodes. `where` names source, stream and window in messages.

        A body is `json`, or `form` as an HTML form writes it; not both.
        """
        return self.exchange(
            method, path, where=where, decode=decode, params=params, json=json, form=form, headers=headers
        )[1]

    def exchange(
        self,
        method: str,
        path: str,
        *,
        where: str,
        decode: Callable[[bytes], T],
        params: Mapping[str, Any] | None = None,
        json: object = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[Answer, T]:
        """`send`, with the status and headers beside the value."""
        body, kind = _body(json, form)
        sent = {**({} if body is None else {"Content-Type": kind}), **(headers or {})}
        unreadable = 0
        failure = TransientError(f"{where}: never asked.")
        for attempt in range(1, self._attempts + 1):
            error: ChairsideError
            try:
                answer = self._once(method, path, params, body, sent)
                refused = self._classify(answer, where)
                if refused is None:
                    return answer, _decoded(answer.body, decode)
                error = refused
            except (msgspec.DecodeError, UnreadableBody, UnicodeDecodeError) as exc:
                unreadable += 1
                page = answer.body.lstrip()[:9].lower().startswith((b"<html", b"<!doctype"))
                kind = "HTML" if page else f"{len(answer.body)} bytes that do not decode"
                detail = redact(str(exc), self._secrets)
                error = PayloadError(
                    f"{where}: the vendor answered {kind} ({detail}), {unreadable} times. Try again later; if it "
                    "stays so, the vendor changed its format or the base URL is wrong."
                )
                if unreadable < UNREADABLE_TRIES:
                    error = TransientError(str(error))
            except requests.RequestException as exc:
                # The library's text holds the whole address; its class says enough.
                error = TransientError(f"{where}: the connection failed ({type(exc).__name__}).")
            if not isinstance(error, TransientError):
                raise _plain(error)
            failure = error
            pause = self._pause(attempt, error.retry_after)
            if attempt == self._attempts or pause > LONGEST_WAIT_ASKED_SECONDS:
                break
            log.info("%s Trying again in %.1f s (%d of %d).", error, pause, attempt, self._attempts)
            self._sleep(pause)
        gave_up = f"{failure} Gave up after {attempt} tries; run it again later."
        raise _plain(type(failure)(gave_up, retry_after=failure.retry_after))  # a vendor may tell kinds apart

    def _pause(self, attempt: int, asked: float | None) -> float:
        if asked is not None:
            return asked
        growing = min(LONGEST_PAUSE_SECONDS, self._pause_seconds * float(2 ** (attempt - 1)))
        return growing * (0.5 + self._jitter() / 2)

    def _once(
        self, method: str, path: str, params: Mapping[str, Any] | None, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        if self._throttle is not None:
            self._throttle.wait()
        deadline = self._monotonic() + TOTAL_SECONDS
        with self._session.request(
            method, f"{self._base_url}{path}", params=params, data=body, headers=headers, stream=True,
            allow_redirects=False, timeout=(CONNECT_SECONDS, READ_SECONDS),
        ) as response:
            chunks = []
            for chunk in response.iter_content(1 << 18):
                chunks.append(chunk)
                if self._monotonic() > deadline:
                    raise requests.Timeout
            return Answer(response.status_code, response.headers, b"".join(chunks))


def _decoded(body: bytes, decode: Callable[[bytes], T]) -> T:
    """The body decoded; again without a byte order mark and halves of signs, where it does not decode with them.

    A text that a vendor cut at a number of signs may end in the first half of an emoji. JSON has no such sign, and one
    row would cost all of its page, for as long as its days are read again.
    """
    try:
        return decode(body)
    except msgspec.DecodeError:
        mended = _HALF_A_SIGN.sub(lambda found: rb"\ufffd" if found[1] else found[0], body.removeprefix(BOM_UTF8))
        if mended == body:
            raise
    return decode(mended)


def _body(json: object, form: Mapping[str, str] | None) -> tuple[bytes | None, str]:
    """A request's body and its content type."""
    if form is not None:
        return urlencode(form).encode(), "application/x-www-form-urlencoded"
    return (None if json is None else msgspec.json.encode(json)), "application/json"


def _plain(error: ChairsideError) -> ChairsideError:
    """The error without the exception it came from: that one may print an address with a token."""
    error.__context__ = None
    error.__suppress_context__ = True
    return error
