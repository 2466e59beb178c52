"""`python -m simulators --seed 1 --date-from 2026-08-01 --days 90 --state <file>`: serve until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path

from simulators.faults import Faults
from simulators.running import Simulators, quick_options
from simulators.world import build_world
from simulators.world.__main__ import add_world_arguments


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m simulators", description="The vendors of the invented city.")
    add_world_arguments(parser)
    parser.add_argument("--state", type=Path, help="JSON file with addresses and settings, written when all serve")
    parser.add_argument("--quick", action="store_true", help="no quotas, no waiting for reports")
    parser.add_argument("--listen", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--known-as", default="127.0.0.1", help="name by which others reach this machine")
    chosen = parser.parse_args(arguments)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    world = build_world(
        chosen.seed, date_from=chosen.date_from, days=chosen.days, clinics=chosen.clinics, scale=chosen.scale
    )
    options = quick_options() if chosen.quick else None
    simulators = Simulators(world, Faults(), options, listen=chosen.listen, known_as=chosen.known_as)
    simulators.start()
    text = json.dumps(simulators.endpoints, ensure_ascii=False, indent=2)
    if chosen.state is not None:
        write_atomically(chosen.state, text + "\n")
    print(text, flush=True)
    stopped.wait()
    simulators.stop()
    return 0


def write_atomically(path: Path, text: str) -> None:
    """A reader sees the whole file or none; others on the machine see nothing of it (it holds keys)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


if __name__ == "__main__":
    sys.exit(main())
