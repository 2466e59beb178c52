"""Lines that say what is being done, with the seconds since the command began. The same at a terminal and in a log.

`CHAIRSIDE_LOG_FORMAT=json` makes each a JSON object, as extractors/core/logs.py has them.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TextIO

from extractors.core.logs import line


class Progress:
    """Prints one line per event to the error stream, so that a command's own output can be piped."""

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, out: TextIO | None = None, as_json: bool = False
    ) -> None:
        self._clock = clock
        self._started = clock()
        self._out = out
        self._as_json = as_json
        self._turn = threading.Lock()

    def say(self, text: str) -> None:
        out = self._out or sys.stderr
        seconds = self._clock() - self._started
        with self._turn:
            if self._as_json:
                at = datetime.now(UTC)
                out.write(line(text, at=at, level="info", logger="runtime", seconds=round(seconds, 1)) + "\n")
            else:
                out.writelines(f"[{seconds:6.1f} s] {said}\n" for said in text.splitlines() or [""])
            out.flush()


def text_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in plain text: numbers to the right, nulls as a dash."""
    cells = [["–" if value is None else str(value) for value in row] for row in rows]
    raw = [list(row) for row in rows] if isinstance(rows, list) else cells
    widths = [max([len(name), *(len(row[i]) for row in cells)]) for i, name in enumerate(columns)]
    right = [bool(raw) and all(_is_number(row[i]) for row in raw) for i in range(len(columns))]

    def line(values: Sequence[str]) -> str:
        parts = [v.rjust(w) if r else v.ljust(w) for v, w, r in zip(values, widths, right, strict=True)]
        return "  ".join(parts).rstrip()

    rule = "  ".join("─" * width for width in widths)
    return "\n".join([line(list(columns)), rule, *(line(row) for row in cells)])


def _is_number(value: object) -> bool:
    return value is None or (not isinstance(value, (str, bool)) and hasattr(value, "__round__"))
