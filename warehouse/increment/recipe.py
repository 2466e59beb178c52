"""What a build of a day runs: the SQL that dbt compiled for its target `day`, kept until a file of the project changes.

dbt takes seconds to start and tens of milliseconds for a model, whatever the day brought; its compiled SQL is the same
as yesterday's. So dbt compiles once, and `steps` runs it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from warehouse.dbt import Dbt
from warehouse.increment.plan import ByDay, Plan, read_plan

_DAY = re.compile(r'"day"\.')


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A model and its SQL, which reads the families' rows in schema `day`."""

    model: str
    query: str

    def reading(self, schema: str) -> str:
        """The SQL with the families' rows of another schema: `build` for everybody's, `was` for their old ones."""
        return _DAY.sub(f'"{schema}".', self.query)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Models, parents first, and the tests of their rows: queries that find what is wrong. `parents`: of each model
    those of the stage that it reads, through views too. `by_day`: by name those of which some days are made."""

    models: tuple[Step, ...]
    tests: tuple[Step, ...]
    parents: Mapping[str, frozenset[str]] = field(default_factory=dict)
    by_day: Mapping[str, ByDay] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A build of a day: `before` the families are known, the families' rows as they landed, the `families`, `after` the
    merge."""

    plan: Plan
    before: Stage
    landed: Stage
    families: Stage
    after: Stage

    @property
    def queries(self) -> dict[str, Step]:
        """The families' models by name."""
        return {step.model: step for step in (*self.landed.models, *self.families.models)}


def read_recipe(dbt: Dbt, code: str) -> Recipe:
    """The recipe of this project's files, whose hash is `code`, for this database: kept from before, or compiled now.

    Raises BuildFailed where dbt cannot compile, ConfigError where a model's part makes no sense.
    """
    kept = dbt.folder / "day" / "recipe.json"
    # Compiled SQL names its database.
    code = f"{code} {conninfo_to_dict(dbt.url).get('dbname')}"
    nodes = _read(kept, code)
    if nodes is None:
        dbt.say("build: dbt compiles the models for a day, once until a file of the project changes")
        nodes = _slim(dbt.compile_day()["nodes"], json.loads((dbt.folder / "manifest.json").read_bytes())["nodes"])
        _write(kept, code, nodes)
    return recipe(nodes)


def recipe(nodes: Mapping[str, Any]) -> Recipe:
    """From nodes of dbt's manifest, their SQL compiled for target `day`."""
    plan = read_plan({"nodes": nodes})
    order = {name: place for place, name in enumerate(parents_first(nodes))}
    stages = {name: number for number, stage in enumerate((plan.before, plan.families, plan.after)) for name in stage}
    models: list[list[tuple[int, Step]]] = [[], [], []]
    tests: list[list[Step]] = [[], [], []]
    for unique_id, node in nodes.items():
        if node["resource_type"] == "model" and node["name"] in stages:
            step = Step(model=node["name"], query=node["compiled_code"])
            models[stages[node["name"]]].append((order[unique_id], step))
        elif node["resource_type"] == "test":
            # A test of several models waits for the last of them.
            of = [stages.get(nodes[parent]["name"], -1) for parent in node["depends_on"]["nodes"] if parent in nodes]
            if max(of, default=-1) >= 0:
                tests[max(of)].append(Step(model=node["name"], query=node["compiled_code"]))
    before, families, after = (
        Stage(
            models=tuple(step for _, step in sorted(models[number], key=_place)),
            tests=tuple(tests[number]),
            parents=_parents({step.model for _, step in models[number]}, nodes),
            by_day={by_day.model: by_day for by_day in plan.by_day if stages[by_day.model] == number},
        )
        for number in range(3)
    )
    landed, families = _apart(families)
    return Recipe(plan=plan, before=before, landed=landed, families=families, after=after)


def _apart(stage: Stage) -> tuple[Stage, Stage]:
    """Models that read no other of the stage, and the rest with all its tests."""
    first = {model for model, parents in stage.parents.items() if not parents}
    return (
        Stage(models=tuple(step for step in stage.models if step.model in first), tests=()),
        Stage(
            models=tuple(step for step in stage.models if step.model not in first),
            tests=stage.tests,
            parents={model: parents - first for model, parents in stage.parents.items() if model not in first},
        ),
    )


def _place(numbered: tuple[int, Step]) -> int:
    return numbered[0]


def _parents(names: set[str], nodes: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """Of each of these models those of them that it reads, through others too."""
    found: dict[str, frozenset[str]] = {}
    for unique_id in parents_first(nodes):
        node = nodes[unique_id]
        read = [parent for parent in node["depends_on"].get("nodes", []) if parent in nodes]
        found[unique_id] = frozenset().union(
            *({nodes[parent]["name"]} if nodes[parent]["name"] in names else found[parent] for parent in read)
        )
    return {node["name"]: found[unique_id] for unique_id, node in nodes.items() if node["name"] in names}


def parents_first(nodes: Mapping[str, Any]) -> Iterable[str]:
    """Ids of the nodes of dbt's manifest, each after all that it reads."""
    found: dict[str, None] = {}

    def walk(unique_id: str) -> None:
        if unique_id in nodes and unique_id not in found:
            for parent in nodes[unique_id]["depends_on"].get("nodes", []):
                walk(parent)
            found[unique_id] = None

    for unique_id in nodes:
        walk(unique_id)
    return found


def _slim(nodes: Mapping[str, Any], of_everything: Mapping[str, Any]) -> dict[str, Any]:
    """Of the manifest's megabytes what `recipe` reads. What is a view and what a table: as in a build of everything."""
    return {
        unique_id: {
            "name": node["name"],
            "resource_type": node["resource_type"],
            "depends_on": {"nodes": node["depends_on"].get("nodes", [])},
            "compiled_code": node["compiled_code"],
            "config": {
                "enabled": node["config"]["enabled"],
                "meta": node["config"]["meta"],
                "materialized": of_everything[unique_id]["config"]["materialized"],
            },
        }
        for unique_id, node in nodes.items()
        if node["resource_type"] in ("model", "test")
    }


def _read(kept: Path, code: str) -> dict[str, Any] | None:
    try:
        told = json.loads(kept.read_bytes())
    except (OSError, ValueError):
        # Not there, or cut short by a kill: dbt compiles again.
        return None
    return told["nodes"] if told.get("code") == code else None


def _write(kept: Path, code: str, nodes: Mapping[str, Any]) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps({"code": code, "nodes": nodes}), encoding="utf-8")
