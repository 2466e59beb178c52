"""UIS Data API: reports by JSON-RPC. The token travels in the body, which is never printed.

An answer is HTTP 200 whatever happened; `error.code` and its mnemonic say what [CRM_CALLS_CLINIC_APIS.md §2.3].

Pages by offset shift when a row comes or goes while they are read, and the vendor's tables allow no sorting by id. So
nothing is read by offset: a span with more rows than an answer holds is asked for in shorter spans, until every answer
is whole by its own count. A row's time does not change, so no row can move between answers.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from datetime import time as clock_time
from itertools import count, pairwise
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from extractors.core.client import api_client
from extractors.core.errors import ChairsideError, ConfigError, GuardError, PayloadError, RejectedError, TransientError
from extractors.core.http import Answer, UnreadableBody, classify_by_status
from extractors.core.redact import redact
from extractors.core.settings import number, required
from extractors.core.spec import Context, Window

T = TypeVar("T")

PAGE_ROWS = 10_000  # the largest answer [§2.2]
POINTS_KEPT = 5.0  # left for others who ask in the account's name, as known loaders do [§2.3]
LONGEST_MINUTE = 60.0
WRONG_TOKEN, NOT_ALLOWED = {-32001}, {-32003, -32008, -32009}
LIMIT_EXCEEDED, INTERNAL = -32029, -32603
PLAIN_WORD = re.compile(r"[a-z][a-z0-9_.]{0,60}")


class _Limits(msgspec.Struct):
    minute_remaining: float | None = None
    minute_reset: float | None = None
    day_remaining: float | None = None
    day_reset: float | None = None


class _Metadata(msgspec.Struct):
    total_items: int | None = None
    limits: _Limits | None = None


class _Details(msgspec.Struct):
    mnemonic: str | None = None
    field: Any = None
    metadata: _Metadata | None = None


class _Error(msgspec.Struct):
    code: int = 0
    data: _Details | None = None


class _Result(msgspec.Struct):
    data: msgspec.Raw
    metadata: _Metadata | None = None


class _Reply(msgspec.Struct):
    id: str | int | None = None
    result: _Result | None = None
    error: _Error | None = None


class _Seen(msgspec.Struct):
    """What tells one row from another, and when it was: calls call it `start_time`."""

    id: int | str | None = None
    start_time: str | None = None
    date_time: str | None = None


class _Account(msgspec.Struct):
    timezone: str | None = None


_REPLY = msgspec.json.Decoder(_Reply, strict=False)
_SEEN = msgspec.json.Decoder(list[_Seen])
_ACCOUNTS = msgspec.json.Decoder(list[_Account])


@dataclass(frozen=True, slots=True)
class Span:
    """Seconds of the account's wall clock, both ends included."""

    first: datetime
    last: datetime

    @classmethod
    def of(cls, window: Window) -> Span:
        """All seconds of the window's days."""
        last = datetime.combine(window.last, clock_time(23, 59, 59))
        return cls(datetime.combine(window.first, clock_time.min), last)

    @property
    def texts(self) -> tuple[str, str]:
        return f"{self.first:%Y-%m-%d %H:%M:%S}", f"{self.last:%Y-%m-%d %H:%M:%S}"

    def parts(self, wanted: int) -> list[Span]:
        """At least two spans that are this one together, oldest first; one where it is a single second."""
        seconds = int((self.last - self.first).total_seconds()) + 1
        wanted = min(max(2, wanted), seconds)
        edges = [self.first + timedelta(seconds=seconds * index // wanted) for index in range(wanted + 1)]
        return [Span(edge, after - timedelta(seconds=1)) for edge, after in pairwise(edges)]


@dataclass(frozen=True, slots=True)
class _Page:
    rows: msgspec.Raw
    total: int


class UisClient:
    """Asks one account. State: the HTTP session, the points left, and whether the account's zone was compared."""

    def __init__(self, context: Context, *, sleep: Callable[[float], None] = time.sleep) -> None:
        settings = context.settings
        self._token = required(settings, "uis", "token")
        self._secrets = context.secrets
        self._user = settings.get("user_id")
        self._zone = context.zone
        self._left_out = frozenset(settings.get("without_fields") or ())
        self._kept = number(settings, "uis", "points_kept", POINTS_KEPT)
        self._page_rows = int(number(settings, "uis", "page_rows", PAGE_ROWS))
        self._sleep = sleep
        self._numbers = count(1)
        self._limits: _Limits | None = None
        # Agents may not ask for the account; a key may lack the right to.
        self._zone_compared = self._user is not None or settings.get("check_time_zone") is False
        # 150 points a minute in the recorded answer [§2.2]; what each answer says of the points left is kept besides.
        self._http = api_client("uis", context, per_second=2.0, burst=5, classify=self._classify)

    def close(self) -> None:
        self._http.close()

    def report(self, method: str, window: Window, fields: Sequence[str], *, where: str) -> Iterator[msgspec.Raw]:
        """Rows of `window` (days of the account's clock), each answer the JSON array of its rows.

        Raises GuardError when the account's zone is not the connection's, PayloadError when one second holds more rows
        than an answer.
        """
        self._compare_zone(window, where)
        wanted = [name for name in fields if name not in self._left_out]
        waiting = [Span.of(window)]
        while waiting:
            span = waiting.pop()
            page = self._page(method, span, wanted, where)
            if page.total == 0:
                page = self._page(method, span, wanted, where)  # nothing is not believed at once
            if page.total <= self._page_rows:
                yield page.rows
                continue
            parts = span.parts(page.total // self._page_rows + 1)
            if len(parts) < 2:
                raise PayloadError(f"{where}: {page.total} rows in one second. Nothing of the window was written.")
            waiting.extend(reversed(parts))

    def count(self, method: str, window: Window, *, where: str) -> int | None:
        """How many rows of `window` the report has, by its own count; null where the answer has none.

        Nothing is not believed at once.
        """
        first, last = Span.of(window).texts

        def decode(reply: _Reply) -> int | None:
            if reply.result is None:
                raise UnreadableBody("neither result nor error")
            total = reply.result.metadata.total_items if reply.result.metadata else None
            if total and [row.id is None for row in _SEEN.decode(reply.result.data)] != [False]:
                raise UnreadableBody("a count without a row of its report")
            return total

        self._compare_zone(window, where)
        params = {"date_from": first, "date_till": last, "limit": 1, "offset": 0, "fields": ["id"]}
        return self._ask(method, params, where, decode) or self._ask(method, params, where, decode)

    def _page(self, method: str, span: Span, fields: Sequence[str], where: str) -> _Page:
        first, last = span.texts

        def decode(reply: _Reply) -> _Page:
            if reply.result is None:
                raise UnreadableBody("neither result nor error")
            rows = _SEEN.decode(reply.result.data)
            told = reply.result.metadata.total_items if reply.result.metadata else None
            total = told if told is not None else len(rows) + (len(rows) >= self._page_rows)
            if len(rows) != min(total, self._page_rows):
                raise UnreadableBody(f"{len(rows)} rows where {total} are announced")
            known = [row.id for row in rows if row.id is not None]
            if len(set(known)) < len(known):
                raise UnreadableBody("a row comes twice")
            moments = [(row.start_time or row.date_time or "").replace("T", " ") for row in rows]
            # With an offset behind it a time is of another clock and not compared.
            if any(len(moment) == len(first) and not first <= moment <= last for moment in moments):
                raise UnreadableBody("rows of another span")
            return _Page(reply.result.data, total)

        return self._ask(method, {"date_from": first, "date_till": last, "limit": self._page_rows, "offset": 0,
                                  "fields": list(fields)}, where, decode)

    def _ask(
        self, method: str, params: Mapping[str, Any], where: str, decode: Callable[[_Reply], T]
    ) -> T:
        self._keep_points(where)
        asked = f"{method}-{next(self._numbers)}"
        user = {"user_id": self._user} if self._user is not None else {}

        def read(body: bytes) -> T:
            reply = _REPLY.decode(body)
            if reply.id != asked:
                raise UnreadableBody("the answer to another request")
            return decode(reply)

        return self._http.send(
            "POST", "", where=where, decode=read, headers={"Content-Type": "application/json; charset=UTF-8"},
            json={"jsonrpc": "2.0", "id": asked, "method": method,
                  "params": {"access_token": self._token, **user, **params}},
        )

    def _keep_points(self, where: str) -> None:
        """Wait, or give up for the day, before the vendor has to refuse."""
        limits, self._limits = self._limits, None
        if limits is None:
            return
        if limits.day_remaining is not None and limits.day_remaining < 1:
            raise TransientError(f"{where}: the account's points of the day are spent.", retry_after=limits.day_reset)
        if limits.minute_remaining is not None and limits.minute_remaining <= self._kept:
            self._sleep(LONGEST_MINUTE if limits.minute_reset is None else min(limits.minute_reset, LONGEST_MINUTE))

    def _classify(self, answer: Answer, where: str) -> ChairsideError | None:
        refused = classify_by_status(answer, where)
        if refused is not None:
            return refused
        try:
            reply = _REPLY.decode(answer.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None  # the reader of the body meets the same and tries again
        if reply.error is None:
            self._limits = reply.result.metadata.limits if reply.result and reply.result.metadata else None
            return None
        return _refusal(reply.error, where, self._secrets)

    def _compare_zone(self, window: Window, where: str) -> None:
        """The account's zone against the connection's: a wrong one moves contacts to another day without a word."""
        if self._zone_compared:
            return
        accounts: list[_Account] = self._ask(
            "get.account", {}, where, lambda reply: _ACCOUNTS.decode(reply.result.data if reply.result else b"[]")
        )
        told = accounts[0].timezone if accounts else None
        if told and not _same_clock(told, self._zone, window):
            raise GuardError(
                f"{where}: the account's clock is {told!r}, the connection says {self._zone.key!r}. Nothing was "
                "written. Set `time_zone` of the connection."
            )
        self._zone_compared = True


def _same_clock(name: str, zone: ZoneInfo, window: Window) -> bool:
    try:
        other = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ConfigError(f"uis: the account's time zone {name!r} is not known here.") from None
    noons = [datetime.combine(day, clock_time(12)) for day in (window.first, window.last)]
    return all(noon.replace(tzinfo=zone).utcoffset() == noon.replace(tzinfo=other).utcoffset() for noon in noons)


def _refusal(error: _Error, where: str, secrets: tuple[str, ...]) -> ChairsideError:
    """A code and its mnemonic in our errors. The vendor's text repeats what was sent, so it is never told."""
    details = error.data or _Details()
    said = redact(f"{error.code} {_plain(details.mnemonic)}".strip(), secrets)
    if error.code == LIMIT_EXCEEDED:
        limits = (details.metadata.limits if details.metadata else None) or _Limits()
        day_is_spent = limits.day_remaining is not None and limits.day_remaining < 1
        return TransientError(
            f"{where}: the points of the {'day' if day_is_spent else 'minute'} are spent ({said}).",
            retry_after=limits.day_reset if day_is_spent else limits.minute_reset,
        )
    if error.code == INTERNAL:
        return TransientError(f"{where}: UIS failed inside ({said}).")
    if error.code in WRONG_TOKEN:
        return RejectedError(f"{where}: UIS refused access ({said}). Check the token of the connection.")
    if error.code in NOT_ALLOWED:
        return RejectedError(
            f"{where}: UIS refused access ({said}). Check the token's rights and the list of allowed addresses in the "
            "account's settings."
        )
    field = redact(_plain(details.field), secrets)
    return RejectedError(
        f"{where}: UIS refused the request ({said}{f', field {field}' if field else ''}). See docs/sources/uis.md."
    )


def _plain(word: object) -> str:
    """A word of the vendor's own vocabulary, or nothing: anything else may be what was sent."""
    return word if isinstance(word, str) and PLAIN_WORD.fullmatch(word) else ""
