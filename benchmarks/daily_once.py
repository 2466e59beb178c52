"""A daily run called directly: reads what to do from standard input, prints {"seconds": …} in its last line.

Every stream of every vendor, each source's gate, the import files, then the steps of the build, one after another in
one process. Starting Python is not part of it, imports that the work needs are.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any


def main(asked: dict[str, Any]) -> None:
    began = time.perf_counter()
    _work(asked)
    print(json.dumps({"seconds": time.perf_counter() - began}))


def _work(asked: dict[str, Any]) -> None:
    from extractors.core.settings import settings_from_connection
    from extractors.registry import source
    from extractors.run import run_stream
    from warehouse import pipeline

    url, run_id = asked["url"], asked["run_id"]
    for name, days in asked["days"].items():
        settings = settings_from_connection(json.dumps(asked["vendors"][name]))
        first, last = date.fromisoformat(days["date_from"]), date.fromisoformat(days["date_to"])
        for stream in source(name).streams:
            run_stream(
                url, name, stream.name, first, last, settings=settings, run_id=run_id, now=datetime.now(UTC)
            )  # fmt: skip
        pipeline.check_landed(url, run_id=run_id, now=datetime.now(UTC), sources=(name,), say=_silent)
    pipeline.load_files(url, Path(asked["inbox"]), None, run_id=run_id, now=datetime.now(UTC), say=_silent)
    pipeline.check_landed(url, run_id=run_id, now=datetime.now(UTC), sources=("files",), say=_silent)
    pipeline.build_and_publish(url, run_id=run_id, now=datetime.now(UTC), folder=Path(asked["folder"]), say=_silent)


def _silent(_line: str) -> None:
    """Only the last line is read."""


if __name__ == "__main__":
    main(json.load(sys.stdin))
