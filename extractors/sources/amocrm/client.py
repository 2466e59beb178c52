"""amoCRM (Kommo abroad) API v4: lists as HAL, 204 for an empty one, a token that may be renewed under way.

Lists of leads and contacts are walked by time and not by page number: while people work, rows change places between
pages, and the one that moves forward is lost. A page number is used only inside one second that holds more rows than a
page [CRM_CALLS_CLINIC_APIS.md §6].
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import msgspec

from extractors.core.client import api_client
from extractors.core.errors import ChairsideError, ConfigError, RejectedError, TransientError
from extractors.core.http import Answer, UnreadableBody, classify_by_status
from extractors.core.settings import required
from extractors.core.spec import Context
from extractors.core.tokens import BearerTokens, Pair, PairFile, expiring

PAGE_ROWS = 250
EVENT_ROWS = 100  # UNCONFIRMED; the setting `events_per_page` overrides it
DOUBTS = 3

T = TypeVar("T")
Params = Mapping[str, Any]


class _Link(msgspec.Struct):
    href: str | None = None


class _Links(msgspec.Struct):
    self: _Link | None = None
    next: _Link | None = None


class Body(msgspec.Struct):
    """A page: rows by the list's name, as they came, and whether another page follows."""

    embedded: dict[str, msgspec.Raw] = msgspec.field(name="_embedded")
    links: _Links | None = msgspec.field(name="_links", default=None)

    @property
    def more(self) -> bool:
        return self.links is not None and self.links.next is not None


class _Stamp(msgspec.Struct):
    id: int | str
    created_at: int = 0
    updated_at: int = 0


class Account(msgspec.Struct):
    currency: str | None = None


_BODY = msgspec.json.Decoder(Body, strict=False)
_STAMPS = msgspec.json.Decoder(list[_Stamp], strict=False)
_ROWS = msgspec.json.Decoder(list[msgspec.Raw])
_ACCOUNT = msgspec.json.Decoder(Account)
NOTHING = Body({})


