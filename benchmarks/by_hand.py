"""By hand, as a person with psql could do it: each model's compiled SQL in turn, without dbt and tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from benchmarks.fingerprint import rows_of
from benchmarks.harness import Disagreement
from warehouse.increment.recipe import parents_first


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model and its SQL as PostgreSQL runs it; a seed has none. `part`: what of the work it is, by its folder."""

    name: str
    schema: str
    part: str
    is_view: bool
    query: str | None


def models_of(folder: Path) -> list[Model]:
    """All that dbt built in this folder, parents first."""
    nodes: dict[str, Any] = json.loads((folder / "manifest.json").read_bytes())["nodes"]
    compiled = {path.stem: path for path in (folder / "compiled" / "chairside" / "models").rglob("*.sql")}
    found = []
    for unique_id in parents_first(nodes):
        node = nodes[unique_id]
        if node["resource_type"] in ("seed", "model"):
            # dbt writes relations with their database; a copy of a warehouse has another.
            path, database = compiled.get(node["name"]), f'"{node["database"]}".'
            found.append(
                Model(
                    name=node["name"], schema=node["schema"], part=_part(node["fqn"]),
                    is_view=node["config"]["materialized"] == "view",
                    query=path.read_text(encoding="utf-8").replace(database, "") if path else None,
                )
            )  # fmt: skip
    return found


def _part(fqn: Sequence[str]) -> str:
    match fqn[1:3]:
        case ["intermediate", "people"]:
            return "person graph and persons"
        case ["intermediate", "kinds" | "sources"]:
            return "touchpoints and their sources"
        case ["intermediate", "inquiries"]:
            return "inquiries per person and local day"
        case ["intermediate", "attribution" | "channel_report"]:
            return "conversions, paths and credits"
        case ["intermediate", "sums" | "money"]:
            return "money and daily sums"
        case ["intermediate" | "staging", *_]:
            return "the rest"
    return "marts and reports"


class ByHand:
    """Every model into a schema of its own. `ready`: models that are copied from `build` and not counted."""

    SCHEMA = "hand"

    def __init__(self, pg: psycopg.Connection[Any], models: Sequence[Model], ready: Collection[str] = ()) -> None:
        """`pg`: an autocommit connection; its session runs everything."""
        self._pg, self._models, self._ready = pg, [model for model in models if model.schema == "build"], ready

    def work(self, seconds_of: dict[str, float], clock: Callable[[], float]) -> None:
        """Every model anew. `seconds_of` collects seconds by part of the work."""
        self.drop()
        self._pg.execute(sql.SQL("create schema {}").format(sql.Identifier(self.SCHEMA)))
        self._pg.execute("checkpoint")
        for model in self._models:
            name = sql.Identifier(self.SCHEMA, model.name)
            if model.query is None or model.name in self._ready:
                copied = sql.SQL("create unlogged table {} as table {}")
                self._pg.execute(copied.format(name, sql.Identifier("build", model.name)))
                self._pg.execute(sql.SQL("analyze {}").format(name))
                continue
            # As dbt makes them: out of the log, and the planner learns what is in them.
            head = sql.SQL("create view {} as " if model.is_view else "create unlogged table {} as ").format(name)
            text = model.query.replace('"build".', f'"{self.SCHEMA}".')
            began = clock()
            self._pg.execute((head.as_string(self._pg) + text).encode())
            if not model.is_view:
                self._pg.execute(sql.SQL("analyze {}").format(name))
            seconds_of[model.part] = seconds_of.get(model.part, 0.0) + clock() - began

    @property
    def made(self) -> list[Model]:
        """The tables that are this contestant's own."""
        return [m for m in self._models if not m.is_view and m.query is not None and m.name not in self._ready]

    def agree(self, built: str = "build") -> None:
        """Raises Disagreement where a table made by hand has other rows than the one that dbt built."""
        pairs = [
            (model.name, *(rows_of(self._pg, schema, model.name) for schema in (built, self.SCHEMA)))
            for model in self.made
        ]
        if wrong := [f"{name} ({ours[0]} rows against {theirs[0]})" for name, ours, theirs in pairs if ours != theirs]:
            raise Disagreement(f"built by dbt and by hand differ: {', '.join(wrong)}")

    def drop(self) -> None:
        """Nothing of it stays."""
        self._pg.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(self.SCHEMA)))
