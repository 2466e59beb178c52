"""Google Ads over REST: one query, one answer in batches, and an access token that lives for an hour.

The connection holds a refresh token; access tokens are asked for when needed, a minute before the old one ends, and
once more when the vendor refuses one in the middle of a run. An error stands in an array (searchStream) or alone, and
may follow good batches, so every answer is looked through for one [ADS_APIS.md §2.2, §2.6].
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from extractors.core.client import api_client
from extractors.core.errors import ChairsideError, PayloadError, RejectedError, TransientError
from extractors.core.http import Answer, UnreadableBody, classify_by_status, retry_after
from extractors.core.settings import required
from extractors.core.spec import Context

NAME = "google_ads"
DEFAULT_VERSION = "v26"
TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
SPARE_SECONDS = 60.0  # a token is renewed this much before its end
# A token with these codes is dead or was never good: a new one of the same connection would be refused too.
DEAD_TOKEN = {"OAUTH_TOKEN_REVOKED", "GOOGLE_ACCOUNT_DELETED", "TWO_STEP_VERIFICATION_NOT_ENROLLED",
              "CUSTOMER_NOT_FOUND", "NOT_ADS_USER"}  # fmt: skip
# The day's operations are used up: only the next day helps, so the task gives its slot back.
DAY_USED_UP = {"RESOURCE_EXHAUSTED", "EXCESSIVE_LONG_TERM_QUERY_RESOURCE_CONSUMPTION"}
DAY_PAUSE_SECONDS = 3600.0


class TokenEnded(RejectedError):
    """The access token is not accepted any more; another one may be."""


class _Retry(msgspec.Struct, rename="camel"):
    retry_delay: str | None = None


class _Details(msgspec.Struct, rename="camel"):
    quota_error_details: _Retry | None = None


class _AdsError(msgspec.Struct, rename="camel"):
    error_code: dict[str, str] = {}
    details: _Details | None = None


class _Failure(msgspec.Struct):
    errors: list[_AdsError] = []


class _Error(msgspec.Struct):
    code: int = 0
    status: str = ""
    details: list[_Failure] = []


class _Batch(msgspec.Struct, rename="camel"):
    """A batch of nothing may leave out `results`, but never says nothing at all."""

    results: list[dict[str, Any]] | None = None
    error: _Error | None = None
    field_mask: str | None = None
    request_id: str | None = None
    next_page_token: str | None = None


class _Token(msgspec.Struct):
    access_token: str
    expires_in: float = 3600.0


_BATCHES = msgspec.json.Decoder(list[_Batch])
_BATCH = msgspec.json.Decoder(_Batch)
_TOKEN = msgspec.json.Decoder(_Token, strict=False)


def classify(answer: Answer, where: str) -> ChairsideError | None:
    """Google's statuses and codes in our errors; a good answer may still end in an error."""
    if 200 <= answer.status < 300 and b'"error"' not in answer.body:
        return None
    error = _error(answer.body)
    if error is None:
        return classify_by_status(answer, where)
    failures = [each for failure in error.details for each in failure.errors]
    codes = {code for each in failures for code in each.error_code.values()}
    told = ", ".join(sorted(codes)) or error.status or f"HTTP {answer.status}"
    status = error.code or answer.status
    if status == 401:
        if codes & DEAD_TOKEN:
            return RejectedError(f"{where}: Google refused access ({told}). Make a new refresh token (docs/sources).")
        return TokenEnded(f"{where}: Google refused the access token ({told}). Check the refresh token and its rights.")
    if status == 403:
        return RejectedError(
            f"{where}: Google refused access ({told}). Check the token's user, `login_customer_id` and that the "
            "account is enabled."
        )
    if status == 429:
        asked = DAY_PAUSE_SECONDS if codes & DAY_USED_UP else retry_after(answer.headers)
        waits = [_seconds(each.details) for each in failures if each.details]
        return TransientError(
            f"{where}: Google is asked too often ({told}).",
            retry_after=max((wait for wait in (asked, *waits) if wait is not None), default=None),
        )
    if status >= 499 or status < 400:
        return TransientError(f"{where}: Google failed ({told}).", retry_after=retry_after(answer.headers))
    return RejectedError(f"{where}: Google refused the request ({told}). See docs/sources/google_ads.md.")


def classify_token(answer: Answer, where: str) -> ChairsideError | None:
    """The token's address: 400 and 401 mean that the connection is wrong; the body may repeat secrets."""
    if answer.status in (400, 401, 403):
        return RejectedError(
            f"{where}: Google gives no access token (HTTP {answer.status}). The refresh token ended or was taken back, "
            "or `client_id` and `client_secret` are not its own. Make a new one (docs/sources/google_ads.md)."
        )
    return classify_by_status(answer, where)


