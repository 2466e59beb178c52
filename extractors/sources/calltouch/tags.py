"""Calltouch's tags: blocks of names, `MANUAL` for those that people set."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from extractors.core.said import Said, said

CALLBACK_TAG = "Обратный звонок с формы"


class Tag(msgspec.Struct):
    names: list[str] | None = None
    type: str | None = None


def said_in(tags: Sequence[Tag] | None) -> Said:
    """What the administrator said, and the other tags of every type."""
    return said((name, tag.type == "MANUAL") for tag in tags or () for name in tag.names or ())


def callback_ordered(tags: Sequence[Tag] | None) -> bool:
    """Whether a widget made the request."""
    return any(tag.type == "AUTO-CT" and CALLBACK_TAG in (tag.names or ()) for tag in tags or ())
