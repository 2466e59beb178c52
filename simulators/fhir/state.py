"""The server's resources, what was deleted, its searches under way and its tokens."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from simulators.fhir import wire
from simulators.world.model import World

Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class FhirOptions:
    """What servers do differently.

    `largest_page`: rows of a page, whatever is asked. `paging`: a search is frozen when it begins, or each page is
    counted anew. `total`: exact, not said, or a guess that is too high. `history`: deletions are told. `chatter`: a
    remark of the server in every page. `extensions`: how patients learned of the clinic and when they registered.
    `link_host`: what the server calls itself in links (null: as it was called).
    """

    largest_page: int = 100
    paging: Literal["frozen", "counted"] = "frozen"
    total: Literal["accurate", "none", "guess"] = "accurate"
    history: bool = True
    chatter: bool = True
    extensions: bool = False
    link_host: str | None = None


class FhirState:
    """Kind → id → resource. Safe between threads. A test may edit and delete as a clinic would."""

    def __init__(self, world: World, token: str, secret: str, options: FhirOptions) -> None:
        self.world = world
        self.options = options
        self.token = token
        self.secret = secret
        self.resources = wire.resources(world, extensions=options.extensions)
        self.deleted: list[tuple[str, str, datetime]] = []
        self.searches: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._granted = 0

    def remember(self, search: object) -> str:
        """A name for a search under way."""
        with self._lock:
            name = f"search{len(self.searches) + 1:06d}"
            self.searches[name] = search
            return name

    def forget_searches(self) -> None:
        """All next pages expire."""
        with self._lock:
            self.searches = dict.fromkeys(self.searches)

    def grant(self) -> str:
        """Another access token; the one before stops working."""
        with self._lock:
            self._granted += 1
            self.token = f"{self.token.split('.')[0]}.{self._granted}"
            return self.token

    def change(self, kind: str, number: str, at: datetime, **fields: object) -> None:
        """An edit: another version, updated at that moment."""
        resource = self.resources[kind][number]
        version = str(int(resource["meta"]["versionId"]) + 1)
        meta = {"versionId": version, "lastUpdated": wire.instant(at)}
        self.resources[kind][number] = {**resource, **fields, "meta": meta}

    def delete(self, kind: str, number: str, at: datetime) -> None:
        """Gone from searches; the history tells, if it is kept."""
        del self.resources[kind][number]
        self.deleted.append((kind, number, at))
