"""Where VK's tokens are kept between runs: they are counted, so every run that asked for one of its own would use up
the five in five days."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

from extractors.core.tokens import Pair, PairFile


class Place(Protocol):
    """A pair of tokens that one reader at a time may renew."""

    def turn(self) -> AbstractContextManager[None]: ...

    def read(self) -> Pair | None: ...

    def write(self, pair: Pair) -> None: ...


class Memory:
    """Tokens of one run. State: the pair."""

    def __init__(self) -> None:
        self._pair: Pair | None = None

    @contextmanager
    def turn(self) -> Iterator[None]:
        yield

    def read(self) -> Pair | None:
        return self._pair

    def write(self, pair: Pair) -> None:
        self._pair = pair


def place_of(settings: Mapping[str, Any], account: str, environment: Mapping[str, str] = os.environ) -> Place:
    """The file of the setting `token_file` (one beside it for each agency client), else one in
    `$CHAIRSIDE_HOME/tokens`, else memory. The same address, application and account share a file."""
    identity = " ".join(str(settings.get(name) or "") for name in ("base_url", "client_id", "login"))
    mark = hashlib.sha256(f"{identity} {account}".encode()).hexdigest()[:16]
    if settings.get("token_file"):
        path = Path(str(settings["token_file"])).expanduser()
        return PairFile(path.with_name(f"{path.name}-{mark}") if account else path)
    home = environment.get("CHAIRSIDE_HOME")
    return PairFile(Path(home) / "tokens" / f"vk_ads-{mark}.json") if home else Memory()
