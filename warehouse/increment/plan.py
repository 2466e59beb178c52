"""How each model takes part in a build of a day, read from `meta.increment` in dbt's manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from extractors.core.errors import ConfigError

# What `of` may name: kinds of records (their ids), and what follows from them.
RECORDS = (
    "patient", "contact", "session", "appointment", "payment", "sale", "treatment_stage", "deal", "deal_stages",
    "deal_items", "lead",
)  # fmt: skip
DERIVED = ("person", "card_person", "identifier", "inquiry", "conversion", "contact_person", "link")
RECORD = "record"  # any of the records: its kind and its id, in two columns
ITSELF = "itself"  # the new rows themselves: what has the same values in these columns is replaced
KINDS = (*RECORDS, *DERIVED, RECORD, ITSELF)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A model whose rows stay from build to build. Rows whose `columns` hold a key of kind `of` are replaced.

    `row_key`: the column that is the key of its published rows, where they are found by another; else null.
    """

    model: str
    columns: tuple[str, ...]
    of: str
    row_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summed:
    """A model that sums rows of families: its `sums` move by a difference. `key`: columns, never null, that name a row.

    Whatever is summed moves one of the sums up, so that a row of zeros is a row of nothing.
    """

    model: str
    sums: tuple[str, ...]
    key: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ByDay:
    """A table that follows from everybody and is added up by day: `column` is a row's day. It is made after the merge,
    of the days alone that moved.

    `of`: the tables that it reads, with the column of the day in each. Those in `summed` move by the difference of
    families, the others are made as a whole.
    """

    model: str
    column: str
    of: Mapping[str, str]
    summed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All models of a project by their part. Names are dbt's.

    `families`: made from the families' rows, in schema `day`; of them `kept` and `summed` change `build`, `passing` are
    steps on the way. `recalled`: what the old sums are made of, in an order to build it in. `before`, `after`: tables
    made as a whole, before the families are known and after the merge; of the latter `by_day` make only what moved.
    Views stand, whatever their tables hold.
    """

    families: tuple[str, ...]
    kept: tuple[Kept, ...]
    summed: tuple[Summed, ...]
    passing: tuple[str, ...]
    recalled: tuple[str, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]
    by_day: tuple[ByDay, ...] = ()

    @property
    def kept_by_name(self) -> dict[str, Kept]:
        return {kept.model: kept for kept in self.kept}


def read_plan(manifest: Mapping[str, Any]) -> Plan:
    """Raises ConfigError naming each model whose part makes no sense: its rows would be of an earlier build."""
    models = {
        unique_id: node
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] == "model" and node["config"]["enabled"]
    }
    told = {unique_id: read_part(node) for unique_id, node in models.items()}
    # a table by day is one that is made as a whole, but for what it leaves as it is
    parts = {unique_id: None if isinstance(part, ByDay) else part for unique_id, part in told.items()}
    # Views of the whole target say what staging says now, whoever reads them.
    tables = {unique_id for unique_id, node in models.items() if node["config"]["materialized"] == "table"}
    parents = {unique_id: [p for p in node["depends_on"]["nodes"] if p in models] for unique_id, node in models.items()}
    name = {unique_id: str(node["name"]) for unique_id, node in models.items()}
    passing = {unique_id for unique_id in tables if parts[unique_id] == "passing"}
    _require_kept_inputs(name, parts, parents, tables, passing)
    late = _descendants({unique_id for unique_id in tables if parts[unique_id] is not None}, parents)
    whole = [unique_id for unique_id in models if parts[unique_id] is None and unique_id in tables]
    return Plan(
        families=tuple(name[u] for u in models if parts[u] is not None),
        kept=tuple(part for part in parts.values() if isinstance(part, Kept)),
        summed=tuple(part for part in parts.values() if isinstance(part, Summed)),
        passing=tuple(name[u] for u in models if u in passing),
        recalled=tuple(name[u] for u in _recalled(parts, parents)),
        before=tuple(name[u] for u in whole if u not in late),
        after=tuple(name[u] for u in whole if u in late),
        by_day=tuple(
            _by_day(part, {name[p]: parts[p] for p in _tables_read(u, parents, tables)})
            for u, part in told.items()
            if isinstance(part, ByDay)
        ),
    )


def read_part(node: Mapping[str, Any]) -> Kept | Summed | ByDay | str | None:
    """None where the model is made as a whole, "passing" where it is only a step on the way."""
    told = (node["config"].get("meta") or {}).get("increment")
    if told is None:
        return None
    if told == {"kept": False}:
        return "passing"
    model = str(node["name"])
    if isinstance(told, Mapping) and set(told) == {"delete", "of"} and told["of"] in KINDS:
        columns = _names(told["delete"])
        return Kept(model=model, columns=columns, of=told["of"], row_key=_row_key(node, columns, told["of"]))
    if isinstance(told, Mapping) and set(told) == {"sum", "key"}:
        return Summed(model=model, sums=_names(told["sum"]), key=_names(told["key"]))
    if isinstance(told, Mapping) and set(told) == {"day", "of"} and isinstance(told["of"], Mapping):
        return ByDay(model=model, column=str(told["day"]), of=told["of"])
    raise ConfigError(
        f"meta.increment of {model}: {told!r}. Write {{kept: false}}, {{sum: <columns>, key: <columns>}},"
        f" {{day: <column>, of: {{<parent>: <its column>}}}}, or"
        f" {{delete: <column>, of: <kind>}} with one of {', '.join(KINDS)}."
    )


def _row_key(node: Mapping[str, Any], columns: tuple[str, ...], of: str) -> str | None:
    key = _names((node["config"]["meta"].get("publish") or {}).get("key") or ())
    return key[0] if len(key) == 1 and key != columns and of not in (RECORD, ITSELF) else None


def _by_day(told: ByDay, parents: Mapping[str, object]) -> ByDay:
    """ConfigError unless it names the day in every table that it reads, each a sum or made as a whole."""
    wrong = set(parents) ^ set(told.of)
    wrong |= {parent for parent, part in parents.items() if not (part is None or isinstance(part, Summed))}
    if wrong:
        raise ConfigError(
            f"meta.increment of {told.model}: its `of` names the day in each table that the model reads, and these are"
            f" sums or made as a whole. Look at {', '.join(sorted(wrong))}."
        )
    return replace(told, summed=frozenset(parent for parent, part in parents.items() if part is not None))


def _tables_read(unique_id: str, parents: Mapping[str, list[str]], tables: set[str]) -> set[str]:
    """Those that a model reads, through views too."""
    found: set[str] = set()
    for parent in parents[unique_id]:
        found |= {parent} if parent in tables else _tables_read(parent, parents, tables)
    return found


def _names(told: object) -> tuple[str, ...]:
    return (told,) if isinstance(told, str) else tuple(told)  # type: ignore[arg-type]


def _require_kept_inputs(
    name: Mapping[str, str],
    parts: Mapping[str, object],
    parents: Mapping[str, list[str]],
    tables: set[str],
    passing: set[str],
) -> None:
    wrong = [
        f"{name[unique_id]} is made as a whole and reads {name[parent]}, which is not kept"
        for unique_id in sorted(tables)
        if parts[unique_id] is None
        for parent in parents[unique_id]
        if parent in passing
    ]
    if wrong:
        told = "; ".join(wrong)
        raise ConfigError(f"meta.increment in dbt_project.yml: {told}. Keep the one, or limit the other.")


def _recalled(parts: Mapping[str, object], parents: Mapping[str, list[str]]) -> list[str]:
    """The sums and all that they read down to rows that are kept, parents first."""
    found: list[str] = []

    def walk(unique_id: str) -> None:
        if unique_id in found or parts[unique_id] is None:
            return
        if not isinstance(parts[unique_id], Kept):
            for parent in parents[unique_id]:
                walk(parent)
        found.append(unique_id)

    for unique_id, part in parts.items():
        if isinstance(part, Summed):
            walk(unique_id)
    return found


def _descendants(roots: set[str], parents: Mapping[str, list[str]]) -> set[str]:
    """All models that read one of the roots, however far. A view in between is no end: what it reads is old too."""
    found = set(roots)
    grew = True
    while grew:
        more = {child for child, of in parents.items() if child not in found and found.intersection(of)}
        grew = bool(more)
        found |= more
    return found
