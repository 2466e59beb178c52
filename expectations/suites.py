"""Which suites a gate asks: every file beside this one that has a SUITE, by its name.

Rules about tables of `staging` belong to the gate of landed rows, all others to the gate of marts.
"""

from __future__ import annotations

import importlib
import re
from pathlib import Path

from expectations.rule import Rule

# Read before imported: importing what asks (Great Expectations) is slow and not needed to name the rules.
HAS_SUITE = re.compile(r"^SUITE\b", re.MULTILINE)


def all_suites() -> dict[str, tuple[Rule, ...]]:
    """Every suite by the name of its file, sorted. An import that fails is raised."""
    names = sorted(
        path.stem for path in Path(__file__).parent.glob("*.py") if HAS_SUITE.search(path.read_text(encoding="utf-8"))
    )
    return {name: importlib.import_module(f"expectations.{name}").SUITE for name in names}


def is_landed(suite: tuple[Rule, ...]) -> bool:
    """Whether its rules are about landed rows."""
    return all(rule.table.startswith("staging.") for rule in suite)


SUITES = all_suites()
LANDED: dict[str, tuple[Rule, ...]] = {name: suite for name, suite in SUITES.items() if is_landed(suite)}
MARTS: dict[str, tuple[Rule, ...]] = {name: suite for name, suite in SUITES.items() if not is_landed(suite)}
