"""`python -m simulators.world export --seed 1 --files <folder> [--all]`"""

from __future__ import annotations

import argparse
import sys
from datetime import date
from pathlib import Path

from simulators.running import SIMULATORS
from simulators.world.build import build_world
from simulators.world.export import write_files


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m simulators.world", description="The invented city as import files."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    export = commands.add_parser("export", help="write what no simulator serves as CSV")
    add_world_arguments(export)
    export.add_argument("--files", type=Path, required=True, help="folder for the CSV files")
    export.add_argument("--all", action="store_true", help="write everything, also what the simulators serve")
    chosen = parser.parse_args(arguments)
    world = build_world(
        chosen.seed, date_from=chosen.date_from, days=chosen.days, clinics=chosen.clinics, scale=chosen.scale
    )
    for kind, count in write_files(world, chosen.files, () if chosen.all else SIMULATORS).items():
        print(f"{kind}: {count} rows")
    return 0


def add_world_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that choose a world, shared with `python -m simulators`."""
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--date-from", type=date.fromisoformat, default=date(2026, 8, 1), help="YYYY-MM-DD")
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--clinics", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0)


if __name__ == "__main__":
    sys.exit(main())
