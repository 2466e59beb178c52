"""Whatever ends the owner, everything that it started ends too."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.home import REPOSITORY
from runtime.supervise import guarded, stop_services
from tests.runtime.processes import eventually, processes_of

# Leaves its session, its parent and good manners behind.
STUBBORN = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        open(sys.argv[1] + "/deep", "w").close()
        time.sleep(600)
    os._exit(0)
open(sys.argv[1] + "/ready", "w").close()
time.sleep(600)
"""

OWNER = """
import os, signal, sys
from pathlib import Path
# A suite that runs in the background hands down ignored signals, which the runtime rightly leaves ignored.
signal.signal(signal.SIGINT, signal.SIG_DFL)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from runtime.supervise import guarded, leave_on_signals, supervised
leave_on_signals()
with supervised() as services:
    command = [sys.executable, "-c", Path(sys.argv[2]).read_text(), sys.argv[1]]
    services.append(guarded("stubborn", command, log=Path(sys.argv[1]) / "log", environ=dict(os.environ), grace=0.5))
    services[0].guard.wait()
"""


def started(folder: Path) -> bool:
    return (folder / "ready").exists() and (folder / "deep").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_the_end_of_the_owner_ends_even_stubborn_grandchildren(tmp_path: Path, number: signal.Signals) -> None:
    program = tmp_path / "stubborn.py"
    program.write_text(STUBBORN)
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path), str(program)], cwd=REPOSITORY)
    assert eventually(lambda: started(tmp_path))
    owner.send_signal(number)
    owner.wait()
    assert eventually(lambda: processes_of(tmp_path) == []), processes_of(tmp_path)


def test_a_killed_guard_takes_its_program_along(tmp_path: Path) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("the kernel's help is Linux's own")
    service = guarded(
        "sleeper", ["sleep", f"{600}", str(tmp_path)], log=tmp_path / "log", environ=dict(os.environ)
    )  # fmt: skip
    service.guard.kill()
    service.guard.wait()
    assert eventually(lambda: processes_of(tmp_path) == []), processes_of(tmp_path)


def test_stopping_waits_until_nothing_is_left(tmp_path: Path) -> None:
    service = guarded(
        "stubborn",
        [sys.executable, "-c", STUBBORN, str(tmp_path)],
        log=tmp_path / "log",
        environ=dict(os.environ),
        grace=0.2,
    )
    assert eventually(lambda: started(tmp_path))
    stop_services([service])
    assert processes_of(tmp_path) == []
