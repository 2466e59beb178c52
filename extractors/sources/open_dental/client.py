"""Open Dental's REST interface: lists of at most 100 rows by offset, one request a second by default.

Rows shift between pages while the office works, so lists are filtered by change date, pages overlap by a row, and a
list ends where the overlap alone comes, or nothing at all, twice [CRM_CALLS_CLINIC_APIS.md §9.1].
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

import msgspec

from extractors.core.client import api_client
from extractors.core.errors import TransientError
from extractors.core.settings import required
from extractors.core.spec import Context

PAGE_ROWS = 100
SHIFTED_TRIES = 3
ASKED_TWICE = 2
_ROWS = msgspec.json.Decoder(list[msgspec.Raw])


class OpenDentalClient:
    """Asks one office. State: the HTTP session."""

    def __init__(self, context: Context) -> None:
        settings = context.settings
        keys = settings.get("token") or (
            f"{required(settings, 'open_dental', 'developer_key')}/{required(settings, 'open_dental', 'customer_key')}"
        )
        self._http = api_client(
            "open_dental", context, per_second=1.0, burst=1, headers={"Authorization": f"ODFHIR {keys}"}
        )
        self._prefix = str(settings.get("api_path", "/api/v1")).rstrip("/")
        if str(settings.get("base_url", "")).rstrip("/").endswith(self._prefix):
            self._prefix = ""

    def close(self) -> None:
        self._http.close()

    def pages(
        self, path: str, conditions: Mapping[str, str], *, where: str, short_page_ends: bool = False,
        check: Callable[[bytes], None] | None = None,
    ) -> Iterator[bytes]:
        """Pages of a list, each a JSON array. `short_page_ends` saves the last request where lists are tiny; `check`
        raises UnreadableBody for a page that cannot be an answer to this question.

        Pages are places in a list without a total, and people add and delete while it is read. So each page begins with
        the last row of the one before; where it does not, rows have moved and everything is read again, three times at
        most; then TransientError.
        """

        def decode(body: bytes) -> list[msgspec.Raw]:
            rows = _ROWS.decode(body)
            if check is not None:
                check(body)
            return rows

        def ask(offset: int) -> list[msgspec.Raw]:
            return self._http.send(
                "GET", f"{self._prefix}{path}", where=where, decode=decode,
                params={**conditions, "Limit": str(PAGE_ROWS), "Offset": str(offset)},
            )

        for _ in range(SHIFTED_TRIES):
            if (yield from _whole_list(ask, short_page_ends=short_page_ends)):
                return
        raise TransientError(f"{where}: the rows move while they are read. Run it again later.")


def _whole_list(
    ask: Callable[[int], list[msgspec.Raw]], *, short_page_ends: bool
) -> Generator[bytes, None, bool]:
    """The pages from the first on; whether they fitted together to the end. An answer that does not fit is asked for
    once more: it may have been another question's, or empty by mistake."""
    offset, last = 0, b""
    while True:
        for _ in range(ASKED_TWICE):
            rows = ask(offset)
            if rows and last in (b"", _same(rows[0])):
                break
        else:
            return not rows and not last  # nothing at all, said twice, or rows that moved
        fresh = rows[1:] if last else rows
        if fresh:
            yield msgspec.json.encode(fresh)
        if (last and not fresh) or (short_page_ends and len(rows) < PAGE_ROWS):
            return True
        offset += len(rows) - 1
        last = _same(rows[-1])


def _same(row: msgspec.Raw) -> bytes:
    """The row without the server's clock, to compare it with itself on another page."""
    return msgspec.json.encode({**msgspec.json.decode(row, type=dict[str, Any]), "serverDateTime": None})
