"""Metabase's REST API: who asks, what the answers mean, and what was changed.

Shapes are those of Metabase's own API pages and source, from version 50 on; it promises no stability between versions,
so an answer of another shape is a PayloadError that says which.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests

from extractors.core.errors import ConfigError, PayloadError, RejectedError, TransientError

SECONDS = 60.0  # of one answer: Metabase tries the new connection before it answers
ATTEMPTS = 4

T = TypeVar("T")


class StaleRevision(Exception):
    """409: somebody else changed the graph since it was read. No failure: read it again and repeat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """An administrator of Metabase: an API key, or user and password. Never shown."""

    api_key: str | None = field(default=None, repr=False)
    user: str | None = None
    password: str | None = field(default=None, repr=False)


def login_from(environ: Mapping[str, str]) -> Login:
    """METABASE_API_KEY, else METABASE_USER and METABASE_PASSWORD. Raises ConfigError."""
    if key := environ.get("METABASE_API_KEY"):
        return Login(api_key=key)
    user, password = environ.get("METABASE_USER"), environ.get("METABASE_PASSWORD")
    if not (user and password):
        raise ConfigError("Set METABASE_API_KEY, or METABASE_USER and METABASE_PASSWORD, of a Metabase administrator")
    return Login(user=user, password=password)


@dataclass(slots=True)
class Metabase:
    """One Metabase. State: the session's header, and the writes that were made, in words."""

    url: str
    sleep: Callable[[float], None] = time.sleep
    changes: list[str] = field(default_factory=list)
    _session: requests.Session = field(default_factory=requests.Session)

    def get(self, path: str, **query: object) -> Any:  # noqa: ANN401 - whatever JSON holds
        """A passing failure is tried again."""
        for attempt in range(1, ATTEMPTS):
            try:
                return self._ask("GET", path, query=query)
            except TransientError:
                self.sleep(2.0**attempt)
        return self._ask("GET", path, query=query)

    def post(self, path: str, body: Mapping[str, Any], change: str = "") -> Any:  # noqa: ANN401
        """Not tried again: nobody knows whether the first was obeyed."""
        return self._written(self._ask("POST", path, body=body), change)

    def put(self, path: str, body: Mapping[str, Any], change: str = "") -> Any:  # noqa: ANN401
        return self._written(self._ask("PUT", path, body=body), change)

    def _written(self, answer: Any, change: str) -> Any:  # noqa: ANN401
        if change:
            self.changes.append(change)
        return answer

    def _ask(
        self, method: str, path: str, *, query: Mapping[str, Any] | None = None, body: Mapping[str, Any] | None = None
    ) -> Any:  # noqa: ANN401
        what = f"Metabase, {method} {path}"
        try:
            answer = self._session.request(
                method, f"{self.url}/api{path}", params=query, json=body, timeout=SECONDS, allow_redirects=False
            )
        except requests.RequestException as error:
            where = urlsplit(self.url)
            raise TransientError(f"{what}: no answer from {where.hostname} ({type(error).__name__})") from None
        if answer.status_code == 409:
            raise StaleRevision
        if answer.status_code in (401, 403):
            raise RejectedError(f"{what}: {answer.status_code}. The login must be an administrator's")
        if answer.status_code >= 500:
            raise TransientError(f"{what}: {answer.status_code}. Look into Metabase's own log")
        if answer.status_code >= 300:
            # The body may repeat what was sent, a password included: only the names of wrong fields are told.
            raise RejectedError(f"{what}: {answer.status_code}{_wrong_fields(answer)}")
        if answer.status_code == 204 or not answer.content:
            return None
        try:
            return answer.json()
        except requests.JSONDecodeError:
            raise PayloadError(f"{what}: the answer is no JSON. Is URL={self.url} a Metabase?") from None


def _wrong_fields(answer: requests.Response) -> str:
    try:
        errors = answer.json().get("errors")
    except (ValueError, AttributeError):
        return ""
    return f": {', '.join(sorted(errors))}" if isinstance(errors, dict) and errors else ""


@contextmanager
def signed_in(url: str, login: Login, *, sleep: Callable[[float], None] = time.sleep) -> Iterator[Metabase]:
    """Metabase as an administrator; a session that was opened is closed again. Raises ConfigError, RejectedError."""
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise ConfigError("URL=https://… of the Metabase to set up is missing")
    metabase = Metabase(url.rstrip("/"), sleep=sleep)
    headers = metabase._session.headers
    properties = expect(metabase.get("/session/properties"), dict, "session/properties")
    if not properties.get("has-user-setup", True):
        raise ConfigError("This Metabase was never set up: open it in a browser once, and make its first user")
    if login.api_key:
        headers["x-api-key"] = login.api_key
    else:
        session = metabase.post("/session", {"username": login.user, "password": login.password})
        headers["X-Metabase-Session"] = str(expect(session, dict, "session")["id"])
    try:
        if not expect(metabase.get("/user/current"), dict, "user/current").get("is_superuser"):
            raise ConfigError("The login is no administrator of Metabase; groups and permissions need one")
        yield metabase
    finally:
        if not login.api_key:
            with suppress(TransientError, RejectedError):  # it ends by itself
                metabase._ask("DELETE", "/session")


def expect(answer: object, kind: type[T], what: str) -> T:
    """The answer, if it is of that kind. Raises PayloadError."""
    if not isinstance(answer, kind):
        raise PayloadError(f"Metabase, {what}: {kind.__name__} was expected, {type(answer).__name__} came")
    return answer


def listed(answer: object, what: str) -> list[dict[str, Any]]:
    """A list, in itself or as `data` of a page. Raises PayloadError."""
    found = answer.get("data") if isinstance(answer, dict) else answer
    return expect(found, list, what)
