"""Which keys a window changed, for the next step: it need not look at the rows that said the same.

Kept packed, one row of `ops.window_changes` per window and kind of change; `ops.changed_keys` shows one row per key.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
import psycopg

from extractors.core.spec import StreamSpec, Window

Change = Literal["written", "deleted"]

# Beyond that a window is told as a whole: reading it anew costs the next step less than a list of its keys.
LONGEST_LIST = 20_000
KEPT = timedelta(days=35)  # who has not looked for so long reads everything anew


class Changes:
    """Keys that one window wrote or deleted. State: it grows until the window is written."""

    def __init__(self, spec: StreamSpec, window: Window) -> None:
        self._spec = spec
        self._window = window
        self._keys: dict[Change, list[tuple[Any, ...]]] = {"written": [], "deleted": []}
        self._everything = False

    def add(self, change: Change, keys: Sequence[tuple[Any, ...]]) -> None:
        """Keys that a statement wrote or deleted."""
        if self._everything:
            return
        self._keys[change] += keys
        if sum(map(len, self._keys.values())) > LONGEST_LIST:
            self.everything()

    def everything(self) -> None:
        """So much changed that the window is told as a whole."""
        self._everything = True
        self._keys = {"written": [], "deleted": []}

    def note(self, cursor: psycopg.Cursor[Any], *, run_id: str, now: datetime) -> None:
        """Write them down, and forget what is older than KEPT. Part of the window's transaction."""
        spec, window = self._spec, self._window
        told = [(change, msgspec.json.encode(keys).decode()) for change, keys in self._keys.items() if keys]
        if self._everything:
            told = [("whole window", None)]  # type: ignore[list-item]
        for change, keys in told:
            cursor.execute(
                "insert into ops.window_changes"
                " (source, stream, run_id, window_from, window_to, changed_at, change, keys)"
                " values (%s, %s, %s, %s, %s, %s, %s, %s)",
                (spec.source, spec.name, run_id, window.first, window.last, now, change, keys),
            )
        if told:
            cursor.execute(
                "delete from ops.window_changes where source = %s and stream = %s and changed_at < %s",
                (spec.source, spec.name, now - KEPT),
            )
