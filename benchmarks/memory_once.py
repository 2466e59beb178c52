"""One step in a process of its own, so that its memory is its own: `python -m benchmarks.memory_once <url> <folder>
<build or publish> <day>` prints {"seconds": …, "peak_mb": …} in its last line."""

from __future__ import annotations

import json
import sys
import time
from datetime import timedelta
from pathlib import Path

from benchmarks.build import BEGAN
from benchmarks.peak import peak_megabytes
from warehouse import pipeline


def main(url: str, folder: str, step: str, day: str) -> None:
    now, run_id = BEGAN + timedelta(days=int(day)), f"day {day}"
    began = time.perf_counter()
    if step == "build":
        pipeline.build(url, run_id=run_id, as_of=now, folder=Path(folder), say=_silent)
    else:
        pipeline.publish(url, run_id=run_id, now=now, folder=Path(folder), say=_silent)
    told = {
        "seconds": time.perf_counter() - began,
        "peak_mb": peak_megabytes(),
    }
    print(json.dumps(told))


def _silent(_line: str) -> None:
    """Only the last line is read."""


if __name__ == "__main__":
    main(*sys.argv[1:])
