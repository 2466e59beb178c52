"""Runs one program and takes it down, with all its descendants, when its owner goes.

    python guard.py --stdin       [--stop-signal TERM] [--grace 10] -- program argument…
    python guard.py --lease FILE  [--stop-signal INT]  [--grace 60] -- program argument…

With `--stdin` the owner is whoever holds the other end of the standard input; its death, however it comes, closes the
pipe. With `--lease` the owners are all processes with a shared flock on FILE; the program lives until the last of them
is gone, and newcomers, who take their shared lock first, wait until the stop is complete. The kernel drops both when a
process is killed, so nothing depends on tidy exits.

Standard library only, started with `-I -S`: one such process stands beside each service and costs some 10 MB.
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1  # linux/prctl.h
PR_SET_CHILD_SUBREAPER = 36


class StopAsked(Exception):
    """The owner is gone, or a signal asked for the end."""


def prctl(option: int, value: int) -> None:
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def descendants() -> list[int]:
    """Every living process below this one. On Linux orphans come back to the guard, so none can step aside."""
    children: dict[int, list[int]] = {}
    if sys.platform.startswith("linux"):
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    fields = (entry / "stat").read_text().rpartition(")")[2].split()
                except OSError:
                    continue
                if fields[0] != "Z":
                    children.setdefault(int(fields[1]), []).append(int(entry.name))
    else:
        table = subprocess.run(["ps", "-axo", "ppid=,pid="], capture_output=True, text=True, check=False).stdout
        for line in table.splitlines():
            parent, pid = (int(part) for part in line.split())
            children.setdefault(parent, []).append(pid)
    found: list[int] = []
    queue = [os.getpid()]
    while queue:
        below = children.get(queue.pop(), [])
        found += below
        queue += below
    return found


def signal_all(pids: list[int], number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue


def reap() -> None:
    """Collect the ended ones, so that they do not stay as zombies."""
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                return
        except ChildProcessError:
            return


def wait_for_none(seconds: float) -> bool:
    """True when every descendant has ended within that time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        reap()
        if not descendants():
            return True
        time.sleep(0.05)
    return not descendants()


def stop(pid: int, number: int, grace: float) -> None:
    """Ask the program, then everyone below, then end them."""
    known = descendants()
    signal_all([pid], number)
    if wait_for_none(grace):
        return
    known = sorted({*known, *descendants()})
    signal_all(known, signal.SIGTERM)
    if wait_for_none(2.0):
        return
    while remaining := descendants():
        signal_all(remaining, signal.SIGKILL)
        if wait_for_none(1.0):
            return


def await_owner_gone(lease: str | None) -> None:
    """Blocks until the owner is gone, then tells the main thread."""
    if lease is None:
        while os.read(0, 4096):
            pass
    else:
        # Kept open, and locked, until this process ends: newcomers wait for the complete stop.
        fcntl.flock(os.open(lease, os.O_RDWR | os.O_CREAT, 0o600), fcntl.LOCK_EX)
    os.kill(os.getpid(), signal.SIGTERM)


def on_signal(number: int, _frame: object) -> None:
    signal.signal(number, signal.SIG_IGN)
    raise StopAsked


def main() -> int:
    parser = argparse.ArgumentParser()
    owner = parser.add_mutually_exclusive_group(required=True)
    owner.add_argument("--stdin", action="store_true")
    owner.add_argument("--lease")
    parser.add_argument("--stop-signal", default="TERM")
    parser.add_argument("--grace", type=float, default=10.0, help="seconds between the request and the end")
    parser.add_argument("program", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    number = signal.Signals[f"SIG{options.stop_signal}"]

    prctl(PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        signal.signal(signal.SIGTERM, on_signal)
        signal.signal(signal.SIGINT, on_signal)
        program = subprocess.Popen(
            options.program[1:] if options.program[:1] == ["--"] else options.program,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            # Last resort, where even the guard is killed.
            preexec_fn=lambda: prctl(PR_SET_PDEATHSIG, number),
        )
    except StopAsked:
        return 0
    status = 0
    try:
        threading.Thread(target=await_owner_gone, args=(options.lease,), daemon=True).start()
        status = program.wait()
    except StopAsked:
        pass
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stop(program.pid, number, options.grace)
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    # Straight out: the watching thread may still be blocked in its lock.
    code = main()
    sys.stderr.flush()
    os._exit(code)
