"""`make mf`: MetricFlow on the warehouse, as its owner; it answers from the tables behind the reports."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from extractors.core.errors import ConfigError
from runtime.home import Home
from runtime.progress import Progress
from runtime.warehouse import databases
from warehouse.dbt import PROJECT, dbt_environment
from warehouse.pipeline import work_folder

SEMANTICS = "semantic_manifest.json"


def metrics(home: Home, progress: Progress, arguments: str) -> int:
    """Run `mf` with these arguments. ConfigError: nothing was built here yet, or a quotation mark has no end."""
    try:
        words = shlex.split(arguments)
    except ValueError:
        raise ConfigError("ARGS has a quotation mark without an end. Like this: ARGS=\"list metrics\"") from None
    with databases(home, os.environ, progress) as urls:
        return run_mf(urls.warehouse, work_folder(), home.root / "metricflow", words).returncode


def run_mf(
    url: str, built: Path, folder: Path, arguments: list[str], *, quiet: bool = False
) -> subprocess.CompletedProcess[str]:
    """`mf` on the warehouse of `url`, whose models were built in the folder `built`.

    MetricFlow reads `target/` inside the dbt project and writes its log there, so it gets a folder that looks like the
    project: nothing is written into the repository, and two instances do not read each other's artifacts.
    """
    if not (built / SEMANTICS).exists():
        raise ConfigError("There are no metrics yet: a load has to build the models first (`make load`, `make demo`)")
    target = folder / "target"
    target.mkdir(parents=True, exist_ok=True)
    for entry in PROJECT.iterdir():
        if entry.name not in ("target", "logs"):
            _link(folder / entry.name, entry)
    told = json.loads(
        (built / SEMANTICS).read_text(encoding="utf-8"), object_hook=_in(str(conninfo_to_dict(url)["dbname"]))
    )
    (target / SEMANTICS).write_text(json.dumps(told), encoding="utf-8")
    program = Path(sys.executable).with_name("mf")
    with dbt_environment(url):
        environ = {**os.environ, "DBT_PROJECT_DIR": str(folder), "DBT_PROFILES_DIR": str(folder)}
        environ |= {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DBT_LOG_PATH": str(folder / "logs")}
        return subprocess.run(
            [str(program), *arguments], env=environ, cwd=folder, check=False, capture_output=quiet, text=True
        )


def _in(database: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Relations of this database: a restored or renamed warehouse was built under another name."""

    def moved(node: dict[str, Any]) -> dict[str, Any]:
        if {"database", "schema_name", "alias", "relation_name"} <= set(node):
            parts = (database, node["schema_name"], node["alias"])
            node |= {"database": database, "relation_name": ".".join(f'"{part}"' for part in parts)}
        return node

    return moved


def _link(link: Path, to: Path) -> None:
    if not link.is_symlink():
        link.symlink_to(to)
