"""Takes secrets and personal data out of text before a person or a log sees it.

Vendors put tokens in the query (Calltouch), in the path (Bitrix24) and in headers; a library's exception prints the
whole address. So every text that came from outside passes through `redact`, and our own messages never hold an
address at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

HIDDEN = "***"

_SECRET_PARAMETER = re.compile(
    r"(?i)\b(clientApiId|access[_-]?token|refresh[_-]?token|api[_-]?key|auth|token|password|secret|client_secret|code)"
    r"(\"?\s*[=:]\s*\"?)([^&\s\"',}]+)"
)
_AUTHORIZATION = re.compile(r"(?i)\b(bearer|basic|odfhir|oauth)\s+\S+")
_BITRIX_WEBHOOK = re.compile(r"(/rest/\d+/)[^/\s?\"']+")
_CREDENTIALS_IN_ADDRESS = re.compile(r"(://)[^/\s@]+@")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
# 10 to 15 digits, with the signs people put between them. Dates and short ids are shorter.
_PHONE = re.compile(r"(?<![\w.])\+?\d(?:[\s()-]{0,2}\d){9,14}(?![\w.])")
# What PostgreSQL says beside its message quotes rows, statements and their values; a quoted word that is no name of a
# table, column or rule may be a value.
_DATABASE_DETAIL = re.compile(r"\b(?:DETAIL|CONTEXT|STATEMENT|QUERY|LINE \d+):[^\n]*(?:\n[ \t]+\^)?")
_QUOTED = re.compile(r"\"([^\"\n]*)\"|(?<!\w)'([^'\n]*)'(?!\w)")
_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_.]*")


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` without the given secret values, credentials, phone numbers and e-mail addresses.

    Long vendor ids look like phones and are hidden too: a message that says less is better than one that says too
    much.
    """
    for secret in sorted((value for value in secrets if len(value) >= 4), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    text = _CREDENTIALS_IN_ADDRESS.sub(rf"\1{HIDDEN}@", text)
    text = _AUTHORIZATION.sub(rf"\1 {HIDDEN}", text)
    text = _SECRET_PARAMETER.sub(rf"\1\2{HIDDEN}", text)
    text = _BITRIX_WEBHOOK.sub(rf"\1{HIDDEN}", text)
    text = _EMAIL.sub("<e-mail>", text)
    return _PHONE.sub("<phone>", text)


def without_rows(text: str, secrets: Iterable[str] = ()) -> str:
    """`redact`, and without what a database or a library quotes of rows: that may be a person's name."""
    text = _DATABASE_DETAIL.sub("", redact(text, secrets))
    return _QUOTED.sub(_hide_unless_identifier, text)


def _hide_unless_identifier(quoted: re.Match[str]) -> str:
    mark, inside = quoted[0][0], quoted[1] or quoted[2] or ""
    return quoted[0] if _IDENTIFIER.fullmatch(inside) else f"{mark}{HIDDEN}{mark}"
