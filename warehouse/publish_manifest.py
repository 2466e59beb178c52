"""What dbt's manifest says about the models to publish: where each goes, its key, its readers, its words.

A model is published if its `config.meta.publish` is set (docs/architecture.md). Foreign keys come from two places: a
`foreign_key` constraint of the model or a column, and dbt's `relationships` tests, which prove the same thing.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from extractors.core.errors import ConfigError
from warehouse.increment.plan import ITSELF, RECORD, ByDay, Kept, Summed, read_part

PUBLISHED_SCHEMAS = ("marts", "reports")
REFERENCE = "reference"
PLACEMENTS = ("clinic_id", "person_key", REFERENCE)
META_KEYS = frozenset({"schema", "report", "clinic_column", "owner_columns", "personal", "key", "indexes"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignKey:
    """`columns` of a model point at `to_columns` of the model `to`."""

    columns: tuple[str, ...]
    to: str
    to_columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedModel:
    """One model that readers get: `build.<build_name>` becomes `<schema>.<name>`.

    `indexes` are column lists beside the key: those of `meta.publish.indexes`, the columns of foreign keys, and the
    clinic column by itself, since the condition of nearly every row policy is on it. `family`: the column whose keys a
    build of a day names where rows differ (`meta.increment`); null where it makes the table as a whole. `row_key`: the
    key of the table, where a build names the very rows too.
    `distributed_by` is `meta.distributed_by`; `placement` is the same where the warehouse lies on Citus, else null.
    """

    name: str
    build_name: str
    schema: str
    report: str
    clinic_column: str | None
    owner_columns: tuple[str, ...]
    is_personal: bool
    key: tuple[str, ...]
    indexes: tuple[tuple[str, ...], ...]
    family: str | None
    row_key: str | None
    description: str
    column_descriptions: Mapping[str, str]
    foreign_keys: tuple[ForeignKey, ...]
    distributed_by: str | None = None
    placement: str | None = None

    @property
    def spread_key(self) -> tuple[str, ...]:
        """The key with the column that rows are spread by on Citus."""
        if self.distributed_by is None or self.distributed_by in (REFERENCE, *self.key):
            return self.key
        return (self.distributed_by, *self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a publication takes from the manifest, which is megabytes and read once.

    `models`: to publish, by name. `rules_hash`: differs where figures may, though no fact changed. `stream_kinds`: what
    kinds of rows dbt makes of each landed table, by source and stream.
    """

    models: tuple[PublishedModel, ...]
    rules_hash: str
    stream_kinds: Mapping[tuple[str, str], list[str]]


def read_manifest(path: Path) -> Manifest:
    """ConfigError when the file is missing or a model's `publish` block is wrong."""
    manifest = _read(path)
    nodes: Mapping[str, dict[str, Any]] = manifest.get("nodes", {})
    tested = _keys_from_relationship_tests(nodes.values())
    models = [
        _model(node, publish, tested.get(unique_id, ()))
        for unique_id, node in nodes.items()
        if node.get("resource_type") == "model" and (publish := _publish_block(node))
    ]
    return Manifest(
        models=tuple(sorted(models, key=lambda model: (model.schema, model.name))),
        rules_hash=_rules_hash(manifest),
        stream_kinds=_stream_kinds(nodes.values()),
    )


def _stream_kinds(nodes: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], list[str]]:
    """As the models say themselves."""
    found: dict[tuple[str, str], set[str]] = {}
    for node in nodes:
        name = str(node.get("name", ""))
        if node.get("resource_type") == "model" and name.startswith("stg_"):
            for parent in node.get("depends_on", {}).get("nodes", ()):
                if parent.startswith("source."):
                    source, stream = parent.split(".")[-2:]
                    found.setdefault((source, stream), set()).add(name.split("__", 1)[1])
    return {stream: sorted(kinds) for stream, kinds in found.items()}


def _rules_hash(manifest: Mapping[str, Any]) -> str:
    """Over the texts of all models, seeds and macros."""
    texts = {
        **{name: node.get("checksum", {}).get("checksum") for name, node in manifest.get("nodes", {}).items()
           if node.get("resource_type") in ("model", "seed")},
        **{name: macro.get("macro_sql") for name, macro in manifest.get("macros", {}).items()},
    }  # fmt: skip
    return hashlib.sha256(json.dumps(sorted(texts.items())).encode()).hexdigest()


def _read(path: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"{path.name} is missing: run dbt build first, it writes the manifest") from error
    except ValueError as error:
        raise ConfigError(f"{path.name} is not JSON: run dbt build again") from error
    return manifest


def _publish_block(node: Mapping[str, Any]) -> dict[str, Any] | None:
    block = (node.get("config", {}).get("meta") or {}).get("publish")
    if block is not None and not isinstance(block, dict):
        raise ConfigError(f"model {node.get('name')}: meta.publish is a block of {', '.join(sorted(META_KEYS))}")
    return block


