"""VK Реклама: which campaigns there are, and what each day of them cost.

Traps [ADS_APIS.md §4]: lists give 20 rows unless asked for more; `count` is the number of all rows in one place and of
the rows given in another; one foreign id refuses a whole request; totals stand beside the days they sum.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from extractors.core.client import api_client
from extractors.core.errors import ChairsideError, RejectedError, TransientError
from extractors.core.http import Answer, ApiClient, UnreadableBody, classify_by_status, retry_after
from extractors.core.settings import number
from extractors.core.spec import Context, Window
from extractors.sources.vk_ads.answers import (
    OBJECTS,
    STATISTICS,
    AdObject,
    Objects,
    Statistics,
    check_days,
    check_total,
    code_of,
    decode_user,
    refuse_no_end,
)
from extractors.sources.vk_ads.oauth import Access, AccessRefused
from extractors.sources.vk_ads.quota import Quota

T = TypeVar("T")

PAGE_ROWS = 250  # the most a list gives
IDS_A_REQUEST = 50  # 200 are documented; clients in use split at 50
STATUSES = "active,blocked,deleted"  # a deleted campaign has spent money too
TOKEN_TRIES = 3
SHIFTED_TRIES = 3
# Refusals that may be of one id, or of too many at once: fewer are asked for.
ABOUT_IDS = frozenset(
    {"ERR_WRONG_ADPLANS", "ERR_WRONG_ADGROUPS", "ERR_WRONG_USERS", "ERR_WRONG_IDS", "ERR_LIMIT_EXCEEDED"}
)
_CODE = re.compile(r"ERR_[A-Z_]{1,40}")


class TokenRefused(AccessRefused):
    """The token is over or unknown; another one may do."""


class IdsRefused(RejectedError):
    """The request names an id that VK does not tell of, or too many."""


class VkAdsClient:
    """Asks for the accounts of one connection. State: the HTTP session, tokens, what is left of the limits."""

    def __init__(
        self,
        context: Context,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        settings = context.settings
        self._context = context
        self._clock = clock
        self.checks_totals = settings.get("check_totals", True) is not False
        self._ids = max(1, min(200, int(number(settings, "vk_ads", "ids_per_request", IDS_A_REQUEST))))
        self._access: dict[str, Access] = {}
        self._quota = Quota(context.zone, clock, sleep)
        # No number is published; the answers tell it, and two a second is what clients in use keep.
        self._http: ApiClient = api_client("vk_ads", context, per_second=2.0, classify=self._classify)

    def close(self) -> None:
        for access in self._access.values():
            access.close()
        self._http.close()

    def currency(self, account: str, *, where: str) -> str | None:
        """The account's currency: it is in no row. Null where the vendor does not say."""
        try:
            user = self._get(account, "/api/v2/user.json", {"fields": "currency"}, where, decode_user)
        except AccessRefused:
            raise
        except RejectedError:
            return None  # that this address tells it is unconfirmed
        return user.currency

    def user_id(self, account: str, *, where: str) -> str:
        """The account's own number, under which VK tells statistics of all of it. Raises RejectedError without one."""
        user = self._get(account, "/api/v2/user.json", {"fields": "id"}, where, decode_user)
        if user.id is None:
            raise RejectedError(f"{where}: VK does not say the account's number. Set `check_totals` to false.")
        return str(user.id)

    def objects(self, account: str, level: str, *, where: str) -> list[AdObject]:
        """All campaigns of an account (or groups, by `level`), deleted ones too. None at all is asked for twice.

        Raises TransientError when fewer come than VK counts, three times.
        """
        doubted = False
        for _ in range(SHIFTED_TRIES):
            found: dict[str, AdObject] = {}
            announced = 0
            for page in self._object_pages(account, level, where):
                announced = max(announced, page.count or 0)
                found |= {str(item.id): AdObject(str(item.id), item.name, item.status) for item in page.items}
            if len(found) >= announced and (found or doubted):
                return list(found.values())
            doubted = not found
        raise TransientError(
            f"{where}: {len(found)} objects came where VK counts {announced}; the pages shift while they are read. "
            "Run it again later."
        )

    def _object_pages(self, account: str, level: str, where: str) -> Iterator[Objects]:
        seen: set[str] = set()
        offset = 0
        while True:
            params = {
                "limit": PAGE_ROWS, "offset": offset, "fields": "id,name,status", "sorting": "id",
                "_status__in": STATUSES,
            }

            def decode(body: bytes, offset: int = offset) -> Objects:
                page = OBJECTS.decode(body)
                if page.offset is not None and page.offset != offset:
                    raise UnreadableBody("a page from another place")
                refuse_no_end(page, offset, seen)
                if not page.items and page.count is None:
                    raise UnreadableBody("neither objects nor their number are in it")
                return page

            page = self._get(account, f"/api/v2/{level}.json", params, where, decode)
            yield page
            seen.update(str(item.id) for item in page.items)
            # `count` may be the page's own, so only an empty page is surely the last.
            if not page.items or ((page.count or 0) == offset + len(page.items) and len(page.items) < PAGE_ROWS):
                return
            offset += len(page.items)

    def days(
        self, account: str, level: str, ids: Sequence[str], window: Window, *, where: str
    ) -> Iterator[tuple[str, list[dict[str, Any]] | None]]:
        """(id, its days) by statistics v2; null days: VK refuses to tell of this id."""
        for start in range(0, len(ids), self._ids):
            yield from self._some_days(account, level, ids[start : start + self._ids], window, where)

    def _some_days(
        self, account: str, level: str, ids: Sequence[str], window: Window, where: str
    ) -> Iterator[tuple[str, list[dict[str, Any]] | None]]:
        params = {
            "id": ",".join(ids), "date_from": str(window.first), "date_to": str(window.last), "metrics": "base",
        }

        def decode(body: bytes) -> Statistics:
            told = STATISTICS.decode(body)
            if any(str(item.id) not in ids for item in told.items):
                raise UnreadableBody("statistics of another object")
            if any(item.rows is None for item in told.items):
                raise UnreadableBody("an object without its days")
            rows = [row for item in told.items for row in item.rows or ()]
            check_days(rows, window)
            if self.checks_totals:
                check_total(told.total, rows)
            return told

        path = f"/api/v2/statistics/{level}/day.json"
        try:
            told = self._get(account, path, params, where, decode)
            if not told.items:  # no total to compare with: ask once more before it is believed
                told = self._get(account, path, params, where, decode)
        except IdsRefused:
            if len(ids) == 1:
                yield ids[0], None
                return
            middle = len(ids) // 2
            yield from self._some_days(account, level, ids[:middle], window, where)
            yield from self._some_days(account, level, ids[middle:], window, where)
            return
        for item in told.items:
            yield str(item.id), item.rows or []

    def one_day(
        self, account: str, level: str, day: date, *, where: str
    ) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """(id, its one day) by statistics v3, which may tell sums only: so one day is asked for at a time."""
        seen: set[str] = set()
        offset = 0
        while True:
            params = {
                "date_from": str(day), "date_to": str(day), "fields": "base", "limit": PAGE_ROWS, "offset": offset,
            }

            def decode(body: bytes, offset: int = offset) -> Statistics:
                told = STATISTICS.decode(body)
                if told.offset is not None and told.offset != offset:
                    raise UnreadableBody("a page from another place")
                refuse_no_end(told, offset, seen)
                return told

            path = f"/api/v3/statistics/{level}/day.json"
            told = self._get(account, path, params, where, decode)
            if not told.items and offset == 0:
                told = self._get(account, path, params, where, decode)
            for item in told.items:
                seen.add(str(item.id))
                yield str(item.id), [{"date": str(day), "base": (item.total or {}).get("base")}]
            if not told.items:
                return
            offset += len(told.items)

    def _get(
        self, account: str, path: str, params: Mapping[str, Any], where: str, decode: Callable[[bytes], T]
    ) -> T:
        if account not in self._access:
            self._access[account] = Access(self._context, account, self._clock)
        access = self._access[account]
        token = access.token(where)
        for attempt in range(1, TOKEN_TRIES + 1):
            self._quota.wait(where)
            try:
                answer, value = self._http.exchange(
                    "GET", path, where=where, params=params, headers={"Authorization": f"Bearer {token}"},
                    decode=decode,
                )
            except TokenRefused:
                if attempt == TOKEN_TRIES:
                    raise
                token = access.after(token, where)
            else:
                self._quota.learn(answer.headers)
                return value
        raise AssertionError("unreachable")

    def _classify(self, answer: Answer, where: str) -> ChairsideError | None:
        """VK's statuses and codes in our errors."""
        if 200 <= answer.status < 300:
            return None
        code = code_of(answer.body)
        if answer.status == 401:
            if code in ("invalid_user", "invalid_client", "revoked_token"):
                return AccessRefused(f"{where}: VK refused access ({code}). Check the user and the application.")
            return TokenRefused(f"{where}: VK refuses every token it gives (HTTP 401). Check the application's rights.")
        if answer.status == 429:
            self._quota.learn(answer.headers)
            asked = retry_after(answer.headers)
            return TransientError(
                f"{where}: VK's limit is spent (HTTP 429).", retry_after=asked if asked is not None else
                (self._quota.pause() or None),
            )
        if answer.status in (400, 404) and code in ABOUT_IDS:
            return IdsRefused(f"{where}: VK refused the ids or their number ({code}).")
        if answer.status < 500 and code and _CODE.fullmatch(code):
            return RejectedError(f"{where}: VK refused the request ({code}). See docs/sources/vk_ads.md.")
        return classify_by_status(answer, where)


def days_of(window: Window) -> Iterator[date]:
    """Every day of a window."""
    day = window.first
    while day <= window.last:
        yield day
        day += timedelta(days=1)
