"""What a gate found, and how it says so: which rule, which rows, why, what to do. Keys only, never personal data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from expectations.rule import MOST_ROWS, Rule
from extractors.core.redact import redact

Gate = Literal["landed", "marts"]

MOST_EXAMPLES = 5
MOST_BREACHES = 20  # told in full in one message; ops.checks has them all
TITLES: dict[Gate, str] = {"landed": "The gate before the build", "marts": "The gate before publication"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one rule said. `is_passed` null: it was not asked, `message` says why.

    `rows_failed` is of rows or, where the rule looks at groups, of groups; null where it could not be counted.
    """

    rule: Rule
    is_passed: bool | None
    rows_checked: int | None = None
    rows_failed: int | None = None
    examples: tuple[Mapping[str, str], ...] = ()
    message: str | None = None

    def text(self) -> str:
        """Which rule, which rows, why, what to do."""
        return "\n".join((f"{_where(self)}: {_count(self)}", *_details(self)))

    @property
    def is_breach(self) -> bool:
        return self.is_passed is False and self.rule.severity == "stop"

    @property
    def is_warning(self) -> bool:
        return self.is_passed is False and self.rule.severity == "warn"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateReport:
    """Everything a gate found."""

    gate: Gate
    run_id: str
    checked_at: datetime
    verdicts: tuple[Verdict, ...]

    @property
    def breaches(self) -> tuple[Verdict, ...]:
        return tuple(verdict for verdict in self.verdicts if verdict.is_breach)

    @property
    def warnings(self) -> tuple[Verdict, ...]:
        return tuple(verdict for verdict in self.verdicts if verdict.is_warning)

    @property
    def skipped_tables(self) -> dict[str, str]:
        """Tables that no rule could look at, and why."""
        return {verdict.rule.table: verdict.message or "" for verdict in self.verdicts if verdict.is_passed is None}

    def summary(self) -> str:
        """One line: how many rules, what was skipped, what was warned of."""
        asked = sum(verdict.is_passed is not None for verdict in self.verdicts)
        warned = f"{len(self.warnings)} {'warning' if len(self.warnings) == 1 else 'warnings'}"
        parts = [f"{asked} rules asked, {len(self.breaches)} breached, {warned}"]
        parts += [f"warning {_where(each)}: {_count(each)}" for each in self.warnings]
        if skipped := self.skipped_tables:
            parts.append(f"nothing to look at in {', '.join(sorted(self._briefly(skipped)))}")
        return "; ".join(parts)

    def _briefly(self, tables: Iterable[str]) -> set[str]:
        """Tables by name; of a source without a row only the source: a clinic has few of those that there are."""
        asked = {_source(verdict.rule.table) for verdict in self.verdicts if verdict.is_passed is not None}
        return {table if _source(table) in asked else _source(table) for table in tables}

    def refusal(self) -> str:
        """The whole message of a refused gate."""
        breaches = self.breaches
        lines = [
            f"{TITLES[self.gate]} found {_number(len(breaches), 'breach', 'breaches')}. "
            "Nothing was published; readers keep the last publication."
        ]
        for number, verdict in enumerate(breaches[:MOST_BREACHES], start=1):
            lines += ["", f"{number}. {verdict.text()}"]
        if len(breaches) > MOST_BREACHES:
            lines += ["", f"… and {len(breaches) - MOST_BREACHES} more."]
        lines += [
            "",
            f"All of it is in ops.checks with run_id {self.run_id}; how to go on: docs/how_to/when_a_gate_refuses.md",
        ]
        return "\n".join(lines)


def shown(row: Mapping[str, Any], keys: Sequence[str]) -> dict[str, str]:
    """A row's keys as they may be shown: a file's id that is a phone or an e-mail is hidden."""
    return {key: redact(str(row[key]))[:120] for key in keys if row.get(key) is not None}


def _where(verdict: Verdict) -> str:
    return f"{verdict.rule.name} of {verdict.rule.table}"


def _count(verdict: Verdict) -> str:
    if verdict.rows_failed is None:
        return "could not be asked"
    failed = f"more than {MOST_ROWS}" if verdict.rows_failed > MOST_ROWS else str(verdict.rows_failed)
    return f"{failed} found in {_number(verdict.rows_checked or 0, 'row', 'rows')}"


def _details(verdict: Verdict) -> list[str]:
    rule = verdict.rule
    lines = []
    if verdict.examples:
        rows = "; ".join(", ".join(f"{key}={value}" for key, value in row.items()) for row in verdict.examples)
        more = (verdict.rows_failed or 0) > len(verdict.examples)
        lines.append(f"   which: {rows}{' …' if more else ''}")
    if verdict.message:
        lines.append(f"   said:  {verdict.message}")
    return [*lines, f"   why:   {rule.reason}", f"   do:    {rule.what_to_do}", f"   who:   {rule.owner}"]


def _number(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _source(table: str) -> str:
    """`calltouch` of `staging.calltouch__calls`; a table of the marts is its own."""
    return table.removeprefix("staging.").partition("__")[0]
