"""What every benchmark needs: contestants that take turns, medians, one line printed and one line kept per figure.

A benchmark is a module of this folder with `run(bench: Bench) -> None`, named in `__main__.BENCHMARKS`. It measures,
and calls `bench.record(name, value, goal, how)` for each figure; a figure holds where value ≤ goal.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure. `value` and `goal` share a unit, which `how` tells; ratios have none."""

    name: str
    value: float
    goal: float
    how: str

    @property
    def holds(self) -> bool:
        return self.value <= self.goal


@dataclass(slots=True)
class Bench:
    """A run of benchmarks. State: the figures so far, each already appended to `journal` (JSON lines).

    `url`: a superuser's URL of a PostgreSQL server. `work`: a folder for inputs, gone afterwards.
    """

    url: str
    work: Path
    journal: Path
    figures: list[Figure] = field(default_factory=list)

    def record(self, name: str, value: float, goal: float, how: str) -> Figure:
        """Keep and print a figure."""
        figure = Figure(name, round(value, 3), goal, how)
        self.figures.append(figure)
        self.journal.parent.mkdir(parents=True, exist_ok=True)
        with self.journal.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(asdict(figure), ensure_ascii=False) + "\n")
        print(f"{'ok ' if figure.holds else 'OVER'} {name}: {figure.value:g} (goal ≤ {goal:g})  {how}", flush=True)
        return figure


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock seconds of a call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def in_turns(contestants: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Median of what each contestant returns (seconds), all of them once per round, first one another each round.

    Whatever else the machine does meets all of them, so ratios of the medians hold where the seconds do not.
    """
    names = list(contestants)
    found: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds):
        at = turn % len(names)
        for name in names[at:] + names[:at]:
            found[name].append(contestants[name]())
    return {name: median(values) for name, values in found.items()}
