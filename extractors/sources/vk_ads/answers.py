"""VK's answers as structs, and what in them cannot be an answer to the question."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec

from extractors.core.http import UnreadableBody
from extractors.core.spec import Window


class Said(msgspec.Struct):
    """An error, in the shapes that `code_of` reads."""

    code: str | int | None = None
    error: Any = None


class Object(msgspec.Struct):
    """A campaign or a group as lists tell it."""

    id: int | str
    name: str | None = None
    status: str | None = None


class Objects(msgspec.Struct):
    """A page of a list. `count`: of the whole list, or of the page."""

    items: list[Object]
    count: int | None = None
    offset: int | None = None


class Item(msgspec.Struct):
    """An object's statistics: by day (version 2), or their sum alone (version 3)."""

    id: int | str
    rows: list[dict[str, Any]] | None = None
    total: dict[str, Any] | None = None


class Statistics(msgspec.Struct):
    """A page of statistics; `total` is that of all its items."""

    items: list[Item]
    total: dict[str, Any] | None = None
    offset: int | None = None
    count: int | None = None


class User(msgspec.Struct):
    """Whose token it is."""

    id: int | str | None = None
    currency: str | None = None


OBJECTS = msgspec.json.Decoder(Objects, strict=False)
STATISTICS = msgspec.json.Decoder(Statistics, strict=False)


@dataclass(frozen=True, slots=True)
class AdObject:
    """A campaign (`ad_plan`) or a group of ads."""

    object_id: str
    name: str | None
    status: str | None


def code_of(body: bytes) -> str | None:
    """The word of an error, in any of the three shapes; null for none. Nothing else of the body is ever shown."""
    try:
        said = msgspec.json.decode(body, type=Said)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    error = said.error
    code = error.get("code") if isinstance(error, Mapping) else error if isinstance(error, str) else said.code
    return str(code) if code is not None else None


def refuse_no_end(page: Objects | Statistics, offset: int, seen: Collection[str]) -> None:
    """Raises UnreadableBody for a page of what came before, and for an empty one where more are counted. `count` may be
    the page's own, which is 0 then."""
    if page.items and all(str(item.id) in seen for item in page.items):
        raise UnreadableBody("a page that has come before")
    if not page.items and (page.count or 0) > offset:
        raise UnreadableBody("an empty page before the last")


def decode_user(body: bytes) -> User:
    """Raises msgspec.DecodeError for a body of another shape."""
    return msgspec.json.decode(body, type=User, strict=False)


def check_days(rows: Sequence[Mapping[str, Any]], window: Window) -> None:
    """Raises UnreadableBody for a day that was not asked for; a text that is no day is the row's own trouble."""
    for row in rows:
        with suppress(ValueError):
            if not window.first <= date.fromisoformat(str(row.get("date"))[:10]) <= window.last:
                raise UnreadableBody("a day that was not asked for") from None


def check_total(total: Mapping[str, Any] | None, rows: Sequence[Mapping[str, Any]]) -> None:
    """Compares shows and clicks of the days with the total beside them, where both can be read."""
    base = (total or {}).get("base")
    if not isinstance(base, Mapping):
        return
    for name in ("shows", "clicks"):
        try:
            expected = int(base[name])
            found = sum(int(row["base"][name]) for row in rows)
        except (KeyError, TypeError, ValueError):
            continue
        if found != expected:
            raise UnreadableBody(f"the days' {name} are not their total; `check_totals: false` takes them as they are")
