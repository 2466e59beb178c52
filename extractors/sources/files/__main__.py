"""Load a folder of import files by hand and print what happened: python -m extractors.sources.files <folder> --url …"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from extractors.core.errors import ChairsideError
from extractors.sources.files.load import load_inbox


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0 only if everything went in, or is in staging.rejected_rows."""
    parser = argparse.ArgumentParser(prog="python -m extractors.sources.files", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder with the import files")
    parser.add_argument("--url", default=os.environ.get("WAREHOUSE_URL"), help="warehouse, postgresql://…")
    parser.add_argument("--mapping", type=Path, help="mapping of somebody's own files (default: mapping.yml there)")
    given = parser.parse_args(arguments)
    if not given.url:
        parser.error("say --url, or set WAREHOUSE_URL")
    now = datetime.now(UTC)
    try:
        summary = load_inbox(
            given.url, given.folder, mapping=given.mapping, run_id=f"manual__{now:%Y%m%dT%H%M%S.%f}", now=now
        )
    except ChairsideError as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(summary.lines()))
    return 0 if summary.ok else 1


if __name__ == "__main__":
    sys.exit(main())