def _error(body: bytes) -> _Error | None:
    try:
        batches = _BATCHES.decode(body) if body.lstrip()[:1] == b"[" else [_BATCH.decode(body)]
    except msgspec.DecodeError:
        return None
    return next((batch.error for batch in batches if batch.error is not None), None)


def _seconds(details: _Details) -> float | None:
    """`retryDelay` as protobuf writes it in JSON: `30s`, `1.5s`."""
    text = (details.quota_error_details and details.quota_error_details.retry_delay) or ""
    try:
        return max(0.0, float(text.removesuffix("s")))
    except ValueError:
        return None


class GoogleAdsClient:
    """Asks one connection's accounts. State: the HTTP sessions and the access token."""

    def __init__(self, context: Context, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        settings = context.settings
        self._monotonic = monotonic
        self._version = str(settings.get("api_version") or DEFAULT_VERSION)
        self._grant = {
            "grant_type": "refresh_token",
            "client_id": required(settings, NAME, "client_id"),
            "client_secret": required(settings, NAME, "client_secret"),
            "refresh_token": str(settings.get("refresh_token") or required(settings, NAME, "token")),
        }
        self._access_token = ""
        self._ends_at = 0.0
        headers = {}
        if settings.get("developer_token"):
            headers["developer-token"] = str(settings["developer_token"])
        if settings.get("login_customer_id"):
            headers["login-customer-id"] = str(settings["login_customer_id"]).replace("-", "")
        self._http = api_client(NAME, context, per_second=2.0, burst=5, headers=headers, classify=classify)
        self._tokens = api_client(
            NAME, context, per_second=1.0, classify=classify_token,
            base_url=str(settings.get("token_url") or TOKEN_URL),
        )

    def close(self) -> None:
        self._http.close()
        self._tokens.close()

    def search(
        self, customer: str, query: str, *, where: str, asked: Callable[[Mapping[str, Any]], bool]
    ) -> Iterator[Sequence[Mapping[str, Any]]]:
        """Rows of a query, batch by batch, after the whole answer was read.

        An empty answer is asked for twice. An answer with a row that `asked` does not know is taken for a wrong one
        and asked for again, three times at most; then PayloadError.
        """

        def decode(body: bytes) -> list[_Batch]:
            batches = _batches(body)
            if not all(asked(row) for batch in batches for row in batch.results or ()):
                raise UnreadableBody("rows that were not asked for")
            return batches

        batches = self._ask(customer, query, where, decode)
        if not any(batch.results for batch in batches):
            batches = self._ask(customer, query, where, decode)
        return (batch.results or [] for batch in batches)

    def _ask(self, customer: str, query: str, where: str, decode: Callable[[bytes], list[_Batch]]) -> list[_Batch]:
        try:
            return self._ask_once(customer, query, where, decode)
        except TokenEnded:
            # Ended in the middle of the run. One new token, and if that is refused as well, the connection is wrong.
            self._ends_at = 0.0
            return self._ask_once(customer, query, where, decode)

    def _ask_once(
        self, customer: str, query: str, where: str, decode: Callable[[bytes], list[_Batch]]
    ) -> list[_Batch]:
        return self._http.send(
            "POST", f"/{self._version}/customers/{customer}/googleAds:searchStream", where=where,
            json={"query": query}, headers={"Authorization": f"Bearer {self._token(where)}"}, decode=decode,
        )

    def _token(self, where: str) -> str:
        if self._monotonic() >= self._ends_at:
            token = self._tokens.send("POST", "", where=f"{where} token", form=self._grant, decode=_decode_token)
            if not token.access_token:
                raise PayloadError(f"{where}: Google's answer holds an empty access token.")
            self._access_token = token.access_token
            self._ends_at = self._monotonic() + max(0.0, token.expires_in - SPARE_SECONDS)
        return self._access_token


def _batches(body: bytes) -> list[_Batch]:
    """The batches; an object alone is one batch (`googleAds:search` answers so). A stream has no further pages."""
    batches = [_BATCH.decode(body)] if body.lstrip()[:1] == b"{" else _BATCHES.decode(body)
    for batch in batches:
        if batch.results is None and batch.field_mask is None and batch.request_id is None:
            raise UnreadableBody("no batch of results")
        if batch.next_page_token:
            raise UnreadableBody("a page that says that more follow")
    return batches


def _decode_token(body: bytes) -> _Token:
    try:
        return _TOKEN.decode(body)
    except msgspec.DecodeError:
        pass
    raise UnreadableBody("no access token in it")  # the library's text is not shown: this body holds secrets
