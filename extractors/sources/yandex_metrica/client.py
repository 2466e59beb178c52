"""Metrica's Logs API: a log is ordered, waited for, downloaded in parts and cleaned [ADS_APIS.md §5.2].

Prepared logs fill the counter's 10 GB until they are cleaned. So a log is cleaned whatever happens to its download,
and what a run that was killed left behind is found by its list of fields, which no other reader is likely to ask for:
one that is still being made for the same days is waited for, any other is cleaned or cancelled.
"""

from __future__ import annotations

import hashlib
import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar

import msgspec

from extractors.core.client import api_client
from extractors.core.errors import ChairsideError, RejectedError, TransientError
from extractors.core.http import Answer, UnreadableBody, classify_by_status, retry_after
from extractors.core.settings import number, required
from extractors.core.spec import Context, Window
from extractors.sources.yandex_metrica.tsv import read_part

log = logging.getLogger(__name__)

SOURCE = "visits"
BEING_MADE = ("created", "awaiting_retry")
READY = "processed"
DAY = "ym:s:date"
FAILED = "processing_failed"
ORDERS = 3  # tries of a log whose making failed
POLL_SECONDS = 20.0
LONGEST_LOG_SECONDS = 7200.0  # as long as known loaders wait [§5.2]
# Refusals that pass, with the seconds to wait (null: growing pauses) [§5.4].
PASSING: dict[str, float | None] = {
    "backend_error": None, "timeout": None, "quota_requests_by_ip": 5.0, "quota_parallel_requests": 10.0,
    "quota_delegate_requests": None, "quota_requests_by_counter_id": None, "quota_grants_requests": None,
}
DAY_IS_SPENT = "quota_requests_by_uid"  # until midnight of Greenwich
TOO_MANY = (420, 429)  # the vendor's two languages name one each
PLAIN_WORD = re.compile(r"[a-z][a-z_]{0,60}")

T = TypeVar("T")
Rows = list[Mapping[str, str | None]]


class Part(msgspec.Struct):
    part_number: int
    size: int | None = None


class Log(msgspec.Struct):
    """A log request, as the vendor tells of it. `source` is a word in answers and a list in the vendor's own page."""

    request_id: int
    status: str = ""
    source: str | list[str] = ""
    date1: str = ""
    date2: str = ""
    fields: list[str] = []
    parts: list[Part] | None = None
    size: int | None = None

    def is_of(self, fields: Sequence[str]) -> bool:
        """Whether it was ordered by this loader."""
        return self.source in (SOURCE, [SOURCE]) and set(self.fields) == set(fields)


class _LogBody(msgspec.Struct):
    log_request: Log


class _Logs(msgspec.Struct):
    requests: list[Log] = []


class _Evaluation(msgspec.Struct):
    possible: bool
    max_possible_day_quantity: int = 0


class _EvaluationBody(msgspec.Struct):
    log_request_evaluation: _Evaluation


class _Counter(msgspec.Struct):
    time_zone_name: str = ""


class _CounterBody(msgspec.Struct):
    counter: _Counter


class _Fault(msgspec.Struct):
    error_type: str = ""


class _Faults(msgspec.Struct):
    errors: list[_Fault] = []