class AmocrmClient:
    """Asks one account. State: the HTTP session and the token in use."""

    def __init__(self, context: Context) -> None:
        settings = context.settings
        base_url = required(settings, "amocrm", "base_url").rstrip("/").removesuffix("/api/v4")
        # 7 a second are allowed; who is refused often is blocked by address, so the default stays well below.
        self._http = api_client(
            "amocrm", context, base_url=base_url, per_second=5.0, burst=5, classify=expiring(_classify)
        )
        self._settings = settings
        if settings.get("refresh_token"):
            if not settings.get("token_file"):
                raise ConfigError(
                    "amocrm: a refresh token is good for one use, so the next one must be kept: set `token_file` to a "
                    "path that only the loading user reads, or use a long-lived `token` instead."
                )
            self._pairs = PairFile(Path(str(settings["token_file"])))
            kept = self._pairs.read()
            self._tokens = BearerTokens(kept.access_token if kept else settings.get("token"), self._renew)
        else:
            self._tokens = BearerTokens(required(settings, "amocrm", "token"))

    def close(self) -> None:
        self._http.close()

    def account(self, *, where: str) -> Account:
        """The account's own settings."""
        return self._get("/account", {}, where=where, decode=_ACCOUNT.decode)[1]

    def page(
        self, path: str, params: Params, name: str, *, where: str, fits: Callable[[msgspec.Raw], bool] | None = None
    ) -> Body:
        """One page; an empty one for HTTP 204. `fits` refuses rows that cannot answer this very question."""

        def decode(body: bytes) -> Body:
            if not body:
                return NOTHING
            decoded = _BODY.decode(body)
            if not _answers(decoded, params):
                raise UnreadableBody("an answer to another question")
            # An empty list comes as HTTP 204; an answer that does not even name the list says nothing about its rows.
            rows = decoded.embedded.get(name)
            if rows is None:
                raise UnreadableBody(f"there is no list of {name} in it")
            if len(_ROWS.decode(rows)) >= params.get("limit", PAGE_ROWS) and decoded.links is None:
                raise UnreadableBody("a full page that does not say whether another one follows")
            if fits is not None and not fits(rows):
                raise UnreadableBody("rows that were not asked for")
            return decoded

        answer, body = self._get(path, params, where=where, decode=decode)
        if not answer.body and answer.status != 204:
            raise TransientError(f"{where}: the vendor answered nothing at all. Run it again later.")
        return body

    def walk(
        self, path: str, name: str, column: str, first: int, last: int, *, where: str, more: Params | None = None
    ) -> Iterator[msgspec.Raw]:
        """Rows whose `column` (Unix seconds) is within first..last, in its order, each page as it came.

        A row may come twice, where a page ends inside a second.
        """
        since, page, doubts = first, 1, 0
        before: list[str] = []
        while True:
            params = {
                **(more or {}), f"filter[{column}][from]": since, f"filter[{column}][to]": last,
                f"order[{column}]": "asc", "limit": PAGE_ROWS, "page": page,
            }
            body = self.page(
                path, params, name, where=where,
                fits=lambda rows, since=since: all(  # type: ignore[misc]
                    since <= getattr(row, column) <= last for row in _STAMPS.decode(rows)
                ),
            )
            rows = body.embedded.get(name)
            stamps = _STAMPS.decode(rows) if rows is not None else []
            ids = [str(stamp.id) for stamp in stamps]
            if not ids or rows is None:
                if doubts:
                    return
                doubts += 1
                continue
            # A page wholly inside the second from which the next one is asked comes again by right.
            by_right = page == 1 and all(getattr(stamp, column) == since for stamp in stamps)
            if ids == before and not by_right:
                doubts += 1
                if doubts >= DOUBTS:
                    raise TransientError(f"{where}: the vendor repeats a page. Run it again later.")
                continue
            doubts, before = 0, ids
            yield rows
            if not body.more:
                return
            reached = max(getattr(stamp, column) for stamp in stamps)
            if reached > since:
                since, page = reached, 1
            else:
                page += 1

    def paged(self, path: str, name: str, params: Params, *, where: str, rows_each: int) -> Iterator[msgspec.Raw]:
        """Pages of a dictionary, or of events, newest first: what is added meanwhile repeats rows but loses none.

        An empty page, and one that repeats the one before, are asked for again before they are believed.
        """
        page, doubts = 1, 0
        before: list[str] = []
        while True:
            body = self.page(path, {**params, "limit": rows_each, "page": page}, name, where=where)
            rows = body.embedded.get(name)
            ids = [str(stamp.id) for stamp in _STAMPS.decode(rows)] if rows is not None else []
            if not ids or rows is None:
                if doubts:
                    return
                doubts += 1
                continue
            if ids == before:
                doubts += 1
                if doubts >= DOUBTS:
                    raise TransientError(f"{where}: the vendor repeats a page. Run it again later.")
                continue
            doubts, before = 0, ids
            yield rows
            if not body.more:
                return
            page += 1

    def _get(self, path: str, params: Params, *, where: str, decode: Callable[[bytes], T]) -> tuple[Answer, T]:
        return self._tokens.ask(
            lambda headers: self._http.exchange(
                "GET", f"/api/v4{path}", where=where, decode=decode, params=params, headers=headers
            )
        )

    def _renew(self, refused: str | None) -> str:
        """The next access token. Another task may have fetched it already: then it is in the file."""
        with self._pairs.turn():
            kept = self._pairs.read()
            if kept is not None and kept.access_token != refused:
                return kept.access_token
            settings = self._settings
            pair = self._http.send(
                "POST", "/oauth2/access_token", where="amocrm token", decode=msgspec.json.Decoder(Pair).decode,
                json={
                    "client_id": required(settings, "amocrm", "client_id"),
                    "client_secret": required(settings, "amocrm", "client_secret"),
                    "grant_type": "refresh_token",
                    "refresh_token": kept.refresh_token if kept else required(settings, "amocrm", "refresh_token"),
                    "redirect_uri": required(settings, "amocrm", "redirect_uri"),
                },
            )
            self._pairs.write(pair)
            return pair.access_token


def _answers(body: Body, params: Params) -> bool:
    """Whether the page's own address, as far as it repeats the question, repeats this one and not another one: the same
    values, and no filter and order that was not asked for."""
    link = body.links.self if body.links else None
    said = dict(parse_qsl(urlsplit((link.href if link else None) or "").query))
    return all(
        str(params[name]) == value if name in params else not name.startswith(("filter[", "order["))
        for name, value in said.items()
    )


def _classify(answer: Answer, where: str) -> ChairsideError | None:
    if answer.status == 402:
        return RejectedError(f"{where}: the account is not paid (HTTP 402). Renew the subscription at the vendor.")
    if answer.status == 403:
        return RejectedError(
            f"{where}: the vendor refused access (HTTP 403): the token's owner lacks the right, or this address was "
            "blocked for asking too often. Check the rights; lower `requests_per_second` and wait if it is the latter."
        )
    return classify_by_status(answer, where)
