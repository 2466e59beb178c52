"""Pictures of the warehouse as text, in Mermaid: docs/erd.md from its catalog, docs/lineage.md from dbt's manifest.

`python -m warehouse.pictures --url <owner's URL> --manifest <manifest.json> --docs docs` writes both. A test says when
they are out of date.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg

from warehouse.catalog import Join, Relation, read_joins, read_relations

ERD_HEAD = """# The tables of `marts` and their joins (Таблицы и связи)

Drawn by `python -m warehouse.pictures` from the catalog of a built warehouse; a test keeps it current. A solid line is
a declared foreign key, a dashed one a join by name: a column called like the key of another table points there, and
where a row may be missing (a vendor forgot it) no foreign key is declared. Tables without a line to each other join by
`person_key`: one person, in every table. `fct_touches.record_id` is the session or contact that the touch is.

"""
LINEAGE_HEAD = """# From what each report is made (Из чего сделан каждый отчёт)

Drawn by `python -m warehouse.pictures` from dbt's manifest; a test keeps it current. The picture shows folders of
models and how many models of one read models of the other; links of a single model are left out. The table names what
each report and mart reads directly. Single models with their columns and SQL: `make docs`.

"""


def type_in_a_word(sql_type: str) -> str:
    """PostgreSQL's type as Mermaid takes it: one word."""
    return sql_type.partition("(")[0].replace("timestamp with time zone", "timestamptz").replace(" ", "_")


def erd(relations: Sequence[Relation], joins: Sequence[Join]) -> str:
    """The tables of `marts`: keys and joins as a picture, and a line on each."""
    tables = [relation for relation in relations if relation.schema == "marts" and not relation.is_view]
    joins = [join for join in joins if join.schema == "marts"]
    pointing = {(join.table, join.column) for join in joins}
    lines = ["```mermaid", "erDiagram"]
    for join in joins:
        one_to_one = any(table.name == join.table and table.key == (join.column,) for table in tables)
        line = "--" if join.is_declared else ".."
        lines.append(f"    {join.to_table} ||{line}{'o|' if one_to_one else 'o{'} {join.table} : {join.column}")
    for table in tables:
        lines.append(f"    {table.name} {{")
        for column in table.columns:
            marks = ["PK"] * (column.name in table.key) + ["FK"] * ((table.name, column.name) in pointing)
            if marks or column.name in ("person_key", "record_id"):
                lines.append(f"        {type_in_a_word(column.type)} {column.name} {', '.join(marks)}".rstrip())
        lines.append("    }")
    lines += ["```", "", "| table | what a row is |", "|---|---|"]
    lines += [f"| `{table.name}` | {' '.join((table.comment or '').split())} |" for table in tables]
    return ERD_HEAD + "\n".join(lines) + "\n"


def lineage(manifest: Mapping[str, Any]) -> str:
    """How the folders of models feed each other, and what each report and mart reads directly."""
    models = {name: node for name, node in manifest["nodes"].items() if node["resource_type"] == "model"}
    links: Counter[tuple[str, str]] = Counter()
    read_by: dict[str, set[str]] = {}
    for node in models.values():
        above = [models[name] for name in node["depends_on"]["nodes"] if name in models]
        links.update((group, _group(node)) for group in {_group(other) for other in above} - {_group(node)})
        if publish := node["config"]["meta"].get("publish"):
            title = node["name"] if publish["schema"] == "marts" else publish["report"]
            read_by.setdefault(f"{publish['schema']}.{title}", set()).update(other["name"] for other in above)
    shown = {link: count for link, count in sorted(links.items()) if count > 1}
    groups = sorted({group for link in shown for group in link})
    lines = ["```mermaid", "flowchart LR"]
    lines += [f"    {_id(group)}[{group}]" for group in groups]
    lines += [f"    {_id(above)} -->|{count}| {_id(below)}" for (above, below), count in shown.items()]
    lines += ["```", "", "| report or mart | reads |", "|---|---|"]
    lines += [f"| `{title}` | {', '.join(sorted(names))} |" for title, names in sorted(read_by.items())]
    return LINEAGE_HEAD + "\n".join(lines) + "\n"


def _group(node: Mapping[str, Any]) -> str:
    """The folder of a model; all sources are one."""
    layer, _, rest = str(node["path"]).partition("/")
    folder = rest.partition("/")[0]
    return f"{layer}/{folder}" if layer != "staging" and not folder.endswith(".sql") else layer


def _id(group: str) -> str:
    return group.replace("/", "_")


def pages(url: str, manifest: Path) -> dict[str, str]:
    """File name and text of each picture, of the warehouse behind an owner's URL."""
    with psycopg.connect(url) as connection:
        relations = read_relations(connection)
        joins = read_joins(connection, relations)
    return {
        "erd.md": erd(relations, joins),
        "lineage.md": lineage(json.loads(manifest.read_text(encoding="utf-8"))),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m warehouse.pictures", description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--docs", type=Path, required=True)
    options = parser.parse_args()
    for name, text in pages(options.url, options.manifest).items():
        (options.docs / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
