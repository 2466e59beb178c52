"""Meta's insights: make a report, wait for it, read it page by page.

A report that fails is made again, and if that fails too, each half of its days alone. Usage headers are kept ahead of:
at 85 % of any limit the next request waits [ADS_APIS.md §3.2, §3.4].
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import msgspec

from extractors.core.client import api_client
from extractors.core.errors import PayloadError, RejectedError, TransientError
from extractors.core.http import UnreadableBody
from extractors.core.settings import number, required
from extractors.core.spec import Context, Window
from extractors.sources.meta_ads.refusals import (
    BUSY_SECONDS,
    NotVisible,
    TooMuchData,
    by_code,
    classify,
    usage_pause,
)

T = TypeVar("T")
NAME = "meta_ads"
DEFAULT_VERSION = "v26.0"
PAGE_ROWS = 500
LEAST_PAGE_ROWS = 10
DEFAULT_POLL_SECONDS = 10.0
LONGEST_REPORT_SECONDS = 3600.0  # the vendor's own retries included [best-practices]
REPORT_TRIES = 2
FOREIGN_TRIES = 2  # of one page; then the whole report is taken for another one
UNSEEN_TRIES = 5  # a report just made may not be visible yet
DONE, FAILED = "Job Completed", ("Job Failed", "Job Skipped")


class ForeignRows(PayloadError):
    """A report holds rows that were not asked for: an answer of another report came instead."""


class _Account(msgspec.Struct):
    currency: str
    timezone_name: str


class _Made(msgspec.Struct):
    report_run_id: str | int


class _Run(msgspec.Struct):
    async_status: str
    error_code: int | None = None
    error_subcode: int | None = None


class _Cursors(msgspec.Struct):
    after: str | None = None


class _Paging(msgspec.Struct):
    cursors: _Cursors | None = None
    next: str | None = None


class _Page(msgspec.Struct):
    data: list[dict[str, Any]]
    paging: _Paging | None = None

    @property
    def is_last(self) -> bool:
        """Only `next` tells: cursors stand on the last page too."""
        return self.paging is None or not self.paging.next

    @property
    def after(self) -> str | None:
        """Where the next page begins; null on the last one, and where it is not said."""
        if self.paging is None or not self.paging.next:
            return None
        if self.paging.cursors is not None and self.paging.cursors.after:
            return self.paging.cursors.after
        return next(iter(parse_qs(urlsplit(self.paging.next).query).get("after", [])), None)


class MetaAdsClient:
    """Asks one connection's accounts. State: the HTTP session, and the reports made so far."""

    def __init__(self, context: Context, *, sleep: Callable[[float], None] = time.sleep) -> None:
        settings = context.settings
        self._sleep = sleep
        self._runs: dict[str, tuple[str, Window]] = {}
        self._version = str(settings.get("api_version") or DEFAULT_VERSION)
        self._poll_seconds = number(settings, NAME, "poll_seconds", DEFAULT_POLL_SECONDS)
        self._page_rows = int(number(settings, NAME, "page_rows", PAGE_ROWS))
        rate_seconds = number(settings, NAME, "rate_limit_seconds", BUSY_SECONDS)
        token = required(settings, NAME, "token")
        # Both ways are in use; in a header the token stands in no address.
        in_query = settings.get("token_in") == "query"
        self._token_params = {"access_token": token} if in_query else {}
        self._http = api_client(
            NAME, context, per_second=2.0, burst=5,
            headers={} if in_query else {"Authorization": f"Bearer {token}"},
            classify=lambda answer, where: classify(answer, where, rate_seconds=rate_seconds),
        )

    def close(self) -> None:
        self._http.close()

    def account(self, account_id: str, *, where: str) -> tuple[str, str]:
        """The account's currency (ISO code) and time zone (IANA name)."""
        found = self._send(
            "GET", f"/act_{account_id}", where, msgspec.json.Decoder(_Account).decode,
            params={"fields": "currency,timezone_name"},
        )
        return found.currency, found.timezone_name

    def insights(
        self,
        account_id: str,
        days: Window,
        params: Mapping[str, str],
        *,
        where: str,
        asked: Callable[[Mapping[str, Any]], bool],
    ) -> Iterator[Sequence[Mapping[str, Any]]]:
        """Pages of a report of the account over `days`. A page with a row that `asked` does not know is read again.

        Raises TransientError when one day's report fails again and again, or is not ready within an hour.
        """
        for attempt in range(1, REPORT_TRIES + 1):
            try:
                run = self._make(account_id, days, params, where)
                if self._wait(run, where):
                    yield from self._pages(f"/{run}/insights", {}, where, asked)
                    return
            except ForeignRows:
                if attempt == REPORT_TRIES:
                    raise
            except TooMuchData:
                if days.first == days.last:
                    raise
                break
        if days.first == days.last:
            raise TransientError(
                f"{where}: the report of {days.first} failed {REPORT_TRIES} times. Run it again later."
            )
        middle = days.first + (days.last - days.first) // 2
        for half in (Window(days.first, middle), Window(middle + timedelta(days=1), days.last)):
            yield from self.insights(account_id, half, params, where=where, asked=asked)

    def days(
        self,
        account_id: str,
        days: Window,
        params: Mapping[str, str],
        *,
        where: str,
        asked: Callable[[Mapping[str, Any]], bool],
    ) -> Iterator[Sequence[Mapping[str, Any]]]:
        """Pages of an answer at once, without a report: for what is a row a day. Raises ForeignRows."""
        yield from self._pages(f"/act_{account_id}/insights", {**params, "time_range": _range(days)}, where, asked)

    def _make(self, account_id: str, days: Window, params: Mapping[str, str], where: str) -> str:
        def decode(body: bytes) -> str:
            run = str(msgspec.json.decode(body, type=_Made).report_run_id)
            if self._runs.setdefault(run, (account_id, days)) != (account_id, days):
                raise UnreadableBody("another report that was made before")
            return run

        return self._send(
            "POST", f"/act_{account_id}/insights", where, decode, form={**params, "time_range": _range(days)}
        )

    def _wait(self, run: str, where: str) -> bool:
        """Whether the report is done (true) or failed (false). Raises RejectedError where its error is final."""
        waited, unseen = 0.0, 0
        decode = msgspec.json.Decoder(_Run, strict=False).decode
        while waited <= LONGEST_REPORT_SECONDS:
            try:
                state = self._send("GET", f"/{run}", where, decode)
            except NotVisible:
                unseen += 1
                if unseen >= UNSEEN_TRIES:
                    raise
            else:
                # 100 % is no proof: only the status says that the rows are there.
                if state.async_status == DONE:
                    return True
                if state.async_status in FAILED:
                    if state.error_code:
                        error = by_code(state.error_code, state.error_subcode, where)
                        if isinstance(error, RejectedError) and not isinstance(error, NotVisible):
                            raise error
                    return False
            self._sleep(self._poll_seconds)
            waited += self._poll_seconds
        raise TransientError(f"{where}: the report was not ready after {waited:.0f} s. Try fewer days (`job_days`).")

    def _pages(
        self, path: str, params: Mapping[str, str], where: str, asked: Callable[[Mapping[str, Any]], bool]
    ) -> Iterator[Sequence[Mapping[str, Any]]]:
        after: str | None = None
        seen: set[str | None] = {None}
        while True:
            page = self._page(path, params, after, seen, where, asked)
            if not page.data:
                # In the middle it would lose rows without a word; at the end of nothing it is right, twice.
                page = self._page(path, params, after, seen, where, asked)
            yield page.data
            if page.is_last:
                return
            after = page.after
            seen.add(after)

    def _page(
        self,
        path: str,
        params: Mapping[str, str],
        after: str | None,
        seen: Collection[str | None],
        where: str,
        asked: Callable[[Mapping[str, Any]], bool],
    ) -> _Page:
        """The page at `after`. One from where the next is at a place in `seen`, or nowhere, is read again."""

        def decode(body: bytes) -> _Page:
            page = msgspec.json.decode(body, type=_Page)
            if not page.is_last and page.after in seen:
                raise UnreadableBody("the next page is one before, or nowhere")
            return page

        foreign = 0
        while True:
            place = {"limit": str(self._page_rows), **({} if after is None else {"after": after})}
            try:
                page = self._send("GET", path, where, decode, params={**params, **place})
                if all(map(asked, page.data)):
                    return page
                foreign += 1
                if foreign >= FOREIGN_TRIES:
                    raise ForeignRows(f"{where}: Meta sent rows of other days or another account. Run it again.")
            except TooMuchData:
                if self._page_rows <= LEAST_PAGE_ROWS:
                    raise
                self._page_rows = max(LEAST_PAGE_ROWS, self._page_rows // 2)

    def _send(
        self,
        method: str,
        path: str,
        where: str,
        decode: Callable[[bytes], T],
        *,
        params: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> T:
        if form is not None:
            form = {**form, **self._token_params}
        else:
            params = {**(params or {}), **self._token_params}
        answer, value = self._http.exchange(
            method, f"/{self._version}{path}", where=where, decode=decode, params=params, form=form
        )
        pause = usage_pause(answer.headers)
        if pause > 0:
            self._sleep(pause)
        return value


def _range(days: Window) -> str:
    return msgspec.json.encode({"since": str(days.first), "until": str(days.last)}).decode()
