"""Calltouch: calls page by page, requests day by day. The token travels in the address, so no address is ever printed.

Two traps of the interface: the calls diary takes dd/mm/yyyy and the requests take mm/dd/yyyy; without `page` and
`limit` the calls diary answers another shape [CRM_CALLS_CLINIC_APIS.md §1.2, §1.3].
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import msgspec

from extractors.core.client import api_client
from extractors.core.errors import ConfigError, TransientError
from extractors.core.http import UnreadableBody
from extractors.core.settings import required
from extractors.core.spec import Context, Window

PAGE_ROWS = 1000
SHIFTED_TRIES = 3


class _Page(msgspec.Struct):
    records: msgspec.Raw = msgspec.Raw(b"")  # b"": it was not in the answer
    page: int | None = None
    pageTotal: int | None = None
    recordsTotal: int | None = None
    recordsCount: int | None = None

    @property
    def announced(self) -> int | None:
        """How many calls the diary has; two names are in use, and neither may be there [§1.2]."""
        return self.recordsCount if self.recordsTotal is None else self.recordsTotal

    @property
    def rows(self) -> msgspec.Raw:
        return self.records if bytes(self.records) else msgspec.Raw(b"[]")


class _CallId(msgspec.Struct):
    callId: int | str | None = None
    date: Any = None


class _RequestDate(msgspec.Struct):
    date: float | None = None


_PAGE = msgspec.json.Decoder(_Page, strict=False)
_CALL_IDS = msgspec.json.Decoder(list[_CallId])
_REQUEST_DATES = msgspec.json.Decoder(list[_RequestDate], strict=False)


class CalltouchClient:
    """Asks one account. State: the HTTP session."""

    def __init__(self, context: Context) -> None:
        self._zone = context.zone
        self._token = required(context.settings, "calltouch", "token")
        if context.settings.get("map_visits_clock", "24h") not in ("12h", "24h"):
            raise ConfigError("calltouch: the setting `map_visits_clock` is 12h or 24h.")
        # No limit is published; loaders live with five requests at once and pauses of 0.4 s [§1.6].
        self._http = api_client("calltouch", context, per_second=2.5, burst=5)

    def close(self) -> None:
        self._http.close()

    def calls(self, site: str, window: Window, *, visits: bool, where: str) -> Iterator[msgspec.Raw]:
        """Pages of the calls diary of a site, each the JSON array of its records.

        Pages shift when a call arrives or goes while they are read. If fewer different calls came than the vendor
        says there are, everything is read again, three times at most; then TransientError.
        """
        for _ in range(SHIFTED_TRIES):
            seen: set[int | str | None] = set()
            announced = 0
            number = 1
            while True:
                page = self._http.send(
                    "GET",
                    f"/calls-service/RestAPI/{site}/calls-diary/calls",
                    where=where,
                    params={
                        **self._span(window),
                        "page": number,
                        "limit": PAGE_ROWS,
                        "withCallTags": "true",
                        **({"withMapVisits": "true"} if visits else {}),
                    },
                    decode=partial(_calls_page, number=number, window=window),
                )
                seen.update(call.callId for call in _CALL_IDS.decode(page.rows))
                announced = page.announced or 0
                yield page.rows
                # An empty span may say pageTotal 0: never wait for equality.
                if number >= (page.pageTotal or 0):
                    break
                number += 1
            if len(seen) >= announced:
                return
        raise TransientError(
            f"{where}: {len(seen)} calls came where the vendor counts {announced}; the pages shift while they are "
            "read. Run it again later."
        )

    def count(self, site: str, window: Window, *, where: str) -> int | None:
        """How many calls the diary has, by its own count; null where the vendor does not tell it.

        Nothing is not believed at once.
        """
        for _ in range(2):
            page = self._http.send(
                "GET",
                f"/calls-service/RestAPI/{site}/calls-diary/calls",
                where=where,
                params={**self._span(window), "page": 1, "limit": 1},
                decode=partial(_calls_page, number=1, window=window),
            )
            if page.announced:
                break
        return page.announced

    def _span(self, window: Window) -> dict[str, str]:
        return {
            "clientApiId": self._token,
            "dateFrom": f"{window.first:%d/%m/%Y}",
            "dateTo": f"{window.last:%d/%m/%Y}",
        }

    def requests(self, site: str, window: Window, *, visits: bool, where: str) -> Iterator[bytes]:
        """Requests of a site, one answer per day: paging is not documented, and a day is never cut.

        There is no count to compare with. So an empty day is asked for twice, and an answer with another day's
        requests is taken for a wrong page and asked for again.
        """
        day = window.first
        while day <= window.last:
            body = self._day(site, day, visits, where)
            if body is None:
                body = self._day(site, day, visits, where)
            if body is not None:
                yield body
            day += timedelta(days=1)

    def _day(self, site: str, day: date, visits: bool, where: str) -> bytes | None:
        def decode(body: bytes) -> bytes | None:
            moments = _REQUEST_DATES.decode(body)
            if any(datetime.fromtimestamp(at.date / 1000, self._zone).date() != day for at in moments if at.date):
                raise UnreadableBody("requests of another day")
            return body if moments else None

        return self._http.send(
            "GET",
            "/calls-service/RestAPI/requests",
            where=where,
            params={
                "clientApiId": self._token,
                "siteId": site,
                "dateFrom": us_date(day),
                "dateTo": us_date(day),
                "withRequestTags": "true",
                **({"withMapVisits": "true"} if visits else {}),
            },
            decode=decode,
        )


def us_date(day: date) -> str:
    """mm/dd/yyyy, which only the requests take."""
    return f"{day:%m/%d/%Y}"


def _calls_page(body: bytes, *, number: int, window: Window) -> _Page:
    """A page of the diary. One whose records are no list of objects, or are not told, is tried again."""
    page = _PAGE.decode(body)
    counts = (page.pageTotal, page.announced)
    if not bytes(page.records) and (any(counts) or counts == (None, None)):
        raise UnreadableBody("the calls are not in it")
    if page.page is not None and page.page != number:
        raise UnreadableBody("another page")
    if not all(_near(call.date, window) for call in _CALL_IDS.decode(page.rows)):
        raise UnreadableBody("calls of other days")
    return page


def _near(written: object, window: Window) -> bool:
    """Whether a diary time can be of the window. It is printed at UTC+3 whatever the account's clock, so a day more is
    allowed at both ends [§1.2]; a text that is no day is the row's own trouble."""
    try:
        day = datetime.strptime(str(written)[:10], "%d/%m/%Y").date()  # noqa: DTZ007 - a day of the diary's own clock
    except ValueError:
        return True
    return window.first - timedelta(days=1) <= day <= window.last + timedelta(days=1)
