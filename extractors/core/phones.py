"""Phone numbers as vendors write them: with or without a plus, inside a SIP address, or not at all."""

from __future__ import annotations

from extractors.phones import to_e164


def e164(text: str | None, region: str = "RU") -> str | None:
    """`text` as E.164 (`+79000000001`), or null where it is no possible number.

    A SIP address (`sip:74950000001@192.0.2.1`) gives its user part. Eleven digits from 7 are a Russian number whatever
    the region: call trackers write numbers without the plus.
    """
    if not text:
        return None
    if region == "RU" and len(text) == 11 and text[0] == "7" and text.isascii() and text.isdigit():
        return f"+{text}"  # nearly every row; the cache below is not filled with a million callers
    number = text.removeprefix("sip:").split("@", 1)[0].split(";", 1)[0]
    if len(number) == 11 and number.startswith("7") and number.isascii() and number.isdigit():
        number = f"+{number}"
    return to_e164(number, region)
