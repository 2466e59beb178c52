"""What every benchmark needs: contestants that take turns, medians, one line printed and one document kept per run.

A benchmark is a module of this folder with `run(bench: Bench) -> None`, named in `__main__.BENCHMARKS`. It measures,
sees that the contestants did the same (`same`), and calls `bench.record(…)` for each figure; a figure holds where
value ≤ goal.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

ROUNDS = 5
# A turn of all contestants that takes longer than this is not repeated: a build of millions of rows takes its minutes.
ONCE_SECONDS = 240.0


class Disagreement(Exception):
    """Contestants that did different things: their times say nothing. The text says what differs, and quotes no row."""


@dataclass(frozen=True, slots=True)
class Rounds:
    """Seconds of every contestant, a value a round. `rounds["ours"]` is the median of its seconds."""

    seconds: Mapping[str, tuple[float, ...]]

    def __getitem__(self, name: str) -> float:
        return median(self.seconds[name])

    def told(self) -> dict[str, dict[str, Any]]:
        """Per contestant: median, least and most, and the seconds themselves, for the run's document."""
        return {
            name: {
                "median": round(median(values), 4), "least": round(min(values), 4), "most": round(max(values), 4),
                "seconds": [round(value, 4) for value in values],
            }
            for name, values in self.seconds.items()
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured figure. `value` and `goal` share a unit, which `how` tells; ratios have none.

    `sizes`: of the data, by what they count. `rounds`: as Rounds.told says, empty where nothing was timed in turns.
    """

    benchmark: str
    name: str
    value: float
    goal: float
    how: str
    sizes: Mapping[str, int] = field(default_factory=dict)
    rounds: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        return self.value <= self.goal


@dataclass(slots=True)
class Bench:
    """A run of benchmarks. State: the figures so far, and which benchmarks were refused, all in `document` (JSON).
    `journal` grows by a line of JSON a figure, over all runs.

    `url`: a superuser's URL of a PostgreSQL server. `work`: a folder for inputs, gone afterwards. `machine`: what the
    document says of where this ran.
    """

    url: str
    work: Path
    document: Path
    machine: Mapping[str, Any] = field(default_factory=dict)
    figures: list[Figure] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    running: str = ""
    journal: Path | None = None

    @contextmanager
    def benchmark(self, name: str) -> Iterator[None]:
        """Figures of the block are of this benchmark; where contestants disagree it ends, and the run goes on."""
        self.running = name
        try:
            yield
        except Disagreement as wrong:
            self.refused[name] = str(wrong)
            self._write()
            print(f"WRONG {name}: {wrong}", flush=True)

    def record(
        self,
        name: str,
        value: float,
        goal: float,
        how: str,
        *,
        rounds: Rounds | None = None,
        sizes: Mapping[str, int] | None = None,
    ) -> Figure:
        """Keep and print a figure."""
        figure = Figure(
            benchmark=self.running, name=name, value=round(value, 3), goal=goal, how=how, sizes=sizes or {},
            rounds=rounds.told() if rounds else {},
        )  # fmt: skip
        self.figures.append(figure)
        self._write()
        if self.journal is not None:
            line = {"name": name, "value": figure.value, "goal": goal, "how": how, "benchmark": figure.benchmark}
            line |= {"began_at": self.machine.get("began_at")}
            with self.journal.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
        print(f"{'ok ' if figure.holds else 'OVER'} {name}: {figure.value:g} (goal ≤ {goal:g})  {how}", flush=True)
        return figure

    def _write(self) -> None:
        """The whole document, in place of the one before: a run that is stopped leaves the figures it had."""
        self.document.parent.mkdir(parents=True, exist_ok=True)
        told = {
            **self.machine,
            "figures": [asdict(figure) | {"holds": figure.holds} for figure in self.figures],
            "refused": self.refused,
        }
        unfinished = self.document.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        unfinished.replace(self.document)


def same(what: str, ours: object, theirs: object) -> None:
    """Raises Disagreement where contestants left different things behind: no figure is made of them."""
    if ours != theirs:
        raise Disagreement(f"{what}: ours {ours}, theirs {theirs}")


def rounds_wanted() -> int:
    """Turns of every contestant: BENCH_ROUNDS, else 5."""
    return int(os.environ.get("BENCH_ROUNDS") or ROUNDS)


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock seconds of a call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def in_turns(
    contestants: Mapping[str, Callable[[], float]], rounds: int, *, once_seconds: float = ONCE_SECONDS
) -> Rounds:
    """What each contestant returns (seconds), all of them once per round, first one another each round.

    Whatever else the machine does meets all of them, so ratios of the medians hold where the seconds do not. A round
    of more than `once_seconds` is the last one.
    """
    names = list(contestants)
    found: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds):
        began = time.perf_counter()
        at = turn % len(names)
        for name in names[at:] + names[:at]:
            found[name].append(contestants[name]())
        if time.perf_counter() - began > once_seconds:
            break
    return Rounds({name: tuple(values) for name, values in found.items()})
