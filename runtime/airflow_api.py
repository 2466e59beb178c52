"""The few calls of Airflow's REST API that commands need."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import requests

from runtime.supervise import ProcessFailed

USER = "admin"


class AirflowRefused(ProcessFailed):
    """A call of the REST API was refused; the text has its answer."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class AirflowSilent(ProcessFailed):
    """Nobody answers at Airflow's address, or not as Airflow does."""


class Airflow:
    """The REST API of a running Airflow. Tokens are renewed when they run out."""

    def __init__(self, url: str, password: str) -> None:
        self.url = url
        self._password = password
        self._session = requests.Session()
        self._session.trust_env = False  # the loopback never goes through a proxy

    def healthy(self) -> bool:
        """Whether API, scheduler and DAG processor all say they are well."""
        try:
            answer = self._session.get(f"{self.url}/api/v2/monitor/health", timeout=10).json()
        except (requests.RequestException, ValueError):
            return False
        parts = ("metadatabase", "scheduler", "dag_processor")
        return all((answer.get(part) or {}).get("status") == "healthy" for part in parts)

    def call(self, method: str, path: str, **arguments: Any) -> Any:  # noqa: ANN401 - JSON
        """One request below /api/v2; its JSON. Raises AirflowRefused, AirflowSilent."""
        try:
            for attempt in (1, 2):
                if "Authorization" not in self._session.headers:
                    self._log_in()
                answer = self._session.request(method, f"{self.url}/api/v2/{path}", timeout=60, **arguments)
                if answer.status_code == 401 and attempt == 1:
                    del self._session.headers["Authorization"]
                    continue
                break
        except requests.RequestException as error:
            told = f"Airflow at {self.url} does not answer ({type(error).__name__}); `make status` says what serves"
            raise AirflowSilent(f"{told}, logs/airflow-*.log in the home what became of it") from None
        if not answer.ok:
            told = f"Airflow, {method} {path}: {answer.status_code} {answer.text[:300]}"
            raise AirflowRefused(told, answer.status_code)
        return answer.json() if answer.content else None

    def dags(self) -> dict[str, dict[str, Any]]:
        return {dag["dag_id"]: dag for dag in self.call("GET", "dags", params={"limit": 100})["dags"]}

    def import_errors(self, since: datetime) -> tuple[list[str], bool]:
        """Those found since a moment, and whether older ones stand, whose files have not been read again yet."""
        errors = self.call("GET", "importErrors")["import_errors"]
        fresh = [error for error in errors if datetime.fromisoformat(error["timestamp"]) >= since]
        told = [f"{error['filename']}: {error['stack_trace'].strip().splitlines()[-1]}" for error in fresh]
        return told, len(fresh) < len(errors)

    def pause(self, dag: str, *, paused: bool = True) -> None:
        self.call("PATCH", f"dags/{dag}", json={"is_paused": paused})

    def trigger(self, dag: str, run_id: str, conf: Mapping[str, Any]) -> None:
        body = {"dag_run_id": run_id, "conf": dict(conf), "logical_date": None}
        self.call("POST", f"dags/{dag}/dagRuns", json=body)

    def runs(self, dag: str) -> dict[str, dict[str, Any]]:
        """The newest runs of a DAG."""
        found = self.call("GET", f"dags/{dag}/dagRuns", params={"limit": 20, "order_by": "-run_after"})
        return {run["dag_run_id"]: run for run in found["dag_runs"]}

    def run_state(self, dag: str, run_id: str) -> str:
        return str(self.call("GET", f"dags/{dag}/dagRuns/{run_id}")["state"])

    def tasks(self, dag: str, run_id: str) -> list[dict[str, Any]]:
        found = self.call("GET", f"dags/{dag}/dagRuns/{run_id}/taskInstances", params={"limit": 100})
        return list(found["task_instances"])

    def forget_queued_events(self, dag: str) -> None:
        """Asset events that an earlier, half-finished round left behind."""
        try:
            self.call("DELETE", f"dags/{dag}/assets/queuedEvents")
        except AirflowRefused as error:
            if error.status != 404:
                raise

    def _log_in(self) -> None:
        body = {"username": USER, "password": self._password}
        answer = self._session.post(f"{self.url}/auth/token", json=body, timeout=60)
        answer.raise_for_status()
        self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
