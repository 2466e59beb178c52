"""`make forget`: one person out of the warehouse and this home's files, and the act of it."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from runtime.backup import keep_list
from runtime.home import Home
from runtime.progress import Progress
from runtime.warehouse import databases
from warehouse.forget import REASON
from warehouse.forget import forget as forget_person
from warehouse.migrate import migrate


def forget(home: Home, progress: Progress, person: str, operator: str | None, reason: str | None) -> int:
    """Forget; 0 unless somebody must look at something. The act is printed and kept in the home. Raises ConfigError."""
    with databases(home, os.environ, progress) as urls:
        migrate(urls.warehouse)
        try:
            done = forget_person(
                urls.warehouse, person, now=datetime.now(UTC), home=home.root, operator=operator,
                reason=reason or REASON, say=progress.say,
            )  # fmt: skip
        finally:
            # Also where the rest failed: who is on the list by then must not come back with a backup.
            lists = keep_list(home, urls.warehouse)
    acts = home.root / "acts"
    acts.mkdir(mode=0o700, exist_ok=True)
    kept = acts / f"act_{done.person_number}.txt"
    kept.write_text(done.act + "\n", encoding="utf-8")
    print(done.act, flush=True)
    progress.say(f"kept in {kept}")
    for listed in lists:
        progress.say(f"on the list {listed}, so that no restored backup brings the person back")
    for file in done.doubtful_files:
        progress.say(f"LOOK AT {file.path}: {file.what}")
    for table in done.unfreed_tables:
        progress.say(f"LOOK AT {table}: old rows still lie on disk. Make room, then: vacuum (full, analyze) {table}")
    return 1 if done.doubtful_files or done.unfreed_tables else 0
