"""Whether the project would still run on Citus: rules about compiled SQL and models, asked without a Citus at hand.

    python -m warehouse.scale_lint [<folder with dbt's manifest>]      without one the project is compiled first

The rules and what Citus answers where they are broken: docs/how_to/scale_out.md. `scale_exceptions.yml` lists what
breaks one on purpose, with the reason; an exception that nothing needs any more is a finding too. Rules about what a
database holds (policies, views) are lints like the others, in `warehouse/lints`.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import re
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlglot
import yaml
from sqlglot import exp

from extractors.core.errors import GuardError
from warehouse.publish_manifest import PLACEMENTS, REFERENCE
from warehouse.scale_bodies import bodies, unread
from warehouse.scale_joins import joins_beside_the_column, spread_by

ROOT = Path(__file__).resolve().parent.parent
WRITTEN = ("warehouse/**/*.sql", "warehouse/**/*.py", "dbt_project/macros/*.sql")
EXCEPTIONS = Path(__file__).with_name("scale_exceptions.yml")
RULES: Mapping[str, str] = {
    "placed": "a table model says meta.distributed_by: clinic_id, person_key or reference",
    "column": "the column that rows are spread by is declared and never null",
    "key": "a unique or primary key holds the column that rows are spread by",
    "merge": "no MERGE, so neither dbt's merge nor its microbatch",
    "recursion": "no recursion in a query that reads spread tables",
    "grouping_sets": "no GROUPING SETS, ROLLUP, CUBE in a query that reads spread tables",
    "join": "outer, lateral and correlated joins of spread tables are on the column that rows are spread by",
    "trigger": "no trigger on a published table",
    "grant": "one table per GRANT",
    "rename": "a RENAME is alone in its statement",
}

# Names, and what stands for them in a statement that is put together: %I, {}.
NAME = r"[\w.%{}]+"
MANY_GRANTED = re.compile(rf"(?is)\bgrant\b[^;'\"]{{1,200}}?\bon\s+(?:table\s+)?({NAME}(?:\s*,\s*{NAME})+)\s+to\b")
MERGED = re.compile(rf"(?i)\bmerge\s+into\s+{NAME}")
TRIGGER = re.compile(
    rf"(?is)\bcreate\s[^;'\"]{{0,40}}?\btrigger\b[^;'\"]{{1,200}}?\bon\s+((?:marts|reports|history)\.{NAME})"
)
RENAMED_AND_MORE = re.compile(r"(?is)\balter\s+table\b[^;'\"]*?\brename\b[^;'\"]*?,\s*(?:add|drop|alter|rename)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One breach of one rule."""

    rule: str
    object: str
    detail: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.object}: {self.detail} (rule: {RULES[self.rule]})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Excused:
    """An exception. `object` may have `*`."""

    rule: str
    object: str
    reason: str

    def covers(self, finding: Finding) -> bool:
        return self.rule == finding.rule and fnmatch.fnmatchcase(finding.object, self.object)


def find(manifest: Mapping[str, Any], compiled: Mapping[str, str], files: Mapping[str, str]) -> list[Finding]:
    """All breaches, excused or not. `compiled`: model to SQL. `files`: path to text, of SQL and Python."""
    models = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    placements = {node["name"]: placement_of(node) for node in models}
    found: list[Finding] = []
    for node in models:
        if node["config"]["materialized"] in ("table", "incremental"):
            found += _placed(node)
        if node["config"].get("incremental_strategy") in ("merge", "microbatch"):
            found.append(Finding(rule="merge", object=node["name"], detail="its incremental strategy"))
        if node["name"] in compiled:
            found += of_query(node["name"], compiled[node["name"]], placements)
    for path, text in files.items():
        found += of_text(path, text)
    return [*found, *_of_reports(files, placements)]


