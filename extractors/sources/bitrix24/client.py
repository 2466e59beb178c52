"""Bitrix24 REST over an incoming webhook, whose code is part of the address: no address is ever printed.

Lists are walked by ID with `start=-1`: pages by offset lose and repeat rows while people work, and counting makes the
portal slow. Errors come as codes in the body; the HTTP status alone misleads [CRM_CALLS_CLINIC_APIS.md §5.2, §5.4].
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

import msgspec

from extractors.core.client import api_client
from extractors.core.errors import ChairsideError, RejectedError, TransientError
from extractors.core.http import Answer, UnreadableBody, classify_by_status, retry_after
from extractors.core.settings import number, required
from extractors.core.spec import Context

PAGE_ROWS = 50
BATCH_COMMANDS = 50
DOUBTS = 3
BATCH = "batch"
SLACK = timedelta(days=1)
TRY_AGAIN = {"QUERY_LIMIT_EXCEEDED", "OPERATION_TIME_LIMIT", "INTERNAL_SERVER_ERROR", "ERROR_UNEXPECTED_ANSWER"}
REFUSED_ACCESS = {
    "NO_AUTH_FOUND", "INVALID_CREDENTIALS", "INSUFFICIENT_SCOPE", "USER_ACCESS_ERROR", "ACCESS_DENIED", "EXPIRED_TOKEN",
}
LONGEST_BLOCK_SECONDS = 600.0

Params = Mapping[str, Any]


class _Time(msgspec.Struct):
    operating: float | None = None
    operating_reset_at: float | None = None


class _Body(msgspec.Struct):
    result: Any = msgspec.UNSET
    next: int | None = None
    total: int | None = None
    error: Any = None
    time: _Time | None = None


_BODY = msgspec.json.Decoder(_Body, strict=False)


class Bitrix24Client:
    """Asks one portal. State: the HTTP session and how much of a method's time is used up."""

    def __init__(
        self,
        context: Context,
        *,
        sleep: Callable[[float], None] = time.sleep,
        unix_time: Callable[[], float] = time.time,
    ) -> None:
        settings = context.settings
        base_url = required(settings, "bitrix24", "base_url").rstrip("/")
        if "/rest/" not in urlsplit(base_url).path:
            base_url += f"/rest/{settings.get('user_id', 1)}/{required(settings, 'bitrix24', 'token')}"
        # The ceiling is the portal's setting; the vendor's own example is 480 s in ten minutes.
        self._operating_ceiling = number(settings, "bitrix24", "operating_seconds", 400.0)
        self._sleep = sleep
        self._unix_time = unix_time
        self._http = api_client(
            "bitrix24", context, base_url=base_url, per_second=2.0, burst=50, classify=self._classify
        )

    def close(self) -> None:
        self._http.close()

    def call(
        self, method: str, params: Params, *, where: str, fits: Callable[[dict[str, Any]], bool] | None = None
    ) -> _Body:
        """One method call. Slows down before the portal blocks the method.

        `fits` says whether a row can be an answer to this very question; if one cannot, it is asked again.
        """

        def decode(content: bytes) -> _Body:
            decoded = _decode(content)
            if method != BATCH and not all(map(fits or _anything, _rows(decoded.result))):
                raise UnreadableBody("rows that were not asked for")
            return decoded

        body = self._http.send("POST", f"/{method}.json", where=f"{where} ({method})", json=params, decode=decode)
        spent = body.time
        if spent and spent.operating and spent.operating_reset_at and spent.operating >= self._operating_ceiling:
            self._sleep(min(LONGEST_BLOCK_SECONDS, max(0.0, spent.operating_reset_at - self._unix_time())))
        return body

    def walk(
        self, method: str, *, where: str, select: Sequence[str], conditions: Params, more: Params | None = None
    ) -> Iterator[list[dict[str, Any]]]:
        """Pages of a list in the order of ID. `conditions` is the method's filter.

        An empty page, one that repeats what was read and one out of order are asked for again before they are believed.
        """
        last = 0
        doubts = 0
        while True:
            body = self.call(
                method,
                {
                    **(more or {}),
                    "select": list(select),
                    "order": {"ID": "ASC"},
                    "filter": {**conditions, ">ID": last},
                    "start": -1,
                },
                where=where,
                fits=lambda row: _fits(row, conditions),
            )
            rows = _rows(body.result)
            if not rows and doubts:
                return
            numbers = [last, *(int(row["ID"]) for row in rows)]
            if not rows or any(later <= number for number, later in pairwise(numbers)):
                doubts += 1
                if doubts >= DOUBTS:
                    raise TransientError(
                        f"{where} ({method}): the portal repeats a page, or gives it out of order. Run it again later."
                    )
                continue
            doubts = 0
            yield rows
            if len(rows) < PAGE_ROWS:
                return
            last = numbers[-1]

    def paged(
        self, method: str, params: Params, *, where: str, fits: Callable[[dict[str, Any]], bool] | None = None
    ) -> Iterator[list[dict[str, Any]]]:
        """Pages of a short list (a dictionary) by offset. An empty page is asked for again before it is believed.

        Where fewer different rows came than the portal counts, all is read again. Raises TransientError after the third
        time, and where the next page does not lie behind.
        """
        for _ in range(DOUBTS):
            seen: set[bytes] = set()
            start, total = 0, 0
            while True:
                body = self.call(method, {**params, "start": start}, where=where, fits=fits)
                if not _rows(body.result):
                    body = self.call(method, {**params, "start": start}, where=where, fits=fits)
                rows = _rows(body.result)
                seen.update(msgspec.json.encode(row, order="sorted") for row in rows)
                total = body.total or 0
                yield rows
                if body.next is None:
                    break
                if body.next <= start:
                    raise TransientError(f"{where} ({method}): the portal's pages lead back. Run it again later.")
                start = body.next
            if len(seen) >= total:
                return
        raise TransientError(
            f"{where} ({method}): {len(seen)} rows came where the portal counts {total}. Run it again later."
        )

    def batch(self, commands: Mapping[str, str], *, where: str) -> dict[str, Any]:
        """Results of up to 50 commands by name. A command without a result is not in the answer: portals were seen
        to answer a whole batch with nothing, so the caller asks for those one by one."""
        body = self.call(BATCH, {"halt": 0, "cmd": dict(commands)}, where=where)
        results = body.result.get("result") if isinstance(body.result, dict) else None
        # PHP writes a map without keys as a list; ours are no numbers, so any other list is of other commands
        return dict(results) if isinstance(results, dict) else {}

    def _classify(self, answer: Answer, where: str) -> ChairsideError | None:
        if answer.status == 200:
            return None
        try:
            body = _BODY.decode(answer.body)
        except msgspec.DecodeError:
            return classify_by_status(answer, where)
        code = str(body.error or "").upper()
        if code in TRY_AGAIN:
            wait = retry_after(answer.headers)
            if wait is None and body.time and body.time.operating_reset_at:
                wait = min(LONGEST_BLOCK_SECONDS, max(0.0, body.time.operating_reset_at - self._unix_time()))
            return TransientError(f"{where}: the portal is busy ({code}).", retry_after=wait)
        if code in REFUSED_ACCESS:
            return RejectedError(f"{where}: the portal refused access ({code}). Check the webhook's code and rights.")
        if code in ("OVERLOAD_LIMIT", "PORTAL_DELETED"):
            return RejectedError(f"{where}: the vendor has closed the portal's interface ({code}). Ask its support.")
        return classify_by_status(answer, where)


