"""`make data-docs`: the rules of both gates with what they find now, as a site."""

from __future__ import annotations

import os
from pathlib import Path

from runtime.home import Home
from runtime.progress import Progress
from runtime.warehouse import filled


def data_docs(home: Home, progress: Progress, out: Path | None) -> int:
    """Ask all rules; nothing is stopped or written in the warehouse. 1 where one with severity `stop` is broken."""
    # Heavy: Great Expectations takes seconds to import.
    from expectations.__main__ import main as ask_by_hand

    folder = (out or home.root / "data_docs").expanduser().resolve()
    with filled(home, os.environ, progress) as warehouse:
        folder.mkdir(parents=True, exist_ok=True)
        progress.say("asking every rule once more; this takes a minute")
        return ask_by_hand(["--url", warehouse, "--docs", str(folder)])
