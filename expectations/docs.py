"""Data Docs: every rule with its reason and what it found, as a site of plain files. On demand: it takes seconds."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from expectations.ask import RESULT_FORMAT, batch_of, by, index_columns, load_gx, quiet, sources_of, suite_of
from expectations.rule import Asked, Rule


def write_docs(
    url: str, gate: str, rules: Sequence[Rule], rows: Mapping[str, int], *, now: datetime, folder: Path
) -> Path:
    """Ask the rules once more, in a project of Great Expectations that lives for the moment, and keep its site.

    The folder is replaced. Returns its index page. The project holds the warehouse's password: it is deleted.
    """
    gx = load_gx()
    with tempfile.TemporaryDirectory() as project:
        context = quiet(gx.get_context(mode="file", project_root_dir=project))
        sources = sources_of(context, url, rules)
        asked = Asked(gxe=gx.expectations, now=now, tables=frozenset(rows))
        for table, table_rules in by(rules, "table"):
            batch = batch_of(sources, table)
            for number, (_, same_keys) in enumerate(by(table_rules, "keys"), start=1):
                name = table if number == 1 else f"{table} {number}"
                suite = context.suites.add(suite_of(gx, name, same_keys, asked))
                definition = context.validation_definitions.add(
                    gx.ValidationDefinition(name=name, data=batch, suite=suite)
                )
                checkpoint = gx.Checkpoint(
                    name=name,
                    validation_definitions=[definition],
                    result_format=RESULT_FORMAT | index_columns(same_keys),
                )
                context.checkpoints.add(checkpoint).run()
        context.build_data_docs()
        for source in sources.values():
            source.get_engine().dispose()
            source.get_execution_engine().engine.dispose()
        site = next(Path(project).rglob("data_docs/local_site"))
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(site, folder)
    return folder / "index.html"
