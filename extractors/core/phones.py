"""Phone numbers and e-mail addresses in the one form that can be compared.

PostgreSQL cannot parse a phone number, so it is done while loading.
"""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers

_NOT_DIGITS = re.compile(r"[\s()\-.]+")
_RUSSIAN = re.compile(r"^(?:\+7|7|8)?(\d{10})$")


@lru_cache(maxsize=65_536)
def e164(text: str | None, region: str = "RU") -> str | None:
    """`text` as E.164 (`+79000000001`), or null where it is no possible number.

    `region` is the country of numbers without a country code. A SIP address (`sip:74950000001@192.0.2.1`) gives its
    user part. Numbers are only required to be possible, not assigned: call trackers allocate numbers sooner than the
    public numbering plan is updated.
    """
    if not text:
        return None
    cleaned = text.removeprefix("sip:").split("@", 1)[0].split(";", 1)[0]
    cleaned = _NOT_DIGITS.sub("", cleaned)
    if region == "RU" and (match := _RUSSIAN.match(cleaned)):
        return f"+7{match[1]}"  # by far the most common case, and 40 times faster than the general one
    if len(cleaned) == 11 and cleaned.startswith("7") and cleaned.isdigit():
        return f"+{cleaned}"
    try:
        number = phonenumbers.parse(cleaned, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
