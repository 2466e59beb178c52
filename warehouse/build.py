"""Runs dbt in this process: seeds, models and tests in one `dbt build`, with a line per node and a row in `ops`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from extractors.core.errors import ChairsideError

PROJECT = Path(__file__).resolve().parent.parent / "dbt_project"
FAILED = ("error", "fail", "runtime error", "partial success")


class BuildFailed(ChairsideError):
    """dbt could not build everything, or a test of the data failed. Marts stay as they were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRun:
    """What became of one model, seed or test. `rows`: written, or found wrong by a test; null where dbt is silent."""

    model: str
    kind: str
    status: str
    seconds: float
    rows: int | None
    message: str | None

    @property
    def failed(self) -> bool:
        return self.status in FAILED


def build(
    url: str,
    *,
    run_id: str,
    as_of: datetime,
    work_folder: Path,
    say: Callable[[str], None],
    select: Sequence[str] = (),
) -> list[ModelRun]:
    """Build every model as of a moment. Raises BuildFailed naming what failed; what was built before it stays."""
    _set_moment(url, as_of)
    with dbt_environment(url):
        # Heavy: seconds of imports that no other step needs.
        from dbt.cli.main import dbtRunner

        # Unit tests prove the models, not the data: they belong to the tests of this project, not to every load.
        arguments = ["build", *common_arguments(work_folder), "--exclude-resource-type", "unit_test"]
        arguments += ["--select", *select] if select else []
        result = dbtRunner(callbacks=[lambda event: _say_node(event, say)]).invoke(arguments)
    runs = _runs(result.result)
    _record(url, run_id, runs)
    failed = [run for run in runs if run.failed]
    if failed:
        raise BuildFailed(_explain(failed, runs, work_folder))
    if result.exception is not None or not result.success:
        raise BuildFailed(f"dbt did not run: {result.exception or 'see its log'} (log: {work_folder / 'dbt.log'})")
    return runs


def _set_moment(url: str, as_of: datetime) -> None:
    """Tell the models the moment of this load. Not by `--vars`: a changed variable makes dbt parse everything anew."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "insert into staging.settings (name, value) values ('as_of', %s)"
            " on conflict (name) do update set value = excluded.value",
            (as_of.isoformat(),),
        )


def common_arguments(work_folder: Path) -> list[str]:
    """Where dbt reads and writes; nothing is written into the repository."""
    return [
        "--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--target-path", str(work_folder),
        "--log-path", str(work_folder), "--log-level", "none", "--log-level-file", "info", "--no-use-colors-file",
        "--no-send-anonymous-usage-stats", "--no-version-check",
    ]  # fmt: skip


@contextmanager
def dbt_environment(url: str) -> Iterator[None]:
    """The variables that dbt_project/profiles.yml reads, for the time of the block."""
    parts = conninfo_to_dict(url)
    wanted = {
        "DBT_HOST": str(parts.get("host") or "127.0.0.1"),
        "DBT_PORT": str(parts.get("port") or 5432),
        "DBT_USER": str(parts.get("user") or ""),
        "DBT_PASSWORD": str(parts.get("password") or ""),
        "DBT_DBNAME": str(parts.get("dbname") or ""),
    }
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _say_node(event: Any, say: Callable[[str], None]) -> None:  # noqa: ANN401 - dbt's events are untyped
    """A line per finished model, seed and failed test; passing tests are counted at the end."""
    if event.info.name == "LogModelResult":
        node, data = event.data.node_info, event.data
        say(f"  dbt {node.resource_type} {node.node_name}: {data.status}, {data.execution_time:.1f} s")
    elif event.info.name == "LogSeedResult":
        say(f"dbt: seed {event.data.relation}: {event.data.status} in {event.data.execution_time:.1f} s")
    elif event.info.name == "LogTestResult" and event.data.status in ("fail", "error", "warn"):
        say(f"  dbt test {event.data.name}: {event.data.status}")


def _runs(result: Any) -> list[ModelRun]:  # noqa: ANN401
    return [
        ModelRun(
            model=node.node.name,
            kind=str(node.node.resource_type),
            status=str(node.status),
            seconds=round(float(node.execution_time), 3),
            rows=node.failures if node.failures is not None else _rows_affected(node.adapter_response),
            message=node.message if str(node.status) in FAILED else None,
        )
        for node in getattr(result, "results", None) or []
    ]


def _rows_affected(response: Any) -> int | None:  # noqa: ANN401
    rows = (response or {}).get("rows_affected")
    return rows if isinstance(rows, int) and rows >= 0 else None


def _record(url: str, run_id: str, runs: Sequence[ModelRun]) -> None:
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "insert into ops.model_runs (run_id, model, kind, status, seconds, rows, finished_at, message)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s)",
            [(run_id, r.model, r.kind, r.status, r.seconds, r.rows, datetime.now(UTC), r.message) for r in runs],
        )


def _explain(failed: Sequence[ModelRun], runs: Sequence[ModelRun], work_folder: Path) -> str:
    lines = [f"dbt: {len(failed)} of {len(runs)} failed; marts stay as they were."]
    lines += [f"  {run.kind} {run.model}: {' '.join((run.message or run.status).split())}" for run in failed[:20]]
    lines.append(f"Compiled SQL is below {work_folder / 'compiled'}, dbt's log is {work_folder / 'dbt.log'}.")
    return "\n".join(lines)
