"""The steps of a load, in order. `make load` runs them all; the DAGs run each as a task.

    prepare → load_files (or a vendor's streams) → check_landed → build → forecast → check_marts → publish → lints
    → expire_history

A step writes what it did, or why it failed, in `ops.steps`. A failed step stops the ones after it, so marts keep the
last publication. Every step may be run again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import shorten
from time import monotonic
from typing import TYPE_CHECKING

import psycopg

from extractors.core.errors import ChairsideError, GuardError, PublicationRefused, TransientError
from extractors.core.redact import without_rows
from extractors.turns import PATIENCE
from warehouse.build import BuildFailed, ModelRun
from warehouse.build import build as run_dbt
from warehouse.cut_off import AGAIN, passing_where_cut_off
from warehouse.dbt_log import clean_logs
from warehouse.publish_gate import HOW_TO_LOOK, counted_build, decide, passed, refused, require_filled

if TYPE_CHECKING:
    from extractors.sources.files import LoadSummary

Say = Callable[[str], None]


class StepFailed(ChairsideError):
    """The database refused a statement of a step or command. Trying again does not help."""


@dataclass(slots=True)
class Note:
    """What a step wants to have said about itself; the last text stays in `ops.steps`."""

    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOutcome:
    """What `run_all` did. `complete` is false where a file could not be read as a whole."""

    run_id: str
    files: LoadSummary
    models: list[ModelRun] = field(default_factory=list)
    complete: bool


def work_folder() -> Path:
    """Where dbt keeps its compiled models: in the instance's home."""
    home = os.environ.get("CHAIRSIDE_HOME") or Path(__file__).resolve().parent.parent / ".chairside"
    return Path(home).expanduser().resolve() / "dbt_target"


@contextmanager
def step(url: str, run_id: str, name: str, say: Say) -> Iterator[Note]:
    """Record one step. An error is written down and goes on its way."""
    started_at = datetime.now(UTC)
    note = Note()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "insert into ops.steps (run_id, step, started_at, status) values (%s, %s, %s, 'running')",
            (run_id, name, started_at),
        )
    status = "failed"
    try:
        yield note
        status = "done"
    except psycopg.Error as error:
        failure = failure_of(name, error)
        note.text = str(failure)
        # Without the database's own error behind it: logs would print that too, and it quotes rows.
        raise failure from None
    except Exception as error:
        note.text = without_rows(str(error))
        if isinstance(error, BuildFailed):
            error.args = (note.text,)  # dbt hands on what the database said, and logs print it
        raise
    except BaseException:
        note.text = "stopped from outside before it was done"
        raise
    finally:
        finished_at = datetime.now(UTC)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "update ops.steps set finished_at = %s, status = %s, message = nullif(%s, '')"
                " where run_id = %s and step = %s and started_at = %s",
                (finished_at, status, note.text[:4000], run_id, name, started_at),
            )
        if status == "done":
            say(
                f"{name}: done in {(finished_at - started_at).total_seconds():.1f} s"
                + (note.text and f"; {shorten(note.text, 240)}")
            )


def failure_of(name: str, error: psycopg.Error) -> ChairsideError:
    """The database's error in a step or command of that name as one of ours, in the words that name no row."""
    said = without_rows(error.diag.message_primary or type(error).__name__)
    if isinstance(error, psycopg.OperationalError):
        return TransientError(f"{name}: the warehouse failed ({error.sqlstate}: {said}). {AGAIN}")
    return StepFailed(
        f"{name}: the warehouse refused a statement ({error.sqlstate}: {said}). Its transaction is"
        " undone. The error's detail quotes rows and is kept nowhere."
    )


@contextmanager
def exclusive(url: str) -> Iterator[None]:
    """One builder at a time on a warehouse; a second waits. Whoever dies in between frees the turn."""
    with psycopg.connect(url) as connection:
        # Nothing but the lock is in this transaction, so it holds back no vacuum, however long it is idle.
        connection.execute(PATIENCE)
        connection.execute("lock table ops.build_turn in exclusive mode")
        yield


def prepare(url: str) -> None:
    """Create or bring up to date everything but data: schemas, landed tables, access, ops. Safe to repeat."""
    from warehouse.migrate import migrate

    migrate(url)


