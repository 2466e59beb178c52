"""One load in a process of its own, so that its memory is its own: `python -m benchmarks.load_once <url> <stream>
<pages>` prints {"seconds": …, "cpu_seconds": …, "peak_mb": …, "written": …}. Starting Python is not part of either
seconds; the CPU's are those of this process, without the server."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime

from benchmarks.calls import SETTINGS, SOURCE, WINDOW
from benchmarks.peak import peak_megabytes
from extractors import registry
from extractors.run import run_stream


def main(url: str, stream: str, pages: str) -> None:
    registry.SOURCES["bench"] = SOURCE
    began, spent = time.perf_counter(), time.process_time()
    result = run_stream(
        url, "bench", stream, WINDOW.first, WINDOW.last, settings={**SETTINGS, "pages": pages}, run_id="bench",
        now=datetime.now(UTC),
    )
    told = {
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - spent,
        "peak_mb": peak_megabytes(),
        "written": result.rows_written,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
