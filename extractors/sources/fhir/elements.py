"""The elements of which FHIR's resources are made, and how each is read: references, concepts, moments, extensions."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal

import msgspec

from extractors.core.spec import Context, RowError
from extractors.core.values import local_time, offset_time, text

REFERENCE = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/.*)?$")
MISSING = frozenset({"", None})


class Meta(msgspec.Struct):
    lastUpdated: str | None = None


class Reference(msgspec.Struct):
    reference: str | None = None


class Coding(msgspec.Struct):
    code: str | None = None
    display: str | None = None


class Concept(msgspec.Struct):
    text: str | None = None
    coding: list[Coding] | None = None


class Money(msgspec.Struct):
    value: Decimal | None = None
    currency: str | None = None


class Quantity(msgspec.Struct):
    value: Decimal | None = None


class Extension(msgspec.Struct):
    url: str | None = None
    valueString: str | None = None
    valueCode: str | None = None
    valueDateTime: str | None = None
    valueDate: str | None = None
    valueReference: Reference | None = None
    valueCodeableConcept: Concept | None = None


Extensions = list[Extension] | None


def target(reference: Reference | None, *kinds: str) -> str | None:
    """Id of the resource that is referred to; null for none, for another kind, and for a nameless one."""
    found = REFERENCE.search((reference.reference or "") if reference else "")
    return found[2] if found and (not kinds or found[1] in kinds) else None


def clinic_of(context: Context, references: list[Reference | None], column: str) -> str:
    """The clinic of the first reference in the setting `clinics` (`Organization/2`, `Location/7`), or of `*`."""
    for reference in references:
        found = REFERENCE.search((reference.reference or "") if reference else "")
        if found and (clinic := context.clinics.get(f"{found[1]}/{found[2]}")):
            return clinic
    return context.clinic("*", column)


def word(concept: Concept | None) -> str | None:
    """What a concept says: the first code, else its text."""
    if concept is None:
        return None
    codes = [code for coding in concept.coding or () if (code := text(coding.code))]
    return codes[0] if codes else text(concept.text)


def phrase(concept: Concept | None) -> str | None:
    """What a concept says to a person: its text, else the first display, else the first code."""
    if concept is None:
        return None
    displays = [found for coding in concept.coding or () if (found := text(coding.display))]
    return text(concept.text) or (displays[0] if displays else word(concept))


def said(extensions: Extensions, context: Context, name: str) -> Extension | None:
    """The extension whose address the setting `extensions` gives for that name."""
    address = (context.settings.get("extensions") or {}).get(name)
    return next((one for one in extensions or () if address and one.url == address), None)


def moment(value: str | None, context: Context, column: str) -> datetime | None:
    """A dateTime: a bare day is its midnight at the clinic; less than a day is refused, for it is in no day."""
    if value in MISSING:
        return None
    assert value is not None  # noqa: S101  for the type checker
    if len(value) < 10:
        raise RowError(column, "the day is missing in it")
    return local_time(value, context.zone, column)


def birthday(value: str | None) -> date | None:
    """A whole date; a birth date known by year or month only is no date."""
    try:
        return date.fromisoformat(value) if value and len(value) == 10 else None
    except ValueError:
        return None


def updated(meta: Meta | None) -> datetime | None:
    return offset_time(meta.lastUpdated, "meta.lastUpdated") if meta else None
