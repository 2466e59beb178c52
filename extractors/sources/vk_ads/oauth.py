"""VK's tokens: five per application and user, one day each, and a renewed one kills its predecessor at once.

    kept and alive            used
    kept and nearly over      refreshed: that makes no new token, so the five stay untouched
    refused while reading     somebody else may have refreshed it: what is kept now is tried first
    refresh refused, none     a new one by client credentials
    the sixth (HTTP 403)      refused with what to do, or, if the connection names the user, all are deleted first
[ADS_APIS.md §4.1]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from extractors.core.client import api_client
from extractors.core.errors import ChairsideError, ConfigError, RejectedError
from extractors.core.http import Answer, classify_by_status
from extractors.core.spec import Context
from extractors.core.tokens import Pair
from extractors.sources.vk_ads.kept import Place, place_of

TOKEN = "/api/v2/oauth2/token.json"  # noqa: S105 - an address
DELETE = "/api/v2/oauth2/token/delete.json"
# Renewed this long before its end, so that no page of a run meets an expired one.
SPARE = timedelta(minutes=5)
USUAL_LIFE = 86_400.0  # seconds, where the vendor does not say


class AccessRefused(RejectedError):
    """VK does not let this application, user or token in."""


class _Refused(AccessRefused):
    """400 or 401 of the token service."""


class _TooMany(AccessRefused):
    """403 of the token service: five tokens exist."""


class _Given(msgspec.Struct):
    """Numbers come as strings too."""

    access_token: str
    refresh_token: str | None = None
    expires_in: float | None = None


_GIVEN = msgspec.json.Decoder(_Given, strict=False)


def _classify(answer: Answer, where: str) -> ChairsideError | None:
    if answer.status in (400, 401):
        return _Refused(
            f"{where}: VK gives no token (HTTP {answer.status}). Check client_id, client_secret and that the user is "
            "not blocked."
        )
    if answer.status == 403:
        return _TooMany(
            f"{where}: VK gives five tokens per application and user, and five exist (HTTP 403). Name the user in the "
            "setting `token_username` or `token_user_id` to have them deleted, or delete them in the cabinet; keep "
            "`token_file` between runs (docs/sources/vk_ads.md)."
        )
    return classify_by_status(answer, where)


class Access:
    """The token of one account. State: where it is kept."""

    def __init__(
        self, context: Context, account: str, clock: Callable[[], datetime], store: Place | None = None
    ) -> None:
        settings = context.settings
        self._settings = settings
        self._client = {
            "client_id": _credential(settings, "client_id", "login"),
            "client_secret": _credential(settings, "client_secret", "token"),
        }
        self._grant = {"grant_type": "client_credentials"}
        if account:
            self._grant = {"grant_type": "agency_client_credentials", "agency_client_name": account}
        self._clock = clock
        self._store = store or place_of(settings, account)
        self._http = api_client("vk_ads", context, per_second=1.0, classify=_classify)

    def close(self) -> None:
        self._http.close()

    def token(self, where: str) -> str:
        """A token that lives for some minutes yet."""
        kept = self._store.read()  # one that lives is used without the lock
        if kept is not None and self._lives(kept):
            return kept.access_token
        with self._store.turn():
            kept = self._store.read()
            if kept is not None and self._lives(kept):
                return kept.access_token
            return self._renew(kept, where)

    def after(self, refused: str, where: str) -> str:
        """A token instead of one that VK has refused."""
        with self._store.turn():
            kept = self._store.read()
            if kept is not None and kept.access_token != refused and self._lives(kept):
                return kept.access_token
            return self._renew(kept, where)

    def _lives(self, tokens: Pair) -> bool:
        return tokens.expires_at is None or tokens.expires_at - self._clock() > SPARE

    def _renew(self, kept: Pair | None, where: str) -> str:
        given = self._refreshed(kept, where) or self._issued(where)
        life = timedelta(seconds=USUAL_LIFE if given.expires_in is None else given.expires_in)
        refresh = given.refresh_token or (kept.refresh_token if kept else "")
        self._store.write(Pair(given.access_token, refresh, self._clock() + life))
        return given.access_token

    def _refreshed(self, kept: Pair | None, where: str) -> _Given | None:
        if kept is None or not kept.refresh_token:
            return None
        try:
            return self._ask({"grant_type": "refresh_token", "refresh_token": kept.refresh_token}, where)
        except (_Refused, _TooMany):
            return None  # deleted or forgotten: only a new one helps

    def _issued(self, where: str) -> _Given:
        user = {
            name.removeprefix("token_"): str(self._settings[name])
            for name in ("token_username", "token_user_id")
            if self._settings.get(name)
        }
        try:
            return self._ask(self._grant, where)
        except _TooMany:
            if not user:
                raise
        self._http.send("POST", DELETE, where=where, form={**self._client, **user}, decode=lambda body: None)
        return self._ask(self._grant, where)

    def _ask(self, grant: Mapping[str, str], where: str) -> _Given:
        return self._http.send("POST", TOKEN, where=where, form={**self._client, **grant}, decode=_GIVEN.decode)


def _credential(settings: Mapping[str, Any], name: str, field: str) -> str:
    """A setting, or the connection's field that holds it."""
    value = settings.get(name) or settings.get(field)
    if not value:
        raise ConfigError(f"vk_ads: the connection has no `{name}`. See docs/sources/vk_ads.md.")
    return str(value)