def _model(node: Mapping[str, Any], publish: Mapping[str, Any], tested: Iterable[ForeignKey]) -> PublishedModel:
    name = str(node["name"])
    if unknown := set(publish) - META_KEYS:
        raise ConfigError(f"model {name}: meta.publish does not know {', '.join(sorted(unknown))}")
    if missing := {"schema", "report", "key", "clinic_column"} - set(publish):
        # Said or not said must differ: a forgotten clinic column would show every clinic's rows to everybody.
        raise ConfigError(f"model {name}: meta.publish lacks {', '.join(sorted(missing))}")
    if publish["schema"] not in PUBLISHED_SCHEMAS:
        raise ConfigError(f"model {name}: meta.publish.schema is marts or reports, not {publish['schema']!r}")
    key = tuple(publish["key"] or ())
    if not key:
        raise ConfigError(f"model {name}: meta.publish.key is empty; publication compares rows by it")
    columns: Mapping[str, dict[str, Any]] = node.get("columns") or {}
    part = read_part(node)
    family = _family(part)
    foreign_keys = dict.fromkeys([*_keys_from_constraints(node, columns), *tested])
    return PublishedModel(
        name=name,
        build_name=str(node.get("alias") or name),
        schema=str(publish["schema"]),
        report=str(publish["report"]),
        clinic_column=publish.get("clinic_column"),
        owner_columns=tuple(publish.get("owner_columns") or ()),
        is_personal=bool(publish.get("personal")),
        key=key,
        indexes=_indexes(publish, key, family, foreign_keys),
        family=family,
        row_key=part.row_key if isinstance(part, Kept) else None,
        description=str(node.get("description") or "").strip(),
        column_descriptions={
            column: text for column, spec in columns.items() if (text := str(spec.get("description") or "").strip())
        },
        foreign_keys=tuple(foreign_keys),
        distributed_by=(node.get("config", {}).get("meta") or {}).get("distributed_by"),
    )


def _family(part: Kept | Summed | ByDay | str | None) -> str | None:
    """The column whose keys tell what a build of a day changed (warehouse/increment/plan.py)."""
    if isinstance(part, ByDay):
        return part.column
    if isinstance(part, Summed):
        return part.key[0] if len(part.key) == 1 else None
    if isinstance(part, Kept) and part.of not in (RECORD, ITSELF):
        return part.columns[0]
    return None


def _indexes(
    publish: Mapping[str, Any], key: tuple[str, ...], family: str | None, foreign_keys: Iterable[ForeignKey]
) -> tuple[tuple[str, ...], ...]:
    asked = [(index,) if isinstance(index, str) else tuple(index) for index in publish.get("indexes") or ()]
    # A row that goes from the table that a foreign key names is looked for by it.
    for wanted in ((publish["clinic_column"],), (family,), *(foreign_key.columns for foreign_key in foreign_keys)):
        if wanted[0] and all(columns[: len(wanted)] != wanted for columns in (key, *asked)):
            asked.append(wanted)
    return tuple(dict.fromkeys(asked))


def _keys_from_constraints(node: Mapping[str, Any], columns: Mapping[str, dict[str, Any]]) -> list[ForeignKey]:
    found = [(constraint, tuple(constraint.get("columns") or ())) for constraint in node.get("constraints") or ()]
    for column, spec in columns.items():
        found += [(constraint, (column,)) for constraint in spec.get("constraints") or ()]
    return [
        ForeignKey(columns=own, to=_referenced_name(str(constraint["to"])), to_columns=tuple(constraint["to_columns"]))
        for constraint, own in found
        if constraint.get("type") == "foreign_key" and constraint.get("to") and constraint.get("to_columns") and own
    ]


def _keys_from_relationship_tests(nodes: Iterable[Mapping[str, Any]]) -> dict[str, list[ForeignKey]]:
    """Foreign keys by the model's unique id. A test with a `where` proves only part of the rows, so it gives none."""
    keys: dict[str, list[ForeignKey]] = {}
    for node in nodes:
        test = node.get("test_metadata") or {}
        if test.get("name") != "relationships" or node.get("config", {}).get("where"):
            continue
        arguments = test.get("kwargs") or {}
        arguments = {**arguments, **(arguments.get("arguments") or {})}
        column = arguments.get("column_name") or node.get("column_name")
        model = node.get("attached_node")
        if model and column and arguments.get("to") and arguments.get("field"):
            key = ForeignKey(
                columns=(str(column),), to=_referenced_name(str(arguments["to"])), to_columns=(str(arguments["field"]),)
            )
            keys.setdefault(str(model), []).append(key)
    return keys


def _referenced_name(to: str) -> str:
    """The model's name in `ref('dim_clinics')` or in `"db"."build"."dim_clinics"`."""
    quoted = re.findall(r"'([^']+)'", to)
    return quoted[-1] if quoted else to.replace('"', "").split(".")[-1].strip()
