"""`make refused`, `make release`, `make discard`: what a gate refused to publish, and what becomes of it."""

from __future__ import annotations

import getpass
import os
import uuid
from datetime import UTC, datetime

from extractors.core.errors import ConfigError
from runtime.home import Home
from runtime.progress import Progress
from runtime.warehouse import filled
from warehouse import pipeline
from warehouse.publish_gate import Refusal, decide, refusals


def show(home: Home, progress: Progress, refused_id: int | None) -> int:
    """Print what waits for a decision, or the refusal of that number. Raises ConfigError where there is none."""
    with filled(home, os.environ, progress) as warehouse:
        found = refusals(warehouse, refused_id)
        if refused_id is not None and not found:
            raise ConfigError(f"There is no refusal {refused_id}. `make refused` shows what waits")
    for refusal in found:
        print("\n".join(refusal.lines()), end="\n\n", flush=True)
    if not found:
        print("No refused publication waits.")
    return 0


def settle(home: Home, progress: Progress, refused_id: int | None, *, why: str, who: str | None, release: bool) -> int:
    """Release (and publish) or discard. Without a number, the one that waits."""
    now = datetime.now(UTC)
    who = who or getpass.getuser()
    with filled(home, os.environ, progress) as warehouse:
        if refused_id is None:
            refused_id = _only(refusals(warehouse)).refused_id
        if release:
            pipeline.release(
                warehouse,
                refused_id,
                who=who,
                why=why,
                run_id=f"release/{now:%Y-%m-%dT%H:%M:%S}/{uuid.uuid4().hex[:8]}",
                now=now,
                folder=home.dbt_target,
                say=progress.say,
            )
        else:
            decide(warehouse, refused_id, who=who, why=why, release=False)
    progress.say(f"refusal {refused_id}: {'released and published' if release else 'discarded'}")
    return 0


def _only(waiting: list[Refusal]) -> Refusal:
    if len(waiting) != 1:
        raise ConfigError("No refused publication waits" if not waiting else "Several wait; name one: ID=<number>")
    return waiting[0]
