"""Runs dbt in this process: a line per model and failed test as it ends, and in the end what became of each."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from extractors.core.errors import ChairsideError
from warehouse import libpq

PROJECT = Path(__file__).resolve().parent.parent / "dbt_project"
# To compile a query to machine code takes longer than most queries here. Tables are read by joins on their keys, for
# which 9,000 rows tell the planner as much as 30,000; looking at these was a twelfth of building a million touchpoints.
PLANNING = "-c jit=off -c default_statistics_target=30"
# dbt says these itself; the library that it connects with reads the others, of TLS and of the session.
IN_PROFILE = ("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE")
_BUILD_MEMORY = """
select greatest(pg_size_bytes(current_setting('work_mem')), least(
    pg_size_bytes(current_setting('effective_cache_size')) / 8, pg_size_bytes('512MB')
)) / 1024
"""
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


@dataclass(slots=True)
class Dbt:
    """dbt on one warehouse. State: the project as it was parsed, so that a second build need not; and all runs so far.

    `folder` takes compiled models, manifest and log; the target `day` has a folder of its own in it, because another
    target on the same folder makes dbt parse everything anew.
    """

    url: str
    folder: Path
    say: Callable[[str], None]
    runs: list[ModelRun] = field(default_factory=list)
    _parsed: Any = None

    def build(self, *, select: Sequence[str] = (), exclude: Sequence[str] = (), is_last: bool = True) -> None:
        """Seeds, models and tests. Raises BuildFailed naming what failed; what was built before it stays.

        manifest.json, megabytes that dbt takes a second to write, is written by the last build of a run.
        """
        # Heavy: seconds of imports that no other step needs.
        from dbt.cli.main import dbtRunner

        # Unit tests prove the models, not the data: they belong to the tests of this project, not to every load.
        arguments = ["build", *common_arguments(self.folder), "--exclude-resource-type", "unit_test"]
        arguments += ["--select", *select] if select else []
        arguments += ["--exclude", *exclude] if exclude else []
        arguments += [] if is_last else ["--no-write-json"]
        options = libpq.with_options(self.url, f"{PLANNING} -c work_mem={_build_memory(self.url)}kB")
        with dbt_environment(self.url, **{libpq.OPTIONS: options}):
            if self._parsed is None:
                self._parsed = _finished(["parse", *common_arguments(self.folder), "--no-write-json"])
            runner = dbtRunner(manifest=self._parsed, callbacks=[lambda event: _say_node(event, self.say)])
            result = runner.invoke(arguments)
        self.take(_runs(result.result))
        if result.exception is not None or not result.success:
            raise BuildFailed(f"dbt did not run: {result.exception or 'see its log'} (log: {self.folder / 'dbt.log'})")

    def compile_day(self) -> dict[str, Any]:
        """dbt's manifest with the SQL of every model and test for the target `day`. Raises BuildFailed."""
        folder = self.folder / "day"
        with dbt_environment(self.url):
            _finished(["compile", *common_arguments(folder), "--target", "day"])
        return dict(json.loads((folder / "manifest.json").read_bytes()))

    def take(self, runs: Sequence[ModelRun]) -> None:
        """Keep what became of models. Raises BuildFailed where one of them failed."""
        self.runs += runs
        failed = [run for run in runs if run.failed]
        if failed:
            raise BuildFailed(_explain(failed, runs, self.folder))


def _finished(arguments: list[str]) -> Any:  # noqa: ANN401 - dbt's own, untyped here
    from dbt.cli.main import dbtRunner

    result = dbtRunner().invoke(arguments)
    if not result.success:
        raise BuildFailed(f"dbt could not {arguments[0]} its project: {result.exception or 'see its log'}")
    return result.result


def common_arguments(work_folder: Path) -> list[str]:
    """Where dbt reads and writes; nothing is written into the repository."""
    return [
        "--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--target-path", str(work_folder),
        "--log-path", str(work_folder), "--log-level", "none", "--log-level-file", "info", "--no-use-colors-file",
        "--no-send-anonymous-usage-stats", "--no-version-check",
    ]  # fmt: skip


@contextmanager
def dbt_environment(url: str, **more: str) -> Iterator[None]:
    """The variables that dbt_project/profiles.yml reads, what else the URL says to libpq, and `more`, for the block."""
    parts = conninfo_to_dict(url)
    wanted = {
        **{name: value for name, value in libpq.variables(url).items() if name not in IN_PROFILE},
        "DBT_HOST": str(parts.get("host") or "127.0.0.1"),
        "DBT_PORT": str(parts.get("port") or 5432),
        "DBT_USER": str(parts.get("user") or ""),
        "DBT_PASSWORD": str(parts.get("password") or ""),
        "DBT_DBNAME": str(parts.get("dbname") or ""),
        **more,
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


def _build_memory(url: str) -> int:
    """Kilobytes that a sort or hash of a build may take: an eighth of what the server says it has, within bounds.

    A build runs two statements at a time; `work_mem` is set for a hundred readers.
    """
    with psycopg.connect(url) as connection:
        return int(connection.execute(_BUILD_MEMORY).fetchall()[0][0])


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


def _explain(failed: Sequence[ModelRun], runs: Sequence[ModelRun], work_folder: Path) -> str:
    lines = [f"dbt: {len(failed)} of {len(runs)} failed; marts stay as they were."]
    lines += [f"  {run.kind} {run.model}: {' '.join((run.message or run.status).split())}" for run in failed[:20]]
    lines.append(f"Compiled SQL is below {work_folder / 'compiled'}, dbt's log is {work_folder / 'dbt.log'}.")
    return "\n".join(lines)
