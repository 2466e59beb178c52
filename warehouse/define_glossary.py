"""The glossary of figures, docs/glossary.md, written from the definitions: `python -m warehouse.define_glossary`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from warehouse.define import Definition, Metric, read_definitions
from warehouse.define_versions import Version, read_versions

GLOSSARY = Path(__file__).resolve().parent.parent / "docs" / "glossary.md"
HEADER = """# Glossary of figures (Словарь показателей)

What each figure of the reports means, in English and in Russian, and how it is computed: of the rows that a trace
shows ([trace a figure](how_to/trace_a_figure.md)), or of other figures. The SQL of each is in
`warehouse/reports/definitions`; this page is written from it by `python -m warehouse.define_glossary`. A change of
words or SQL makes a new version (`_versions.yml` there, table `ops.metric_versions`). *Parts* are no columns; they
stand in formulas.

Words of the domain (обращение, первичный, тема, визит …) are in the pages of the [reports](reports/README.md).
"""


def glossary_text(definitions: Sequence[Definition], versions: Mapping[str, Sequence[Version]]) -> str:
    """The whole page."""
    parts = [HEADER]
    for one in definitions:
        if not one.metrics:
            continue
        parts.append(f"\n## {one.title.en} ({one.title.ru})\n")
        parts.append(f"\n`reports.{one.report}`; owner of the definitions: {one.owner}.\n")
        parts.append("\n| figure | meaning | значение | computed | version |\n|---|---|---|---|---|\n")
        for metric in sorted(one.metrics.values(), key=lambda metric: metric.hidden):
            last = versions[f"{one.report}.{metric.name}"][-1]
            name = f"`{metric.name}`" + (" *part*" if metric.hidden else "")
            parts.append(
                f"| {name} | {_cell(metric.words.en)} | {_cell(metric.words.ru)} | {_cell(_computed(metric))}"
                f" | {last.number}, {last.on} |\n"
            )
    return "".join(parts)


def _computed(metric: Metric) -> str:
    if metric.source is None:
        return f"`{' '.join(metric.formula.split())}`"
    what = "sum" if metric.aggregate is None else "value" if metric.aggregate == "min(value)" else metric.aggregate
    when = "" if metric.when == "true" else f" where {metric.when}"
    return f"`{what} of {metric.each}{when}`".replace("s.", "").replace("sum of 1", "count")


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def main() -> int:
    GLOSSARY.write_text(glossary_text(read_definitions(), read_versions()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
