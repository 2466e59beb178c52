"""Taking one person out of any text: logs, exports, old report rows, journals.

Here the person is known in the clear, unlike at landing, so phones are found in any layout and names too.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any

from extractors.core.forgotten import FORGOTTEN
from warehouse.forget_find import Found

# A shorter id (`P1`, `42`) is found in the columns of patients' ids only: in a text it may be anything.
LONG_ID = 5
LAYOUT = r"[\s().\-\u2010-\u2015\u00a0]{0,3}"


class Replacer:
    """Replaces everything that identifies one person, the same value by the same text each time.

    `replacements`: by identifier as it stands in cells. Keys get a new random name when they are first asked for.
    """

    def __init__(self, found: Found, replacements: Mapping[tuple[str, str], str]) -> None:
        self.exact: dict[str, str] = {}
        self.crm = [value for role, value in replacements if role == "crm"]
        self.deals = sorted(found.deals)
        self._loose: dict[str, str] = {}
        patterns: list[str] = []
        for (role, value), text in replacements.items():
            if role == "phone":
                national = value[-10:]
                self._loose[national] = text
                patterns.append(r"(?<!\d)(?:\+?\d{1,3}" + LAYOUT + ")?" + LAYOUT.join(national) + r"(?!\d)")
                continue
            if role == "patient":
                self.exact[value] = text
                self.exact[f"patient:{value}"] = f"patient:{text}"
            if role == "client":
                self.exact[value] = text
                self.exact[f"client:{value}"] = f"client:{text}"
            if role in ("email", "name") or len(value) >= LONG_ID:
                own = value.partition(":")[2] if role == "crm" else value
                if role == "crm" and len(own) < LONG_ID:
                    continue
                self._loose[own.casefold()] = text
                patterns.append(r"(?<!\w)" + r"\s+".join(map(re.escape, own.split())) + r"(?!\w)")
        dates = [written for day in found.birth_dates for written in (f"{day:%Y-%m-%d}", f"{day:%d.%m.%Y}")]
        self._dates = re.compile("|".join(map(re.escape, dates)) or r"(?!)")
        for trace in sorted(found.traces, key=len, reverse=True):
            self._loose[trace.casefold()] = FORGOTTEN
            patterns.append(re.escape(trace))
        for key in found.keys - self.exact.keys():
            self.exact[key] = f"{key.partition(':')[0]}:{FORGOTTEN}-{secrets.token_hex(8)}"
        for key in found.derived:
            kind, colon, name = key.rpartition(":")
            self.exact[key] = f"{kind}{colon}{secrets.token_hex((len(name) + 1) // 2)[: len(name)]}"
        self.keys = sorted(self.exact)
        self.pattern = re.compile("|".join(patterns) or r"(?!)", re.IGNORECASE)
        long_keys = [key for key in self.keys if len(key) > LONG_ID]
        alternatives = "|".join(map(re.escape, long_keys)) or r"(?!)"
        self._keys = re.compile(rf"(?<!\w)(?:{alternatives})(?!\w)")

    def text(self, text: str) -> str:
        """The text without the person."""
        text = self.pattern.sub(self._replacement, text)
        return self._keys.sub(lambda match: self.exact[match[0]], text)

    def lines(self, text: str) -> str:
        """A file's text without the person; from a line that names him his birth date goes too."""
        cleaned = [
            self._dates.sub("", new) if (new := self.text(line)) != line else line
            for line in text.splitlines(keepends=True)
        ]
        return "".join(cleaned)

    def _replacement(self, match: re.Match[str]) -> str:
        found = match[0]
        known = self._loose.get(" ".join(found.casefold().split()))
        return known if known is not None else self._loose[re.sub(r"\D", "", found)[-10:]]

    def value(self, value: Any, *, exactly: bool = False) -> Any:  # noqa: ANN401 - a value of any column
        """A cell without the person. `exactly`: the column holds ids of patients or keys, short ones count too."""
        if isinstance(value, str):
            return self.exact[value] if exactly and value in self.exact else self.text(value)
        if isinstance(value, list):
            return [self.value(one, exactly=exactly) for one in value]
        if isinstance(value, dict):
            return {key: self.value(one, exactly=exactly or is_key(key)) for key, one in value.items()}
        return value

    def server_patterns(self) -> list[str]:
        """Regular expressions that PostgreSQL finds every text with that might change, and some more."""
        parts = []
        for value in self._loose:
            if value.isdigit() and len(value) == 10:
                parts.append("[^0-9]{0,3}".join(value))
            else:
                parts.append(r"\s+".join(re.escape(piece) for piece in value.split()))
        return parts


def is_key(column: str) -> bool:
    """Whether a column holds ids of patients and visitors, or our keys."""
    return "patient_id" in column or "client_id" in column or column.endswith("_key") or column.startswith("identifier")
