"""Lines that say what is being done, with the seconds since the command began. The same at a terminal and in a log."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TextIO


class Progress:
    """Prints one line per event to the error stream, so that a command's own output can be piped."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, out: TextIO | None = None) -> None:
        self._clock = clock
        self._started = clock()
        self._out = out
        self._turn = threading.Lock()

    def say(self, text: str) -> None:
        out = self._out or sys.stderr
        elapsed = f"{self._clock() - self._started:6.1f} s"
        with self._turn:
            out.writelines(f"[{elapsed}] {line}\n" for line in text.splitlines() or [""])
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
