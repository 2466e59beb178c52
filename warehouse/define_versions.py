"""Versions of the figures' definitions: what a figure means changes only with a new version and a line that says why.

`_versions.yml` beside the definitions holds, per metric, a line for each version: its number, day, a hash of all that
decides the figure (words, SQL, its sources, parameters), and what changed. A test and `make lint` compare the hashes.

    python -m warehouse.define_versions                     lists what changed without a new version; exit 1 if anything
    python -m warehouse.define_versions --accept "why"      makes a new version of each of these
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import yaml

from warehouse.define import DEFINITIONS_FOLDER, PLACEHOLDER, Definition, read_definitions

VERSIONS = "_versions.yml"
HEADER = (
    "# Versions of each metric: a line for every change of its words or SQL. Written by\n"
    '# `python -m warehouse.define_versions --accept "what changed and why"`.\n'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a metric: its number from 1, the day it was made, the hash of the definition, what changed."""

    number: int
    on: str
    hash: str
    what: str


def read_versions(folder: Path = DEFINITIONS_FOLDER) -> dict[str, tuple[Version, ...]]:
    """Versions by `report.metric`, oldest first; empty where there is no file."""
    path = folder / VERSIONS
    if not path.exists():
        return {}
    said = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    return {
        name: tuple(Version(number=n, on=str(on), hash=text_hash, what=what) for n, on, text_hash, what in lines)
        for name, lines in said.items()
    }


def hashes(definitions: Iterable[Definition]) -> dict[str, str]:
    """The hash of each metric's definition by `report.metric`."""
    return {
        f"{one.report}.{name}": hashlib.sha256(
            json.dumps(_decides(one, name), ensure_ascii=False, sort_keys=True).encode()
        ).hexdigest()[:16]
        for one in definitions
        for name in one.metrics
    }


def changed(definitions: Sequence[Definition], versions: Mapping[str, Sequence[Version]]) -> dict[str, str]:
    """Metrics whose definition is not that of their last version, each with what is wrong."""
    now = hashes(definitions)
    wrong = {
        name: "has no version" if name not in versions else "changed without a new version"
        for name, text_hash in now.items()
        if name not in versions or versions[name][-1].hash != text_hash
    }
    for name, made in versions.items():
        if [one.number for one in made] != list(range(1, len(made) + 1)) or not all(one.what.strip() for one in made):
            wrong[name] = "its versions are not numbered from 1, or one does not say what changed"
    return wrong


def accept(definitions: Sequence[Definition], what: str, on: date, folder: Path = DEFINITIONS_FOLDER) -> list[str]:
    """Make a new version of each changed metric. Returns their names. Versions of metrics that are gone stay."""
    versions = read_versions(folder)
    now = hashes(definitions)
    made = sorted(changed(definitions, versions))
    for name in made:
        earlier = versions.get(name, ())
        new = Version(number=len(earlier) + 1, on=on.isoformat(), hash=now[name], what=what)
        versions[name] = (*earlier, new)
    lines = [
        f"{name}:\n" + "".join(
            f"- {json.dumps([one.number, one.on, one.hash, one.what], ensure_ascii=False)}\n" for one in versions[name]
        )
        for name in sorted(versions)
    ]  # fmt: skip
    (folder / VERSIONS).write_text(HEADER + "".join(lines), encoding="utf-8")
    return made


def _decides(definition: Definition, name: str) -> dict[str, Any]:
    """All that decides the figure and what people are told of it; the example proves it and decides nothing."""
    metric = definition.metrics[name]
    told: dict[str, Any] = {
        "words": [metric.words.en, metric.words.ru],
        "formula": metric.formula,
        "type": metric.type,
        "rows": [metric.each, metric.when, metric.aggregate] if metric.source else None,
        "sources": {one: definition.sources[one] for one in definition.chain(metric.source)} if metric.source else None,
        "terms": {term: _decides(definition, term) for term in metric.terms if term not in (".", name)},
    }
    used = {found for kind, found in PLACEHOLDER.findall(json.dumps(told)) if kind == "p"}
    told["parameters"] = {
        parameter: [one.type, one.default] for parameter, one in definition.parameters.items() if parameter in used
    }
    return told


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m warehouse.define_versions", description=__doc__)
    parser.add_argument("--accept", metavar="WHY", help="make a new version of each changed metric")
    asked = parser.parse_args(arguments)
    definitions = read_definitions()
    if asked.accept:
        for name in accept(definitions, asked.accept, datetime.now(UTC).date()):
            print(f"{name}: new version")
        return 0
    wrong = changed(definitions, read_versions())
    for name, why in sorted(wrong.items()):
        print(f"{name}: {why}")
    if wrong:
        print('A figure means something else now. Say what changed: python -m warehouse.define_versions --accept "…"')
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
