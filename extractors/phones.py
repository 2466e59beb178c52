"""Phone numbers in the one form that can be compared: E.164.

PostgreSQL cannot parse a phone number, so it is done while loading.
"""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers

# What a spreadsheet makes of a long number that stands in a cell of type "general": 7.9E+10, 7,9E+10, 7.9e10.
# A plain `8E3` is left alone, it may be a text.
_SCIENTIFIC = re.compile(r"[+-]?(?:\d+[.,]\d+[eEеЕ][+]?\d+|\d+[eEеЕ][+]\d+)\Z")
_RUSSIAN = re.compile(r"(?:\+?7|8)?(\d{10})\Z")
_EXTENSION = re.compile(r"\s*(?:,|;|#|доб\.?|вн\.?|ext\.?|x)\s*\d{1,7}\s*\Z", re.IGNORECASE)
_LAYOUT = re.compile(r"[\s()\-.\u2010-\u2015\u200b-\u200f\u202a-\u202e\u2060\ufeff']+")


def is_scientific(text: str) -> bool:
    """Whether a spreadsheet turned a long number into scientific notation; its last digits are lost for good."""
    return _SCIENTIFIC.match(text.strip()) is not None


@lru_cache(maxsize=65_536)
def to_e164(text: str, region: str = "RU") -> str | None:
    """`text` as E.164 (`+79000000001`), or null where it is no possible number.

    `region` is the country (ISO 3166) of numbers without a country code. An extension is dropped. A number need only be
    of a possible length, not assigned: call trackers allocate numbers sooner than the public plan is updated, and
    invented people have phones of fictional ranges. Seven digits without an area code are no number: they would be
    one phone in two cities.
    """
    if is_scientific(text):
        return None
    cleaned = _LAYOUT.sub("", _EXTENSION.sub("", text))
    if region == "RU" and cleaned.isascii() and (match := _RUSSIAN.match(cleaned)):
        return f"+7{match[1]}"  # by far the most common case, and 40 times faster than the general one
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    number.extension = None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
