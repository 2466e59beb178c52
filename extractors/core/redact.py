"""Takes secrets and personal data out of text before a person or a log sees it.

Vendors put tokens in the query (Calltouch), in the path (Bitrix24) and in headers; a library's exception prints the
whole address. So every text that came from outside passes through `redact`, and our own messages never hold an
address at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

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
# What may be quoted of a cell: a code of a few signs (`C9`), a word of a program, a day with or without its time.
_NOBODYS_NAME = re.compile(
    r"[A-Z]{0,4}[0-9]{0,6}|[a-z_][a-z0-9_.]*|(?:\d{1,2}[./]\d{1,2}[./]\d{2,4}|\d{4}-\d{1,2}-\d{1,2})(?:[ T][\d:.+-]*)?"
)


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
    return _hide_quoted(text, _IDENTIFIER, lambda _: HIDDEN)


def shape(value: object) -> str:
    """What a value looks like, without saying it: `Anna 8 900` → `xxxx 0 000`; nothing stays nothing."""
    text = "" if value is None else str(value)
    return re.sub(r"\d", "0", re.sub(r"[^\W\d_]", "x", text))[:120]


def by_shape(reason: str) -> str:
    """Why a row was set aside, for a log or a screen: what it quotes of the row by its shape, where that may be
    somebody's name or number. A name gets into any column where a row has one separator too many."""
    return _hide_quoted(redact(reason), _NOBODYS_NAME, shape)


def _hide_quoted(text: str, but: re.Pattern[str], hide: Callable[[str], str]) -> str:
    """What stands in quotation marks hidden, unless all of it matches `but`."""

    def hidden(quoted: re.Match[str]) -> str:
        mark, inside = quoted[0][0], quoted[1] or quoted[2] or ""
        return quoted[0] if but.fullmatch(inside) else f"{mark}{hide(inside)}{mark}"

    return _QUOTED.sub(hidden, text)
