"""Bearer tokens that run out under way: one new token per refusal, and a safe place for those that can be used once."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from extractors.core.errors import ChairsideError, ConfigError, RejectedError
from extractors.core.http import Answer, Classify, classify_by_status

T = TypeVar("T")


class AccessExpired(RejectedError):
    """HTTP 401: a new token may help, once."""


def expiring(classify: Classify = classify_by_status) -> Classify:
    """`classify`, with 401 told apart from other refusals."""

    def read(answer: Answer, where: str) -> ChairsideError | None:
        if answer.status == 401:
            return AccessExpired(
                f"{where}: the vendor refused access (HTTP 401). Check the token of the connection and its rights."
            )
        return classify(answer, where)

    return read


class BearerTokens:
    """The token in use. State: it changes when the vendor refuses it and `renew(refused)` gives another.

    Without `renew` a refusal is final.
    """

    def __init__(self, token: str | None, renew: Callable[[str | None], str] | None = None) -> None:
        self._token = token
        self._renew = renew

    def ask(self, request: Callable[[Mapping[str, str]], T]) -> T:
        """`request(headers)` with the token; once more with a new one where the vendor says that it ran out."""
        if self._token is None and self._renew is not None:
            self._token = self._renew(None)
        used = self._token
        try:
            return request(_header(used))
        except AccessExpired:
            if self._renew is None:
                raise
        self._token = self._renew(used)
        return request(_header(self._token))


def _header(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


class Pair(msgspec.Struct, frozen=True):
    """An access token, the refresh token that gives the next pair (empty: none), and when the former ends, if told."""

    access_token: str
    refresh_token: str
    expires_at: datetime | None = None


class PairFile:
    """A pair of tokens in a file that only its owner reads.

    A refresh token is good for one use, so all tasks of a source share one file and take turns by its lock.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def turn(self) -> Iterator[None]:
        """The only reader and writer on this machine until the block ends."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            lock = os.open(self._path.with_name(self._path.name + ".lock"), os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as error:
            raise ConfigError(
                f"The folder of `token_file` cannot be written ({type(error).__name__}). Give it to the loading user."
            ) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def read(self) -> Pair | None:
        """The pair that was kept last; null where none is, or where the file is broken."""
        with suppress(OSError, msgspec.DecodeError):
            return msgspec.json.decode(self._path.read_bytes(), type=Pair)
        return None

    def write(self, pair: Pair) -> None:
        """Whole or not at all: a pair lost half-way could not be asked for again."""
        draft = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        handle = os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.encode(pair))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
