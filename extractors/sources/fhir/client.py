"""A FHIR R4 server: searches as Bundles whose next page is an opaque link [CRM_CALLS_CLINIC_APIS.md §10].

Servers may forget a link between two pages, leave a page empty, guess the total or not say it. So a search is read
again from its beginning where a link is forgotten, and where fewer rows came than an exact total promised.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import msgspec

from extractors.core.client import api_client
from extractors.core.errors import ChairsideError, RejectedError, TransientError
from extractors.core.http import Answer, ApiClient, UnreadableBody, classify_by_status
from extractors.core.settings import number, required
from extractors.core.spec import Context
from extractors.core.tokens import BearerTokens, expiring

READINGS = 3
REPEATS = 3
TRY_AGAIN = {"transient", "throttled", "timeout", "lock-error"}
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

Params = Mapping[str, str | list[str]]
Expected = tuple[str | None, tuple[datetime, datetime] | None]  # kind of the rows and when they were updated, if asked


class Expired(RejectedError):
    """HTTP 404 or 410: what was asked for is not there any more, such as a page of a search."""


class _Link(msgspec.Struct):
    relation: str = ""
    url: str = ""


class _Search(msgspec.Struct):
    mode: str | None = None


class _Request(msgspec.Struct):
    method: str | None = None
    url: str | None = None


class _Response(msgspec.Struct):
    lastModified: str | None = None


NOTHING = msgspec.Raw(b"")


class Entry(msgspec.Struct):
    resource: msgspec.Raw = NOTHING
    search: _Search | None = None
    request: _Request | None = None
    response: _Response | None = None


class Bundle(msgspec.Struct):
    resourceType: str
    total: int | None = None
    link: list[_Link] = []
    entry: list[Entry] = []

    @property
    def next(self) -> str | None:
        return next((link.url for link in self.link if link.relation == "next" and link.url), None)


class _Meta(msgspec.Struct):
    lastUpdated: datetime | None = None


class _Head(msgspec.Struct):
    resourceType: str
    id: str | None = None
    meta: _Meta | None = None


class _Issue(msgspec.Struct):
    code: str = ""


class _Outcome(msgspec.Struct):
    resourceType: str = ""
    issue: list[_Issue] = []


class _Granted(msgspec.Struct):
    access_token: str


_BUNDLE = msgspec.json.Decoder(Bundle)
_HEAD = msgspec.json.Decoder(_Head)
_OUTCOME = msgspec.json.Decoder(_Outcome)


class FhirClient:
    """Asks one server. State: the HTTP session and the token in use."""

    def __init__(self, context: Context) -> None:
        settings = context.settings
        self._context = context
        self._base = required(settings, "fhir", "base_url").rstrip("/")
        # Behind a proxy a server may write its own name into links.
        self._linked = str(settings.get("link_base_url") or self._base).rstrip("/")
        self._rows = int(number(settings, "fhir", "rows_per_page", 100))
        self._trust_total = _true(settings.get("trust_total", True))
        self._filters = _true(settings.get("filters_by_time", True))
        self._http = api_client(
            "fhir", context, per_second=5.0, burst=5, classify=expiring(_classify),
            headers={"Accept": "application/fhir+json"},
        )
        self._tokens = BearerTokens(settings.get("token"), self._granted if settings.get("token_url") else None)

    def close(self) -> None:
        self._http.close()

    def search(
        self, kind: str, params: Params, *, where: str, within: tuple[datetime, datetime] | None = None
    ) -> Iterator[bytes]:
        """Pages of resources of that kind, each a JSON array. A resource may come twice.

        `within`: rows last updated outside these instants (the second excluded) cannot be an answer.
        """
        for reading in range(1, READINGS + 1):
            seen: set[str] = set()
            total: int | None = None
            began = False
            try:
                asked: Params = {**params, "_count": str(self._rows)}
                for bundle in self._pages(f"/{kind}", asked, (kind, within), where=where):
                    began = True
                    kept = _matches(bundle, kind)
                    seen.update(kept)
                    total = bundle.total if bundle.total is not None else total
                    if kept:
                        yield b"[" + b",".join(kept.values()) + b"]"
            except Expired:
                if not began:
                    raise
                if reading == READINGS:
                    raise TransientError(
                        f"{where}: the server forgets the pages of a search before they are read. Run it again later, "
                        "with a larger `rows_per_page`."
                    ) from None
                continue
            if total is None or len(seen) >= total or not self._trust_total:
                return
        raise TransientError(
            f"{where}: the server counts {total} rows and sends {len(seen)}. Run it again later; if its totals are "
            "guesses, set `trust_total` to false."
        )

    def history(self, kind: str, since: str, *, where: str) -> Iterator[list[Entry]]:
        """What happened to resources of that kind, newest first."""
        try:
            asked: Params = {"_since": since, "_count": str(self._rows)}
            for bundle in self._pages(f"/{kind}/_history", asked, (None, None), where=where):
                yield bundle.entry
        except Expired:
            raise RejectedError(
                f"{where}: the server has no history of {kind}. Set `deletions` to `ids`, which compares the lists of "
                "all numbers instead."
            ) from None

    def _pages(
        self, path: str, params: Params, expected: Expected, *, where: str
    ) -> Iterator[Bundle]:
        """Bundles by their links. A page that repeats, and an empty one, are asked for again."""
        asked: Params | None = params
        before: list[bytes] = []
        repeats, doubted = 0, False
        followed: set[str] = set()
        while True:
            bundle = self._get(path, asked, expected, where=where)
            rows = [bytes(entry.resource) for entry in bundle.entry if bytes(entry.resource)]
            if not bundle.entry and not doubted:
                doubted = True
                continue
            if rows and rows == before:
                repeats += 1
                if repeats >= REPEATS:
                    raise TransientError(f"{where}: the server repeats a page. Run it again later.")
                continue
            repeats, doubted, before = 0, False, rows
            yield bundle
            if bundle.next is None:
                return
            path, asked = self._follow(path, bundle.next, where), None
            if path in followed:
                raise TransientError(f"{where}: the server's pages lead in a circle. Run it again later.")
            followed.add(path)

    def _follow(self, path: str, link: str, where: str) -> str:
        """The link as a path under the base address. A link to elsewhere would carry the token away."""
        whole = urljoin(f"{self._linked}{path}", link)
        if urlsplit(whole)[:2] == urlsplit(self._linked)[:2] and whole.startswith(self._linked):
            return whole.removeprefix(self._linked)
        raise RejectedError(
            f"{where}: the next page is at {urlsplit(whole).hostname}, not at the address of the connection. If the "
            "server names itself so, set `link_base_url` to its own address."
        )

    def _get(self, path: str, params: Params | None, expected: Expected, *, where: str) -> Bundle:
        kind, within = expected

        def decode(body: bytes) -> Bundle:
            bundle = _BUNDLE.decode(body)
            if bundle.resourceType != "Bundle":
                raise UnreadableBody(f"a {bundle.resourceType} and no Bundle")
            if kind is not None and not all(_of_kind(entry, kind) for entry in bundle.entry):
                raise UnreadableBody("resources of another kind")
            if within is not None and self._filters and not all(_inside(entry, within) for entry in bundle.entry):
                raise UnreadableBody("rows that were not asked for; see `filters_by_time` in docs/sources/fhir.md")
            return bundle

        return self._tokens.ask(
            lambda headers: _send(self._http, path, params, where=where, decode=decode, headers=headers)
        )

    def _granted(self, refused: str | None) -> str:
        """A new access token by the client's own secret, or by a signed statement (SMART Backend Services)."""
        settings = self._context.settings
        form = {"grant_type": "client_credentials", "scope": str(settings.get("scope") or "system/*.read")}
        if settings.get("private_key"):
            form |= {"client_assertion_type": ASSERTION, "client_assertion": _statement(settings)}
        else:
            form |= {
                "client_id": required(settings, "fhir", "client_id"),
                "client_secret": required(settings, "fhir", "client_secret"),
            }
        client = api_client("fhir", self._context, per_second=1.0, base_url=required(settings, "fhir", "token_url"))
        try:
            return client.send(
                "POST", "", where="fhir token", decode=msgspec.json.Decoder(_Granted).decode, form=form
            ).access_token
        finally:
            client.close()