class MetricaClient:
    """Asks the counters of one connection. State: the HTTP session."""

    def __init__(
        self,
        context: Context,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        settings = context.settings
        self._sleep = sleep
        self._clock = clock
        self._poll_seconds = number(settings, "yandex_metrica", "poll_seconds", POLL_SECONDS)
        self._escaped = settings.get("escaped") is not False
        self._sizes = settings.get("check_sizes") is not False
        scheme = str(settings.get("auth_scheme") or "OAuth")
        self._http = api_client(
            "yandex_metrica",
            context,
            per_second=5.0,  # 10 a second per address for the Logs API [§5.4]; others may share the address
            burst=3,
            headers={"Authorization": f"{scheme} {required(settings, 'yandex_metrica', 'token')}"},
            classify=self._classify,
        )

    def close(self) -> None:
        self._http.close()

    def time_zone(self, counter: str, *, where: str) -> str:
        """Name of the counter's zone, in which its days and times are."""
        return self._get(f"/management/v1/counter/{counter}", _CounterBody, where).counter.time_zone_name

    def visits(self, counter: str, window: Window, fields: Sequence[str], *, where: str) -> Iterator[Rows]:
        """Visits of `window` (days of the counter), a part of the log at a time.

        A window for which there is no room is asked for in shorter ones, one after another. Raises TransientError where
        not even a day fits, or the log is not made in time.
        """
        root = f"/management/v1/counter/{counter}"
        found = self._left_behind(root, window, fields, where)
        waiting = [window]
        while waiting:
            span = waiting.pop()
            ordered = found
            found = None
            if ordered is None:
                shorter = self._what_fits(root, span, fields, where)
                if shorter is not None:
                    waiting.extend(reversed(shorter))
                    continue
            yield from self._one_log(root, span, fields, ordered, where)

    def _left_behind(self, root: str, window: Window, fields: Sequence[str], where: str) -> Log | None:
        """Clean what an earlier run did not, but for a log of these days that is still being made: that one is ours."""
        adopted = None
        for old in self._get(f"{root}/logrequests", _Logs, where).requests:
            if not old.is_of(fields):
                continue
            same_days = (old.date1, old.date2) == (str(window.first), str(window.last))
            if adopted is None and same_days and old.status in BEING_MADE:
                adopted = old
            elif old.status == READY or old.status in BEING_MADE:
                self._drop(root, old, where)
        return adopted

    def _what_fits(self, root: str, span: Window, fields: Sequence[str], where: str) -> list[Window] | None:
        """Null where the span can be ordered as it is, else shorter ones that fit."""
        said = self._get(f"{root}/logrequests/evaluate", _EvaluationBody, where, self._order(span, fields))
        evaluation = said.log_request_evaluation
        days = (span.last - span.first).days + 1
        if evaluation.possible:
            return None
        if not 0 < evaluation.max_possible_day_quantity < days:
            raise TransientError(
                f"{where}: the counter has no room for another log ({evaluation.max_possible_day_quantity} days fit). "
                "Clean prepared logs that other readers left in Metrica, or run it again later."
            )
        step = timedelta(days=evaluation.max_possible_day_quantity)
        pieces, first = [], span.first
        while first <= span.last:
            pieces.append(Window(first, min(span.last, first + step - timedelta(days=1))))
            first += step
        return pieces

    def _one_log(
        self, root: str, span: Window, fields: Sequence[str], ordered: Log | None, where: str
    ) -> Iterator[Rows]:
        made: Log | None = ordered
        try:
            for _ in range(ORDERS):
                if made is None:
                    made = self._post(f"{root}/logrequests", where, self._order(span, fields))
                made = self._wait(root, made, span, where)
                if made.status == READY:
                    yield from self._parts(root, made, span, fields, where)
                    return
                if made.status != FAILED:
                    raise TransientError(f"{where}: the log was {made.status} before it was read. Run it again.")
                made = None
            raise TransientError(f"{where}: Metrica failed {ORDERS} times to make the log. Run it again later.")
        finally:
            # One that is still being made is left: the next run waits for it instead of ordering it again.
            if made is not None and made.status == READY:
                self._drop(root, made, where)

    def _wait(self, root: str, made: Log, span: Window, where: str) -> Log:
        waited = 0.0
        while made.status in BEING_MADE:
            if waited > LONGEST_LOG_SECONDS:
                raise TransientError(f"{where}: the log was not ready after {waited:.0f} s. Try a shorter window.")
            self._sleep(self._poll_seconds)
            waited += self._poll_seconds
            made = self._http.send(
                "GET", f"{root}/logrequest/{made.request_id}", where=where, decode=partial(_state_of, made, span)
            )
        return made

    def _parts(self, root: str, made: Log, span: Window, fields: Sequence[str], where: str) -> Iterator[Rows]:
        """The parts in turn. One that is an earlier one again is asked for again."""
        seen: set[bytes] = set()
        for part in made.parts or ():
            size = part.size if self._sizes else None

            def decode(body: bytes, size: int | None = size) -> tuple[bytes, Rows]:
                rows = read_part(body, fields, size=size, escaped=self._escaped)
                digest = hashlib.blake2b(body, digest_size=16).digest()
                if rows and digest in seen:
                    raise UnreadableBody("an earlier part once more")
                if not all(_of_days(row.get(DAY), span) for row in rows):
                    raise UnreadableBody("visits of other days")
                return digest, rows

            digest, rows = self._http.send(
                "GET", f"{root}/logrequest/{made.request_id}/part/{part.part_number}/download",
                where=f"{where} part {part.part_number}", decode=decode,
            )
            seen.add(digest)
            yield rows

    def _drop(self, root: str, old: Log, where: str) -> None:
        """Give the room back. Failing is no harm: the next run finds the log again."""
        act = "clean" if old.status == READY else "cancel"
        try:
            self._post(f"{root}/logrequest/{old.request_id}/{act}", where, {})
        except ChairsideError as error:
            log.warning("%s A prepared log stays until the next run.", error)

    def _order(self, span: Window, fields: Sequence[str]) -> dict[str, str]:
        return {"date1": str(span.first), "date2": str(span.last), "source": SOURCE, "fields": ",".join(fields)}

    def _get(self, path: str, body: type[T], where: str, params: Mapping[str, str] | None = None) -> T:
        decode = msgspec.json.Decoder(body, strict=False).decode
        return self._http.send("GET", path, where=where, params=params, decode=decode)

    def _post(self, path: str, where: str, params: Mapping[str, str]) -> Log:
        return self._http.send("POST", path, where=where, params=params, decode=_LOG.decode).log_request

    def _classify(self, answer: Answer, where: str) -> ChairsideError | None:
        """Metrica's kinds of errors in ours. The vendor's text may repeat what was sent and is never told."""
        if 200 <= answer.status < 300:
            return None
        kind = _kind(answer.body)
        said = f"HTTP {answer.status} {kind}".strip()
        if kind == DAY_IS_SPENT:
            return TransientError(
                f"{where}: the user's requests of the day are spent ({said}).", retry_after=self._until_midnight()
            )
        if kind in PASSING or answer.status in TOO_MANY:
            asked = retry_after(answer.headers)
            return TransientError(
                f"{where}: Metrica is busy ({said}).", retry_after=PASSING.get(kind) if asked is None else asked
            )
        if 400 <= answer.status < 500 and answer.status not in (401, 403):
            return RejectedError(f"{where}: Metrica refused the request ({said}). See docs/sources/yandex_metrica.md.")
        return classify_by_status(answer, where)

    def _until_midnight(self) -> float:
        now = self._clock().astimezone(UTC)
        return (datetime(now.year, now.month, now.day, tzinfo=UTC) + timedelta(days=1) - now).total_seconds()


_LOG = msgspec.json.Decoder(_LogBody, strict=False)


def _state_of(ordered: Log, span: Window, body: bytes) -> Log:
    """The state of the log that was ordered. One of no bytes has no parts; the parts of others are numbered from 0."""
    made = _LOG.decode(body).log_request
    days = (made.date1 or str(span.first), made.date2 or str(span.last))
    if made.request_id != ordered.request_id or days != (str(span.first), str(span.last)):
        raise UnreadableBody("the state of another log")
    numbers = sorted(part.part_number for part in made.parts or ())
    if made.status == READY and (numbers != list(range(len(numbers))) or (not numbers and made.size != 0)):
        raise UnreadableBody("a log that is ready and lacks parts")
    return made


def _of_days(day: str | None, span: Window) -> bool:
    """Whether a visit can be of these days; a text that is no day is the row's own trouble."""
    return day is None or len(day) != 10 or str(span.first) <= day <= str(span.last)


def _kind(body: bytes) -> str:
    try:
        faults = msgspec.json.decode(body, type=_Faults).errors
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    kind = faults[0].error_type if faults else ""
    return kind if PLAIN_WORD.fullmatch(kind) else ""