def load_files(
    url: str, inbox: Path, mapping: Path | None, *, run_id: str, now: datetime, say: Say = print
) -> LoadSummary:
    """Land the import files of a folder. Raises ConfigError for the folder or the mapping as a whole."""
    from extractors.sources.files import load_inbox

    with step(url, run_id, "load_files", say) as note:
        result = load_inbox(url, inbox, mapping=mapping, run_id=run_id, now=now)
        for line in result.lines():
            say(line)
        note.text = f"{len(result.files)} files, {result.rows_read} rows read, {result.rows_rejected} rejected"
    return result


def check_landed(
    url: str, *, run_id: str, now: datetime, sources: Sequence[str] | None = None, say: Say = print
) -> None:
    """The gate before the build, for these sources or all. Raises PublicationRefused listing the breaches."""
    from expectations.gate import check_landed as check

    with step(url, run_id, "check_landed", say) as note, passing_where_cut_off(url, "check_landed"):
        note.text = check(url, run_id=run_id, now=now, sources=sources).summary()


def build(url: str, *, run_id: str, as_of: datetime, folder: Path | None = None, say: Say = print) -> list[ModelRun]:
    """Build the models with dbt as of a moment. Raises BuildFailed."""
    with step(url, run_id, "build", say) as note:
        try:
            with passing_where_cut_off(url, "build"), counted_build(url, run_id):
                runs = run_dbt(url, run_id=run_id, as_of=as_of, work_folder=folder or work_folder(), say=say)
        except BaseException:
            clean_logs(folder or work_folder())
            raise
        _ready_to_scale(folder or work_folder(), say)
        tests = sum(run.kind in ("test", "unit_test") for run in runs)
        note.text = f"{len(runs) - tests} models and seeds built, {tests} tests passed"
    return runs


def _ready_to_scale(folder: Path, say: Say) -> None:
    """Say what of the project Citus would refuse; where the warehouse lies on Citus, stop. Raises GuardError."""
    from warehouse.scale_lint import of_build

    wrong = of_build(folder)
    if wrong and os.environ.get("CHAIRSIDE_TARGET") == "citus":
        raise GuardError("\n".join(["Built, but not published: Citus would refuse it.", *wrong]))
    for line in wrong:
        say(f"not ready for Citus: {line}")


def forecast(url: str, *, run_id: str, as_of: datetime, say: Say = print) -> None:
    """Find seasons in the built sales and write them beside the models. Every build empties what it writes."""
    # Heavy: a second of imports that no other step needs.
    from warehouse.forecast.sales import fill

    with step(url, run_id, "forecast", say) as note:
        with psycopg.connect(url) as connection:
            require_filled(connection)
        note.text = fill(url, as_of.date()).summary()


def stale_sources(url: str, names: Sequence[str], *, now: datetime) -> list[str]:
    """Those of the sources that are stale at `now` in any stream (ops.freshness_streams), or were never loaded."""
    with psycopg.connect(url) as connection:
        fresh = connection.execute(
            "select source from ops.freshness_streams group by source"
            " having coalesce(min(stale_from) > %s, true) and bool_and(loaded_at is not null)",
            (now,),
        ).fetchall()
    return sorted(set(names) - {source for (source,) in fresh})


def without_news(url: str, names: Sequence[str], *, since: datetime) -> list[str]:
    """Those of the sources of which no load has passed its gate since then."""
    with psycopg.connect(url) as connection:
        heard = connection.execute(
            "select distinct split_part(run_id, '/', 1) from ops.steps"
            " where step = 'check_landed' and status = 'done' and finished_at > %s",
            (since,),
        ).fetchall()
    return sorted(set(names) - {dag.removeprefix("extract_") for (dag,) in heard})


def check_marts(url: str, *, run_id: str, now: datetime, say: Say = print) -> None:
    """The gate before publication. Raises PublicationRefused listing the breaches and how to look at what it refused.

    Nobody else may build meanwhile (`exclusive`): the verdict is on what lies in schema `build`.
    """
    from expectations.gate import check_marts as check
    from warehouse.publish_touched import differ_by_touched

    with step(url, run_id, "check_marts", say) as note:
        with psycopg.connect(url) as connection:
            require_filled(connection)
            only_touched = differ_by_touched(connection)
        try:
            with passing_where_cut_off(url, "check_marts"):
                note.text = check(url, run_id=run_id, now=now, only_touched=only_touched).summary()
        except PublicationRefused as breaches:
            if (refused_id := refused(url, run_id=run_id, now=now, message=str(breaches))) is None:
                raise
            raise PublicationRefused(f"{breaches}\n\nThis is refusal {refused_id}. {HOW_TO_LOOK}") from breaches
        passed(url)


