"""How each model takes part in a build of a day, read from `meta.increment` in dbt's manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from extractors.core.errors import ConfigError

# What `of` may name: kinds of records (their ids), and what follows from them.
RECORDS = (
    "patient", "contact", "session", "appointment", "payment", "sale", "treatment_stage", "deal", "deal_stages",
    "deal_items", "lead",
)  # fmt: skip
DERIVED = ("person", "inquiry", "conversion", "contact_person", "link")
ITSELF = "itself"  # the new rows themselves: what has the same values in these columns is replaced


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A model whose rows stay from build to build. Rows whose `columns` hold a key of kind `of` are replaced."""

    model: str
    columns: tuple[str, ...]
    of: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All models of a project by their part. Names are dbt's, each list in an order that dbt could build in.

    `families`: made from the families' rows, in schema `day`; of them `kept` are merged into `build`, `passing` are
    steps on the way. `before`, `after`: models made as a whole, before the families are known and after the merge.
    """

    families: tuple[str, ...]
    kept: tuple[Kept, ...]
    passing: tuple[str, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]


def read_plan(manifest: Mapping[str, Any]) -> Plan:
    """Raises ConfigError naming each model whose part makes no sense: its rows would be of an earlier build."""
    models = {
        unique_id: node
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] == "model" and node["config"]["enabled"]
    }
    parts = {unique_id: _increment(node) for unique_id, node in models.items()}
    # Views of the whole target say what staging says now, whoever reads them.
    tables = {unique_id for unique_id, node in models.items() if node["config"]["materialized"] == "table"}
    parents = {unique_id: [p for p in node["depends_on"]["nodes"] if p in models] for unique_id, node in models.items()}
    wrong = []
    for unique_id in tables:
        if parts[unique_id] is None:
            wrong += [
                f"{models[unique_id]['name']} is made as a whole and reads {models[parent]['name']}, which is not kept"
                for parent in parents[unique_id]
                if parent in tables and parts[parent] is not None and not parts[parent]
            ]
    if wrong:
        told = "; ".join(sorted(wrong))
        raise ConfigError(f"meta.increment in dbt_project.yml: {told}. Keep the one, or limit the other.")
    late = _descendants({unique_id for unique_id in tables if parts[unique_id] is not None}, parents)
    # A view falls with the table that it reads, so it is made again with it; the others stand.
    again = tables | _descendants(tables, parents)
    whole = [unique_id for unique_id in models if parts[unique_id] is None and unique_id in again]
    name = {unique_id: str(node["name"]) for unique_id, node in models.items()}
    return Plan(
        families=tuple(name[u] for u in models if parts[u] is not None),
        kept=tuple(
            Kept(model=name[u], columns=part, of=models[u]["config"]["meta"]["increment"]["of"])
            for u, part in parts.items()
            if part
        ),
        passing=tuple(name[u] for u in models if parts[u] is not None and not parts[u] and u in tables),
        before=tuple(name[u] for u in whole if u not in late),
        after=tuple(name[u] for u in whole if u in late),
    )


def _increment(node: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Columns to delete by; none where the model is only a step on the way; None where it is made as a whole."""
    told = node["config"]["meta"].get("increment")
    if told is None:
        return None
    if told == {"kept": False}:
        return ()
    columns = told.get("delete") if isinstance(told, Mapping) else None
    if not columns or set(told) != {"delete", "of"} or told["of"] not in (*RECORDS, *DERIVED, ITSELF):
        raise ConfigError(
            f"meta.increment of {node['name']}: {told!r}. Write {{kept: false}}, or {{delete: <column>, of: <kind>}}"
            f" with one of {', '.join((*RECORDS, *DERIVED, ITSELF))}."
        )
    return (columns,) if isinstance(columns, str) else tuple(columns)


def _descendants(roots: set[str], parents: Mapping[str, list[str]]) -> set[str]:
    """All models that read one of the roots, however far. A view in between is no end: what it reads is old too."""
    found = set(roots)
    grew = True
    while grew:
        more = {child for child, of in parents.items() if child not in found and found.intersection(of)}
        grew = bool(more)
        found |= more
    return found
