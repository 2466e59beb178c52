"""A run is followed over a moment in which Airflow's API does not answer, and not for ever."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from runtime import rounds
from runtime.airflow_api import Airflow, AirflowSilent
from runtime.progress import Progress
from runtime.rounds import Follower


class Unsteady(Airflow):
    """Its API answers or not, one word of `answers` a question; then the run is over."""

    def __init__(self, answers: Iterator[str]) -> None:
        super().__init__("http://127.0.0.1:1", "x")
        self._answers = answers

    def tasks(self, dag: str, run_id: str) -> list[dict[str, Any]]:
        if next(self._answers, "ended") == "silent":
            raise AirflowSilent("nobody answers")
        return []

    def run_state(self, dag: str, run_id: str) -> str:
        return next(self._answers, "success")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "LOOK_SECONDS", 0)


def follow(answers: list[str], seconds: float = 3600) -> dict[str, str]:
    ticks = count(step=10)  # seconds from one look at the clock to the next
    follower = Follower(Unsteady(iter(answers)), Progress(), clock=lambda: float(next(ticks)))
    return follower.wait([("extract_uis", "run")], [], seconds=seconds)


def test_a_silence_of_a_moment_is_waited_for() -> None:
    assert follow(["tasks", "running", "silent", "silent", "tasks", "running", "silent"]) == {"extract_uis": "success"}


def test_a_silence_that_lasts_is_told() -> None:
    with pytest.raises(AirflowSilent, match="nobody answers"):
        follow(["silent"] * 50)
