"""What the administrator said, out of a contact's tags.

What only the administrator knows travels in tags of type MANUAL, one word each: `group:wants_to_book`,
`topic:implants`, `outcome:booked`, `refusal:price`, `learned:referral_patient` (docs/sources/calltouch.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from extractors.kinds import OUTCOMES, PEOPLE_GROUPS

CALLBACK_TAG = "Обратный звонок с формы"
WORDS = {
    "group": "people_group", "topic": "topic", "outcome": "outcome", "refusal": "refusal_reason",
    "learned": "how_learned",
}
CLOSED_WORDS = {"people_group": PEOPLE_GROUPS, "outcome": OUTCOMES}


class Tag(msgspec.Struct):
    names: list[str] | None = None
    type: str | None = None


class Said(NamedTuple):
    """What the tags say: the administrator's words, the other tags, and whether a callback was ordered."""

    people_group: str | None
    topic: str | None
    outcome: str | None
    refusal_reason: str | None
    how_learned: str | None
    tags: list[str] | None
    callback: bool


def said(tags: Sequence[Tag] | None) -> Said:
    """Reads the tags. A word outside a closed list stays an ordinary tag: a typing error must not cost a call."""
    words: dict[str, str] = {}
    others: list[str] = []
    callback = False
    for tag in tags or ():
        for name in tag.names or ():
            kind, _, word = name.partition(":")
            column = WORDS.get(kind) if tag.type == "MANUAL" else None
            word = word.strip()
            if column and word and (column not in CLOSED_WORDS or word in CLOSED_WORDS[column]):
                words[column] = word
                continue
            callback = callback or (tag.type == "AUTO-CT" and name == CALLBACK_TAG)
            others.append(name)
    return Said(
        people_group=words.get("people_group"),
        topic=words.get("topic"),
        outcome=words.get("outcome"),
        refusal_reason=words.get("refusal_reason"),
        how_learned=words.get("how_learned"),
        tags=others or None,
        callback=callback,
    )
