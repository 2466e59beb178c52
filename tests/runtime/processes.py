"""Looking at the machine's processes, as a person with `ps` would."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path


def processes_of(folder: Path) -> list[str]:
    """Command lines of living processes that mention a folder, this test's own apart."""
    table = subprocess.run(["ps", "-axo", "pid=,stat=,args="], capture_output=True, text=True, check=True).stdout
    lines = [line.split(None, 2) for line in table.splitlines()]
    return [
        args
        for pid, state, args in (line for line in lines if len(line) == 3)
        if str(folder) in args and int(pid) != os.getpid() and not state.startswith("Z")
    ]


def eventually(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Whether it comes true within that time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return condition()