def _send(http: ApiClient, path: str, params: Params | None, **how: Any) -> Bundle:  # noqa: ANN401
    bundle: Bundle = http.send("GET", path, params=params, **how)
    return bundle


def _true(value: object) -> bool:
    return str(value).lower() not in ("false", "0", "no")


def _inside(entry: Entry, within: tuple[datetime, datetime]) -> bool:
    """Whether a row of the search was updated in that time. Included resources may be of any age."""
    if not bytes(entry.resource) or (entry.search is not None and entry.search.mode not in (None, "match")):
        return True
    meta = _HEAD.decode(entry.resource).meta
    moment = meta.lastUpdated if meta else None
    return moment is None or moment.tzinfo is None or within[0] <= moment < within[1]


def _of_kind(entry: Entry, kind: str) -> bool:
    """Whether a row of the search can be one: included resources and the server's remarks may be of other kinds."""
    if not bytes(entry.resource) or (entry.search is not None and entry.search.mode not in (None, "match")):
        return True
    return _HEAD.decode(entry.resource).resourceType in (kind, "OperationOutcome")


def _matches(bundle: Bundle, kind: str) -> dict[str, bytes]:
    """Resources of that kind by id. Included ones and the server's remarks are no rows of the search."""
    found: dict[str, bytes] = {}
    for entry in bundle.entry:
        if bytes(entry.resource) and (entry.search is None or entry.search.mode in (None, "match")):
            head = _HEAD.decode(entry.resource)
            if head.resourceType == kind:
                found[str(head.id)] = bytes(entry.resource)
    return found


def _statement(settings: Mapping[str, Any]) -> str:
    import jwt  # only servers that want signed statements need it

    now = int(time.time())
    client_id, address = required(settings, "fhir", "client_id"), required(settings, "fhir", "token_url")
    claims = {"iss": client_id, "sub": client_id, "aud": address, "jti": uuid.uuid4().hex, "iat": now, "exp": now + 240}
    headers = {"kid": str(settings["key_id"])} if settings.get("key_id") else None
    algorithm = str(settings.get("key_algorithm") or "RS384")
    return jwt.encode(claims, str(settings["private_key"]), algorithm=algorithm, headers=headers)


def _classify(answer: Answer, where: str) -> ChairsideError | None:
    if 200 <= answer.status < 300:
        return None
    codes: set[str] = set()
    with suppress(msgspec.DecodeError):
        codes = {issue.code for issue in _OUTCOME.decode(answer.body).issue}
    if codes & TRY_AGAIN and answer.status not in (401, 403):
        return TransientError(f"{where}: the server is busy ({', '.join(sorted(codes & TRY_AGAIN))}).")
    if answer.status in (404, 410):
        return Expired(f"{where}: the server has no such address (HTTP {answer.status}). Check the base URL.")
    if answer.status == 501:
        return RejectedError(f"{where}: the server cannot do that (HTTP 501). See docs/sources/fhir.md.")
    return classify_by_status(answer, where)
