"""Runs one stream by hand: python -m extractors <source> <stream> --from 2026-06-01 --to 2026-06-30

Settings come from the environment (`extractors.core.settings`), the warehouse from WAREHOUSE_URL. Exit status: 0 all
went in, 1 the run failed, 2 rows were set aside in staging.rejected_rows, 64 the command is wrong.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

import psycopg

from extractors.core.errors import ChairsideError, ConfigError
from extractors.core.logs import log_to
from extractors.core.settings import settings_from_environment
from extractors.registry import SOURCES
from extractors.run import run_stream


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m extractors", description="Load one stream of one source.")
    parser.add_argument("source", choices=sorted(SOURCES))
    parser.add_argument("stream")
    parser.add_argument("--from", dest="first", type=date.fromisoformat, required=True, help="first day, included")
    parser.add_argument("--to", dest="last", type=date.fromisoformat, required=True, help="last day, included")
    parser.add_argument("--run-id", default=None, help="name of the run in ops.loads")
    try:
        options = parser.parse_args(arguments)
    except SystemExit as stop:
        return 0 if stop.code == 0 else 64
    now = datetime.now(UTC)
    try:
        url = environment.get("WAREHOUSE_URL")
        if not url:
            raise ConfigError("WAREHOUSE_URL is not set; `make url` prints it.")
        result = run_stream(
            url, options.source, options.stream, options.first, options.last,
            settings=settings_from_environment(options.source, environment),
            run_id=options.run_id or f"by-hand-{now:%Y%m%dT%H%M%S}", now=now,
        )
    except ChairsideError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except psycopg.OperationalError as error:
        # Its own text may hold parts of the address.
        told = f"WAREHOUSE_URL: {error.diag.message_primary or 'no connection'}"
        print(f"{told}. See that the server runs and takes that user; `make url` prints it", file=sys.stderr)
        return 1
    except (psycopg.errors.InvalidSchemaName, psycopg.errors.UndefinedTable):
        print("The warehouse has no tables yet: `make load` or `make up` makes them", file=sys.stderr)
        return 1
    print(
        f"{result.source} {result.stream} {result.window_from}..{result.window_to}: {result.rows_read} read, "
        f"{result.rows_written} written, {result.rows_deleted} gone, {result.rows_rejected} rejected"
    )
    return 2 if result.rows_rejected else 0


if __name__ == "__main__":
    log_to(sys.stderr, os.environ)
    sys.exit(main(sys.argv[1:], os.environ))
