"""What the administrator said, out of a contact's tags; the same convention at every call tracker.

What only the administrator knows travels in tags set by hand, one word each: `group:wants_to_book`, `topic:implants`,
`outcome:booked`, `refusal:price`, `learned:referral_patient` (docs/sources/simulators.md). `patient:open_dental:42`
names a patient by the id of the warehouse, once for each of several booked in one call (RULES section 1).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from extractors.kinds import OUTCOMES, PEOPLE_GROUPS

WORDS = {
    "group": "people_group", "topic": "topic", "outcome": "outcome", "refusal": "refusal_reason",
    "learned": "how_learned",
}
CLOSED_WORDS = {"people_group": PEOPLE_GROUPS, "outcome": OUTCOMES}

# Columns of a landed table, in the order of Said.
SAID_COLUMNS = (
    ("people_group", "text"),
    ("topic", "text"),
    ("outcome", "text"),
    ("refusal_reason", "text"),
    ("how_learned", "text"),
    ("patient_ids", "text[]"),
    ("tags", "text[]"),
)


class Said(NamedTuple):
    """The administrator's words, and all other tags in their order (null if none)."""

    people_group: str | None
    topic: str | None
    outcome: str | None
    refusal_reason: str | None
    how_learned: str | None
    patient_ids: list[str] | None
    tags: list[str] | None


def said(tags: Iterable[tuple[str, bool]]) -> Said:
    """Reads tags given as (name, set by hand). The last word of a kind counts, of patients all. A word
    outside a closed list stays an ordinary tag: a typing error must not cost a call."""
    words: dict[str, str] = {}
    patients: list[str] = []
    others: list[str] = []
    for name, by_hand in tags:
        kind, _, word = name.partition(":")
        column = WORDS.get(kind) if by_hand else None
        word = word.strip()
        if kind == "patient" and by_hand and word:
            patients.append(word)
        elif column and word and (column not in CLOSED_WORDS or word in CLOSED_WORDS[column]):
            words[column] = word
        else:
            others.append(name)
    return Said(
        words.get("people_group"), words.get("topic"), words.get("outcome"), words.get("refusal_reason"),
        words.get("how_learned"), list(dict.fromkeys(patients)) or None, others or None,
    )