def publish(url: str, *, run_id: str, now: datetime, folder: Path | None = None, say: Say = print) -> None:
    """Show the built models to readers, in one transaction."""
    from warehouse.publish import publish as run_publish

    with step(url, run_id, "publish", say) as note:
        done = run_publish(url, (folder or work_folder()) / "manifest.json", run_id=run_id, now=now)
        note.text = str(done)


def lints(url: str, *, run_id: str, say: Say = print) -> None:
    """Catalog queries that must return nothing, or rights may leak. Raises GuardError with what they found."""
    from warehouse.lint import require_no_findings

    with step(url, run_id, "lints", say):
        require_no_findings(url)


def expire_history(url: str, *, run_id: str, now: datetime, say: Say = print) -> None:
    """Let go what is older than its setting: row versions (history_days), what no model reads of a row (raw_days), what
    loads noted about themselves (journal_days), notes of who read personal data (personal_reads_days). New notes of
    these are collected from the server's log first, which then begins anew where it is long.
    """
    from warehouse.personal_reads import collect_and_bound, expire

    with step(url, run_id, "expire_history", say) as note, psycopg.connect(url) as connection:
        row = connection.execute("select rows_deleted, oldest_day from ops.expire_history(%s)", (now,)).fetchone()
        raw = connection.execute("select rows_emptied, rows_deleted from ops.expire_raw(%s)", (now,)).fetchone()
        journals = connection.execute("select ops.expire_journals(%s)", (now,)).fetchone()
        noted = collect_and_bound(url, work_folder().parent / "logs" / "postgres.log")
        expire(url, now)
        note.text = f"{row[0]} old row versions deleted; the oldest day to read is {row[1]}" if row else ""
        note.text += f"; {raw[0]} landed rows emptied of what came raw" if raw and raw[0] else ""
        note.text += f"; {journals[0]} notes of loads deleted" if journals and journals[0] else ""
        note.text += f"; {noted} reads of personal data noted" if noted else ""


def release(
    url: str, refused_id: int, *, who: str, why: str, run_id: str, now: datetime, folder: Path | None = None,
    say: Say = print,
) -> None:  # fmt: skip
    """Publish a build that the gate refused. ConfigError: no such refusal waits; GuardError: built over meanwhile."""
    with exclusive(url):
        decide(url, refused_id, who=who, why=why, release=True)
        publish(url, run_id=run_id, now=now, folder=folder, say=say)
        lints(url, run_id=run_id, say=say)


def build_and_publish(
    url: str, *, run_id: str, now: datetime, folder: Path | None = None, say: Say = print, began: float | None = None
) -> list[ModelRun]:
    """From landed rows to readable marts. `now` was at `began` of the monotonic clock, else it is at the call.

    Figures are of `now`. Readers see them when they are published, perhaps hours and another load later: the past of a
    day has what was published on it.
    """
    began = monotonic() if began is None else began
    with exclusive(url):
        check_landed(url, run_id=run_id, now=now, say=say)
        runs = build(url, run_id=run_id, as_of=now, folder=folder, say=say)
        forecast(url, run_id=run_id, as_of=now, say=say)
        check_marts(url, run_id=run_id, now=now, say=say)
        shown_at = now + timedelta(seconds=monotonic() - began)
        publish(url, run_id=run_id, now=shown_at, folder=folder, say=say)
        lints(url, run_id=run_id, say=say)
        expire_history(url, run_id=run_id, now=now, say=say)
    return runs


def run_all(
    url: str,
    inbox: Path,
    mapping: Path | None = None,
    *,
    run_id: str,
    now: datetime,
    folder: Path | None = None,
    say: Say = print,
) -> LoadOutcome:
    """A whole load of import files. Raises the errors of its steps; an unreadable file does not stop the others."""
    began = monotonic()
    prepare(url)
    files = load_files(url, inbox, mapping, run_id=run_id, now=now, say=say)
    models = build_and_publish(url, run_id=run_id, now=now, folder=folder, say=say, began=began)
    return LoadOutcome(run_id=run_id, files=files, models=models, complete=files.ok)
