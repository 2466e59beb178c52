"""Open Dental's REST interface: lists of at most 100 rows by offset, one request a second by default.

Rows shift between pages while the office works, so lists are filtered by change date, read with an overlap, and a list
ends only where an empty page was seen twice [CRM_CALLS_CLINIC_APIS.md §9.1].
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import msgspec

from extractors.core.client import api_client
from extractors.core.errors import TransientError
from extractors.core.settings import required
from extractors.core.spec import Context

PAGE_ROWS = 100
REPEATED_TRIES = 3
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
        raises UnreadableBody for a page that cannot be an answer to this question."""

        def decode(body: bytes) -> bytes:
            _ROWS.decode(body)
            if check is not None:
                check(body)
            return body

        offset = 0
        empty_before = False
        previous = b""
        repeated = 0
        while True:
            body = self._http.send(
                "GET", f"{self._prefix}{path}", where=where, decode=decode,
                params={**conditions, "Limit": str(PAGE_ROWS), "Offset": str(offset)},
            )
            count = len(_ROWS.decode(body))
            if count and body == previous:
                repeated += 1
                if repeated >= REPEATED_TRIES:
                    raise TransientError(f"{where}: the office's server repeats a page. Run it again later.")
                continue
            repeated = 0
            previous = body if count else previous
            if count:
                yield body
            elif empty_before:
                return
            if short_page_ends and 0 < count < PAGE_ROWS:
                return
            empty_before = count == 0
            offset += count