def _decode(body: bytes) -> _Body:
    decoded = _BODY.decode(body)
    if decoded.result is msgspec.UNSET:
        raise UnreadableBody("there is no result in it")
    return decoded


def _rows(result: Any) -> list[dict[str, Any]]:  # noqa: ANN401  the vendor's shapes differ by method
    """Rows of a result: a list, or a map that holds the list as `items` or `categories`; PHP's empty map is [].

    Raises UnreadableBody for anything else: null and a map without the list say nothing of rows.
    """
    if isinstance(result, dict):
        result = result.get("items", result.get("categories"))
    if not isinstance(result, list) or not all(isinstance(row, dict) for row in result):
        raise UnreadableBody("the result is no list of rows")
    return result


def _anything(row: dict[str, Any]) -> bool:
    return True


def _fits(row: dict[str, Any], conditions: Params) -> bool:
    """Whether the row is the filter's: it has the values that are named without an operator, and its times are within,
    a day more or less for portals that read them on another clock. A text that is no time is the row's own trouble."""
    for name, bound in conditions.items():
        if name[0] not in "<>=" and str(row.get(name)) != str(bound):
            return False
        with suppress(KeyError, ValueError, TypeError):
            beyond = datetime.fromisoformat(row[name.lstrip("<>=")]) - datetime.fromisoformat(bound)
            if (beyond if name.startswith("<") else -beyond) > SLACK:
                return False
    return True
