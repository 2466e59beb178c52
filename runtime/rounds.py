"""Runs DAGs through Airflow's scheduler and follows them until they end, a line per change."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from runtime.airflow_api import Airflow, AirflowSilent
from runtime.progress import Progress
from runtime.supervise import ProcessFailed, Service

LOOK_SECONDS = 1.0
SILENCE_SECONDS = 60.0  # of the API, which restarts and is busy at times; the runs go on without it
FINISHED = ("success", "failed")


class Follower:
    """Says each change of a task's state once."""

    def __init__(self, airflow: Airflow, progress: Progress, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._airflow = airflow
        self._progress = progress
        self._seen: dict[tuple[str, str, str], tuple[str | None, int]] = {}
        self._clock = clock

    def look(self, dag: str, run_id: str) -> str:
        """Say what changed in one run; its state."""
        for task in self._airflow.tasks(dag, run_id):
            key, state = (dag, run_id, task["task_id"]), (task["state"], task["try_number"])
            if self._seen.get(key) != state:
                self._seen[key] = state
                if task["state"] in ("running", "success", "failed", "up_for_retry", "upstream_failed"):
                    seconds = f" in {task['duration']:.1f} s" if task["state"] == "success" and task["duration"] else ""
                    self._progress.say(f"  {dag}.{task['task_id']}: {task['state']}{seconds}")
        return self._airflow.run_state(dag, run_id)

    def wait(self, runs: Sequence[tuple[str, str]], parts: Sequence[Service], *, seconds: float) -> dict[str, str]:
        """Follow the runs to their ends; DAG to state. Raises ProcessFailed when a part or the time ends, and
        AirflowSilent where nobody answers for longer than a moment.
        """
        answered = self._clock()
        deadline = answered + seconds
        states: dict[str, str] = {}
        while len(states) < len(runs):
            try:
                for dag, run_id in runs:
                    if dag not in states and (state := self.look(dag, run_id)) in FINISHED:
                        self.look(dag, run_id)
                        states[dag] = state
                answered = self._clock()
            except AirflowSilent:
                if self._clock() - answered > SILENCE_SECONDS:
                    raise
            check_alive(parts)
            if self._clock() > deadline:
                missing = ", ".join(dag for dag, _ in runs if dag not in states)
                raise ProcessFailed(f"{missing}: not finished after {seconds:.0f} s; see the task logs in Airflow")
            if len(states) < len(runs):
                time.sleep(LOOK_SECONDS)
        return states


def check_alive(parts: Sequence[Service]) -> None:
    for part in parts:
        if not part.running():
            raise ProcessFailed(f"{part.name} ended. The end of {part.log}:\n{part.last_lines()}")


def trigger_all(airflow: Airflow, dags: Sequence[str], run_id: str, conf: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Unpause and trigger each DAG; the runs."""
    for dag in dags:
        airflow.pause(dag, paused=False)
        airflow.trigger(dag, run_id, conf)
    return [(dag, run_id) for dag in dags]


def wait_for_new_run(
    airflow: Airflow, dag: str, known: set[str], parts: Sequence[Service], *, seconds: float
) -> tuple[str, str]:
    """The run that the scheduler queues for a DAG's assets. Raises ProcessFailed where none comes."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        check_alive(parts)
        for run_id, run in airflow.runs(dag).items():
            if run_id not in known and run["run_type"] == "asset_triggered":
                return dag, run_id
        time.sleep(LOOK_SECONDS)
    raise ProcessFailed(f"{dag}: the sources' assets queued no run within {seconds:.0f} s; see the scheduler's log")


def failures(airflow: Airflow, dag: str, run_id: str) -> list[str]:
    """The failed tasks of a run, each with the last error line of its log."""
    found = []
    for task in airflow.tasks(dag, run_id):
        if task["state"] == "failed":
            path = f"dags/{dag}/dagRuns/{run_id}/taskInstances/{task['task_id']}/logs/{task['try_number']}"
            answer = airflow.call("GET", path, headers={"Accept": "application/json"})
            found.append(f"{dag}.{task['task_id']}: {_error_of(answer) or 'see its log in Airflow'}")
    return found


def _error_of(answer: Any) -> str:  # noqa: ANN401 - JSON
    """The text of the exception in a task's log, which is a list of events."""
    errors: list[str] = []
    for event in answer.get("content") or []:
        for detail in (event.get("error_detail") or []) if isinstance(event, dict) else []:
            if detail.get("exc_value"):
                errors.append(str(detail["exc_value"]))
    return errors[-1] if errors else ""
