"""Processes that end when their owner ends, whatever ends it. See `guard.py` for how."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

GUARD = Path(__file__).with_name("guard.py")
START_SECONDS = 180.0  # Airflow: 20 s on two idle cores; slow machines get their time


class ProcessFailed(Exception):
    """A process that should be running has ended, or did not come up. The text names its log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A guarded process. `guard` is its guard; the program itself is the guard's child."""

    name: str
    guard: subprocess.Popen[bytes]
    log: Path

    def running(self) -> bool:
        return self.guard.poll() is None

    def last_lines(self, count: int = 12) -> str:
        """The end of its log, for a person."""
        with suppress(OSError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])
        return ""


def guarded(
    name: str,
    command: Sequence[str | Path],
    *,
    log: Path,
    environ: Mapping[str, str],
    lease: Path | None = None,
    stop_signal: str = "TERM",
    grace: float = 10.0,
    cwd: Path | None = None,
) -> Service:
    """Start a program under a guard. Without a lease it lives as long as this process keeps its `guard.stdin`."""
    owner: list[str | Path] = ["--stdin"] if lease is None else ["--lease", lease]
    owner += ["--stop-signal", stop_signal, "--grace", str(grace)]
    with log.open("ab") as output:
        guard = subprocess.Popen(
            [sys.executable, "-I", "-S", GUARD, *owner, "--", *command],
            stdin=subprocess.PIPE if lease is None else subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(environ),
            cwd=cwd,
            # Ctrl-C at the terminal reaches the owner alone, who then stops things in order.
            start_new_session=True,
        )
    return Service(name=name, guard=guard, log=log)


def stop_services(services: Sequence[Service]) -> None:
    """Stop them at once and wait until nothing of them is left."""
    for service in services:
        if service.guard.stdin is not None:
            service.guard.stdin.close()
        else:
            service.guard.terminate()
    for service in services:
        service.guard.wait()


@contextmanager
def supervised() -> Iterator[list[Service]]:
    """A list to put services in; all of them are stopped at the end."""
    services: list[Service] = []
    try:
        yield services
    finally:
        stop_services(services)


def wait_until(
    condition: Callable[[], bool], services: Sequence[Service], what: str, seconds: float = START_SECONDS
) -> None:
    """Wait, as long as every process lives. Raises ProcessFailed with the end of the log of the one that died."""
    deadline = time.monotonic() + seconds
    while not condition():
        for service in services:
            if not service.running():
                raise ProcessFailed(f"{service.name} ended. The end of {service.log}:\n{service.last_lines()}")
        if time.monotonic() > deadline:
            raise ProcessFailed(f"{what} took more than {seconds:.0f} s; see the logs in {services[0].log.parent}")
        time.sleep(0.3)


def free_port() -> int:
    """A port of the loopback that nobody listens on now. Another may take it before use: callers try again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def remembered_port(remembered: object) -> int:
    """The port of last time where it is still free, else another."""
    return remembered if isinstance(remembered, int) and is_free(remembered) else free_port()


def leave_on_signals() -> None:
    """SIGTERM and SIGHUP unwind the program as Ctrl-C does, so that everything started is stopped."""

    def leave(number: int, _frame: FrameType | None) -> NoReturn:
        # A second request must not interrupt the tidying that the first began.
        for each in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(each, signal.SIG_IGN)
        raise SystemExit(128 + number)

    for each in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        if signal.getsignal(each) is not signal.SIG_IGN or each == signal.SIGTERM:
            signal.signal(each, leave)


def leave_with_parent() -> None:
    """Ask this process to end once the process that started it is gone (`make` was killed)."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True, name="parent-watch").start()
