"""Faults on demand: what a vendor or the network does wrong, request by request."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from simulators.http import Response

FaultKind = Literal[
    "unauthorized",  # 401 in the vendor's own words
    "too_many_requests",  # 429 (Bitrix24: 503 QUERY_LIMIT_EXCEEDED), with Retry-After if `retry_after` is given
    "server_error",  # 500
    "cut_body",  # the connection dies in the middle of the body
    "truncated_json",  # a complete answer whose text stops half-way
    "html",  # 200 with a page for people instead of data
    "repeated_page",  # the last good answer of the same address once more
    "empty_page",  # a good answer without rows
    "slow",  # a good answer after `seconds`
    "drip",  # a good answer in small pieces, `seconds` between them
    "changed",  # a good answer after `change`: other rows, other fields
    "answer",  # exactly `response`: a vendor's special refusal (points spent, method time used up, a balancer's page)
]


@dataclass(frozen=True, slots=True)
class Fault:
    """One planned fault.

    It fires for requests to `source` (null: any) whose address, body or headers contain `matching`, leaving out the
    first `after` of them and then `times` in a row (negative: for ever). Of several planned faults the first that is
    due fires, and that request does not count for the ones planned after it. `retry_after` and `seconds` are seconds.
    """

    kind: FaultKind
    source: str | None = None
    matching: str = ""
    times: int = 1
    after: int = 0
    retry_after: int | None = None
    seconds: float = 0.0
    response: Response | None = None
    change: Callable[[Response], Response] | None = None


class Faults:
    """The planned faults and how often each has been met. Safe between threads; may be added to while serving."""

    def __init__(self, planned: Iterable[Fault] = ()) -> None:
        self._lock = threading.Lock()
        self._planned: list[Fault] = list(planned)
        self._met: list[int] = [0] * len(self._planned)
        self.fired: list[Fault] = []

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._planned.append(fault)
            self._met.append(0)

    def clear(self) -> None:
        """Plan nothing any more; `fired` stays."""
        with self._lock:
            self._planned, self._met = [], []

    def take(self, source: str, text: str) -> Fault | None:
        """The fault for this request, if one is due. `text` is its address, body and headers."""
        with self._lock:
            for index, fault in enumerate(self._planned):
                if fault.source not in (None, source) or fault.matching not in text:
                    continue
                self._met[index] += 1
                due = self._met[index] - fault.after
                if due > 0 and (fault.times < 0 or due <= fault.times):
                    self.fired.append(fault)
                    return fault
        return None
