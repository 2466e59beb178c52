"""dbt's own log without the rows that a database quotes when it refuses something.

dbt writes what PostgreSQL said as it came, with the failing row; there is no setting against it. A build that goes well
quotes nothing, so only a failed one is looked through.
"""

from __future__ import annotations

import re
from pathlib import Path

from extractors.core.redact import without_rows

# From what PostgreSQL says beside its message to the next record of the log, or to dbt's own last words of this one.
_BESIDE = re.compile(
    r"^[ \t]*(?:DETAIL|CONTEXT|QUERY|STATEMENT|LINE \d+):.*\n"
    r"(?:(?!\S*\d\d:\d\d:\d\d|[ \t]*(?:compiled code at|HINT:)).*\n)*",
    re.MULTILINE,
)


def clean_logs(work_folder: Path) -> None:
    """Take rows, people and credentials out of dbt's logs in this folder. dbt may write on: it does so at their end."""
    for log in sorted((*work_folder.glob("dbt.log*"), *work_folder.glob("day/dbt.log*"))):
        with log.open("r+", encoding="utf-8", errors="replace") as file:
            text = file.read()
            clean = without_rows(_BESIDE.sub("", text))
            if clean != text:
                file.seek(0)
                file.write(clean)
                file.truncate()