def _of_reports(files: Mapping[str, str], placements: Mapping[str, str | None]) -> Iterable[Finding]:
    """Breaches in functions and views of the report files. A view that only joins and filters lies as its tables."""
    texts = {Path(path).name: text for path, text in files.items() if "/reports/" in path and path.endswith(".sql")}
    queries = [(file, name, query) for file, text in texts.items() for name, query in bodies(text)]
    lying = dict(placements)
    for _, name, query in queries:
        with suppress(sqlglot.errors.SqlglotError):
            lying.setdefault(
                name.rpartition(".")[2], spread_by(sqlglot.parse_one(query, read="postgres"), _spread(lying))
            )
    for file, text in texts.items():
        for name in unread(text):
            yield Finding(rule="join", object=f"{file}:{name}", detail="its body cannot be found")
    for file, name, query in queries:
        yield from of_query(f"{file}:{name}", query, lying)


def _spread(placements: Mapping[str, str | None]) -> dict[str, str | None]:
    return {name: by for name, by in placements.items() if by not in (None, REFERENCE)}


def placement_of(node: Mapping[str, Any]) -> str | None:
    """`meta.distributed_by` of a model."""
    placement: str | None = (node["config"].get("meta") or {}).get("distributed_by")
    return placement


def _placed(node: Mapping[str, Any]) -> Iterable[Finding]:
    name, placement = node["name"], placement_of(node)
    if placement not in PLACEMENTS:
        yield Finding(rule="placed", object=name, detail=f"says {placement!r}")
        return
    if placement == REFERENCE:
        return
    columns: Mapping[str, Any] = node.get("columns") or {}
    rules = (columns.get(placement) or {}).get("constraints") or []
    if not any(rule["type"] == "not_null" for rule in rules):
        yield Finding(rule="column", object=name, detail=f"{placement} has no not_null constraint")
    of_columns = [(rule, (column,)) for column, spec in columns.items() for rule in spec.get("constraints") or []]
    of_model = [(rule, tuple(rule.get("columns") or ())) for rule in node.get("constraints") or []]
    for rule, key in (*of_columns, *of_model):
        if rule["type"] in ("unique", "primary_key") and placement not in key:
            yield Finding(rule="key", object=name, detail=f"{rule['type']} ({', '.join(key)}) lacks {placement}")
    for index in node["config"].get("indexes") or []:
        if index.get("unique") and placement not in index["columns"]:
            yield Finding(rule="key", object=name, detail=f"unique index lacks {placement}")


def of_query(name: str, query: str, placements: Mapping[str, str | None]) -> Iterable[Finding]:
    """Breaches in one query. A text that the parser cannot read is one of the join rule: nobody looked at it."""
    try:
        tree = sqlglot.parse_one(query, read="postgres")
    except sqlglot.errors.SqlglotError as error:
        yield Finding(rule="join", object=name, detail=f"cannot be read: {str(error).splitlines()[0]}")
        return
    if any(tree.find_all(exp.Merge)):
        yield Finding(rule="merge", object=name, detail="MERGE")
    spread = _spread(placements)
    read = sorted({table.name for table in tree.find_all(exp.Table)} & spread.keys())
    if not read:
        return
    if any(clause.args.get("recursive") for clause in tree.find_all(exp.With)):
        yield Finding(rule="recursion", object=name, detail=f"beside {', '.join(read)}")
    if any(tree.find_all(exp.GroupingSets, exp.Rollup, exp.Cube)):
        yield Finding(rule="grouping_sets", object=name, detail=f"over {', '.join(read)}")
    for detail in joins_beside_the_column(tree, spread):
        yield Finding(rule="join", object=name, detail=detail)


def of_text(path: str, text: str) -> Iterable[Finding]:
    """Statements in what people wrote; of those put together at run time as much as is written."""
    code = re.sub(r"--[^\n]*", "", text)
    for match in MERGED.finditer(code):
        yield Finding(rule="merge", object=path, detail=" ".join(match[0].split()))
    for match in TRIGGER.finditer(code):
        yield Finding(rule="trigger", object=path, detail=f"on {match[1]}")
    for match in MANY_GRANTED.finditer(code):
        yield Finding(rule="grant", object=path, detail=f"one GRANT on {' '.join(match[1].split())}")
    for match in RENAMED_AND_MORE.finditer(code):
        yield Finding(rule="rename", object=path, detail=" ".join(match[0].split())[:80])


