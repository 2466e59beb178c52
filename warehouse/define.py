"""What each figure of the reports is: words, SQL, owner and a worked example, one YAML file a report.

Files of `warehouse/reports/definitions`. From them come the trace of a figure (define_trace.py), the glossary
(define_glossary.py) and the versions (define_versions.py); the metrics of `mf query` have their words.

`sources` are named selects of rows with the columns record_kind, record_id, clinic_id, person_key and day; a later one
may read an earlier one. `{p.date_from}` is a parameter of the report, `{row.channel}` a key of its row. A metric is
either the sum of `each` over the rows of a source (`when` they count; `aggregate` for anything but a sum), or a
`formula` over other metrics, `{spend} / {inquiries}`; `{.}` in a formula is the metric's own sum. A hidden metric is
only a part of others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from extractors.core.errors import ConfigError

DEFINITIONS_FOLDER = Path(__file__).parent / "reports" / "definitions"
UNTRACED = "_untraced.yml"
PLACEHOLDER = re.compile(r"\{(p|row)\.(\w+)\}")
TERM = re.compile(r"\{(\w+|\.)\}")
REPORT_KEYS = frozenset(
    {"report", "right", "title", "owner", "is_view", "parameters", "keys", "optional_keys", "kinds", "sources",
     "touchpoints", "any_column", "metrics"}
)  # fmt: skip
# Names that the query of a trace has for itself (warehouse/reports/trace.sql).
RESERVED = frozenset(
    {"traced", "singles", "sums", "shown", "people", "span", "touches", "told", "named_records", "landed_rows",
     "load_windows", "brought", "brought_by", "without_load"}
)  # fmt: skip
METRIC_KEYS = frozenset(
    {
        "words",
        "source",
        "each",
        "when",
        "aggregate",
        "type",
        "formula",
        "hidden",
        "records",
        "beside",
        "example",
        "owner",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The same in English and in Russian."""

    en: str
    ru: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter of the report: its SQL type, and its default unless it is required."""

    type: str
    required: bool
    default: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """The single records behind rows that are sums: `each` over a source that reads the tables of `needs`."""

    source: str
    needs: tuple[str, ...]
    each: str
    when: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One figure. `source` is null where it is a formula over other metrics; `type` is the SQL type of the figure."""

    name: str
    words: Words
    owner: str
    source: str | None
    each: str
    when: str
    aggregate: str | None
    type: str
    formula: str
    hidden: bool
    records: Records | None
    beside: tuple[str, ...]
    example: Mapping[str, Any]

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of the metrics that the formula reads; `.` is the metric's own sum."""
        return tuple(dict.fromkeys(TERM.findall(self.formula)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One report: how it is asked, what its rows are made of, and its figures by name."""

    report: str
    right: str
    title: Words
    owner: str
    is_view: bool
    parameters: Mapping[str, Parameter]
    keys: Mapping[str, str]
    optional_keys: bool
    kinds: tuple[str, ...]
    sources: Mapping[str, str]
    touchpoints: str | None
    any_column: Mapping[str, Any] | None
    metrics: Mapping[str, Metric]

    def base_terms(self, name: str) -> tuple[str, ...]:
        """The metrics with rows of their own that a metric is computed of."""
        metric = self.metrics[name]
        found: list[str] = []
        for term in metric.terms:
            found += [name] if term in (".", name) else self.base_terms(term)
        return tuple(dict.fromkeys(found))

    def chain(self, source: str) -> tuple[str, ...]:
        """The source and those that it reads, in the order of the file."""
        names = list(self.sources)
        found = {source}
        for name in reversed(names[: names.index(source)]):
            if any(re.search(rf"\b(from|join)\s+{name}\b", self.sources[one]) for one in found):
                found.add(name)
        return tuple(name for name in names if name in found)


def read_definitions(folder: Path = DEFINITIONS_FOLDER) -> tuple[Definition, ...]:
    """All reports with definitions, by name; none where the folder does not exist. ConfigError naming what is wrong."""
    return tuple(_definition(path) for path in sorted(folder.glob("[!_]*.yml")))


def read_untraced(folder: Path = DEFINITIONS_FOLDER) -> Mapping[str, str]:
    """Relations of schema reports without a trace of their own, each with the reason."""
    return dict(yaml.safe_load((folder / UNTRACED).read_text(encoding="utf-8")))


def _definition(path: Path) -> Definition:
    said = yaml.safe_load(path.read_text(encoding="utf-8"))
    if unknown := set(said) - REPORT_KEYS:
        raise ConfigError(f"{path.name}: unknown keys {', '.join(sorted(unknown))}")
    if said["report"] != path.stem:
        raise ConfigError(f"{path.name}: names the report {said['report']}; a file is named as its report")
    metrics = {name: _metric(path, name, spec, said["owner"]) for name, spec in said["metrics"].items()}
    made = Definition(
        report=said["report"],
        right=said.get("right", said["report"]),
        title=Words(**said["title"]),
        owner=said["owner"],
        is_view=bool(said.get("is_view")),
        parameters={name: _parameter(spec) for name, spec in said["parameters"].items()},
        keys=said["keys"],
        optional_keys=bool(said.get("optional_keys")),
        kinds=tuple(said["kinds"]),
        sources=said["sources"],
        touchpoints=said.get("touchpoints"),
        any_column=said.get("any_column"),
        metrics=metrics,
    )
    _require_names(path, made)
    return made


def _parameter(spec: str | Sequence[Any]) -> Parameter:
    if isinstance(spec, str):
        return Parameter(type=spec, required=True)
    return Parameter(type=spec[0], required=False, default=spec[1])


def _metric(path: Path, name: str, spec: Mapping[str, Any], owner: str) -> Metric:
    place = f"{path.name}, metric {name}"
    if unknown := set(spec) - METRIC_KEYS:
        raise ConfigError(f"{place}: unknown keys {', '.join(sorted(unknown))}")
    if missing := {"words", "example"} - set(spec):
        raise ConfigError(f"{place}: has no {', '.join(sorted(missing))}")
    if ("source" in spec) != ("each" in spec) or ("source" not in spec and "formula" not in spec):
        raise ConfigError(f"{place}: is either a source with `each`, or a formula")
    records = spec.get("records")
    return Metric(
        name=name,
        words=Words(**spec["words"]),
        owner=spec.get("owner", owner),
        source=spec.get("source"),
        each=str(spec.get("each", "")),
        when=str(spec.get("when", "true")),
        aggregate=spec.get("aggregate"),
        type=spec.get("type", "numeric"),
        formula=str(spec.get("formula", "{.}")).strip(),
        hidden=bool(spec.get("hidden")),
        records=records and Records(
            source=records["source"], needs=tuple(records["needs"]), each=str(records["each"]),
            when=str(records.get("when", "true")),
        ),
        beside=tuple(spec.get("beside", ())),
        example=spec["example"],
    )  # fmt: skip


def _require_names(path: Path, made: Definition) -> None:
    """Every name that SQL or a formula uses is one that the file has."""
    if taken := RESERVED & set(made.sources):
        raise ConfigError(f"{path.name}: the names {', '.join(sorted(taken))} are taken, name these sources otherwise")
    known = {"p": set(made.parameters), "row": set(made.keys)}
    texts = [*made.sources.values()]
    for metric in made.metrics.values():
        texts += [metric.each, metric.when, metric.aggregate or "", metric.formula]
        sources = [metric.source, metric.records and metric.records.source]
        if wrong := {name for name in sources if name} - set(made.sources):
            raise ConfigError(f"{path.name}, metric {metric.name}: no source {', '.join(sorted(wrong))}")
        if wrong := ({*metric.terms, *metric.beside} - {"."}) - set(made.metrics):
            raise ConfigError(f"{path.name}, metric {metric.name}: no metric {', '.join(sorted(wrong))}")
        if metric.source is None and "." in metric.terms:
            raise ConfigError(f"{path.name}, metric {metric.name}: has no rows, so it has no sum of its own")
    for text in texts:
        if wrong := {f"{{{kind}.{name}}}" for kind, name in PLACEHOLDER.findall(text) if name not in known[kind]}:
            raise ConfigError(f"{path.name}: {', '.join(sorted(wrong))} is no parameter and no key")