def read_exceptions(path: Path = EXCEPTIONS) -> tuple[Excused, ...]:
    """ValueError for one without a reason, or of a rule that there is not."""
    found = tuple(Excused(**entry) for entry in yaml.safe_load(path.read_text(encoding="utf-8")) or [])
    if wrong := [entry.object for entry in found if not entry.reason.strip() or entry.rule not in RULES]:
        raise ValueError(f"{path.name}: {', '.join(wrong)}: an exception has a rule of {', '.join(RULES)} and a reason")
    return found


def judge(found: Sequence[Finding], excused: Sequence[Excused]) -> list[str]:
    """What is wrong, in words: breaches that nobody excused, and exceptions without a breach."""
    wrong = [str(finding) for finding in found if not any(each.covers(finding) for each in excused)]
    wrong += [
        f"{each.rule}: {each.object}: excused, but nothing breaks the rule; take it out of {EXCEPTIONS.name}"
        for each in excused
        if not any(each.covers(finding) for finding in found)
    ]
    return wrong


def lint_folder(folder: Path, root: Path = ROOT) -> list[str]:
    """Judge the project as dbt left it in its target folder."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    compiled = {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("compiled/*/models/**/*.sql")}
    written = [path for pattern in WRITTEN for path in root.glob(pattern)]
    files = {str(path.relative_to(root)): path.read_text(encoding="utf-8") for path in written}
    return judge(find(manifest, compiled, files), read_exceptions())


def of_build(folder: Path, *, root: Path = ROOT) -> list[str]:
    """What is wrong with the project of this build; looked at again only where one of its texts changed."""
    texts = [*folder.glob("compiled/*/models/**/*.sql"), folder / "manifest.json", EXCEPTIONS]
    texts += [path for pattern in WRITTEN for path in root.glob(pattern)]
    digest = hashlib.sha256()
    for path in sorted(texts):
        # The manifest says when it was made; what models say of themselves is in its nodes.
        nodes = json.loads(path.read_bytes())["nodes"] if path.name == "manifest.json" else None
        said = [(name, node["config"]) for name, node in nodes.items()] if nodes is not None else None
        digest.update(path.read_bytes() if said is None else json.dumps(said, sort_keys=True, default=str).encode())
    kept = folder / "scale_lint.json"
    if (known := _found_before(kept, digest.hexdigest())) is not None:
        return known
    wrong = lint_folder(folder, root)
    kept.write_text(json.dumps({"digest": digest.hexdigest(), "wrong": wrong}), encoding="utf-8")
    return wrong


def _found_before(kept: Path, digest: str) -> list[str] | None:
    """What was wrong with these texts; null where they are others, and where the file is missing or was cut short."""
    try:
        found = json.loads(kept.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return list(found["wrong"]) if found["digest"] == digest else None


def compile_project(folder: Path) -> None:
    """Compile all models without a database. GuardError where dbt cannot."""
    from dbt.cli.main import dbtRunner

    from warehouse.dbt import common_arguments, dbt_environment

    with dbt_environment("postgresql://nobody@127.0.0.1:1/nothing"):
        asked = ["compile", "--no-introspect", "--no-populate-cache", "--select", "resource_type:model"]
        result = dbtRunner().invoke([*asked, *common_arguments(folder)])
    if not result.success:
        raise GuardError(f"dbt could not compile its models: {result.exception or 'see its log'}")


def main(arguments: Sequence[str]) -> int:
    if arguments:
        wrong = lint_folder(Path(arguments[0]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            compile_project(Path(folder))
            wrong = lint_folder(Path(folder))
    print("\n".join(wrong) if wrong else "Citus: every rule is kept, or excused by name")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
