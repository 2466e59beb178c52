"""What may be published: the last build if it is whole, and if no gate refused it or somebody released it.

`ops.builds` says what lies in schema `build`; `ops.refused_publications` and `ops.refused_figures` what a refused build
would have changed. A person looks (`make refused`) and releases or discards it; the next build takes its place anyway.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg

from extractors.core.errors import ConfigError, GuardError
from warehouse.publish_tables import Connection

HOW_TO_LOOK = "Look at it and decide: make refused, then make release or make discard."


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedFigure:
    """A report's sum over all days as published and as built. Null: there is none, or it could not be computed."""

    report: str
    figure: str
    published: Decimal | None
    refused: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A refused publication. `tables`: per table the numbers of new, gone and changed rows."""

    refused_id: int
    run_id: str
    refused_at: datetime
    message: str
    status: str
    tables: tuple[dict[str, Any], ...]
    figures: tuple[RefusedFigure, ...]

    def lines(self) -> Iterator[str]:
        """For a terminal: what was refused, the tables and the sums that would change."""
        yield f"refusal {self.refused_id}, {self.status}, {self.refused_at:%Y-%m-%d %H:%M} UTC, run {self.run_id}"
        yield self.message
        yield "Rows that would change (each of them: select * from ops.pending_rows('<table>')):"
        for table in self.tables:
            counts = ", ".join(f"{'?' if table[n] is None else table[n]} {n}" for n in ("new", "gone", "changed"))
            yield f"  {table['table']}: {counts}"
        yield "Sums that would change, over all days:"
        for each in self.figures:
            if each.published != each.refused:
                yield f"  {each.report}.{each.figure}: {_shown(each.published)} → {_shown(each.refused)}"


@contextmanager
def counted_build(url: str, run_id: str) -> Iterator[None]:
    """Say in `ops.builds` that schema `build` is being changed, and afterwards whether it is whole."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("select ops.begin_build(%s, %s)", (run_id, datetime.now(UTC))).fetchone()
    status = "broken"
    try:
        yield
        status = "whole"
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "update ops.builds set status = %s, finished_at = %s where build_id = %s",
                (status, datetime.now(UTC), row and row[0]),
            )


def passed(url: str) -> None:
    """The gate of marts found the last build good."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "update ops.builds set gate = 'passed' where build_id = (select build_id from ops.last_build)"
        )


def refused(url: str, *, run_id: str, now: datetime, message: str) -> int | None:
    """The gate refused the last build. Writes down what it would have changed; None where no build was counted."""
    with psycopg.connect(url) as connection:
        row = connection.execute("select ops.refuse_publication(%s, %s, %s)", (run_id, now, message)).fetchone()
    return row[0] if row else None


def require_publishable(connection: Connection, run_id: str) -> None:
    """GuardError unless schema `build` holds a whole build that no gate refused and no crash emptied.

    A build that no gate has looked at may be published by its own run only: that one knows its order of steps.
    """
    require_filled(connection)
    row = connection.execute("select run_id, status, gate from ops.last_build").fetchone()
    if row is None:
        return
    built_by, status, gate = row
    if status != "whole":
        raise GuardError(
            f"Nothing was published: the build of run {built_by} is {status}, so its tables are of two builds."
            " Load again."
        )
    if gate == "refused":
        raise GuardError(f"Nothing was published: the gate refused the build of run {built_by}. {HOW_TO_LOOK}")
    if gate == "discarded":
        raise GuardError(f"Nothing was published: the build of run {built_by} was discarded. Load again.")
    if gate is None and built_by != run_id:
        raise GuardError(
            f"Nothing was published: run {built_by} built last and its gate has not answered yet."
            " Wait for it, or load again."
        )


def require_filled(connection: Connection) -> None:
    """GuardError where a crash emptied what was built: gates would find that all rows are gone."""
    if _is_emptied(connection):
        raise GuardError(
            "Nothing was published: PostgreSQL stopped hard after the last build, which empties the tables of schema"
            " build. Load again."
        )


def _is_emptied(connection: Connection) -> bool:
    """Tables of `build` are unlogged: recovery after a crash empties all, also the one that says what they hold."""
    if connection.execute("select to_regclass('build.family_state')").fetchall()[0][0] is None:
        return False
    return connection.execute("select from build.family_state limit 1").rowcount == 0


def refusals(url: str, refused_id: int | None = None) -> list[Refusal]:
    """Refusals that wait for a decision, or the one of that number."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            """
            select refused_id, run_id, refused_at at time zone 'UTC', message, status, tables
            from ops.refused_publications
            where refused_id = %(id)s or (%(id)s::bigint is null and status = 'waiting')
            order by refused_id
            """,
            {"id": refused_id},
        ).fetchall()
        return [
            Refusal(
                refused_id=row[0], run_id=row[1], refused_at=row[2], message=row[3], status=row[4],
                tables=tuple(row[5]),
                figures=tuple(
                    RefusedFigure(report=figure[0], figure=figure[1], published=figure[2], refused=figure[3])
                    for figure in connection.execute(
                        "select report, figure, published, refused from ops.refused_figures where refused_id = %s"
                        " order by report, figure",
                        (row[0],),
                    ).fetchall()
                ),
            )
            for row in rows
        ]  # fmt: skip


def decide(url: str, refused_id: int, *, who: str, why: str, release: bool) -> None:
    """Release or discard. ConfigError: there is no such refusal, it does not wait, or a name or reason is missing.

    Releasing one that is released already is no error, so that a release whose publication failed can be repeated.
    """
    if release and any(each.status == "released" for each in refusals(url, refused_id)):
        return
    query = "select ops.release_publication(%s, %s, %s)" if release else "select ops.discard_publication(%s, %s, %s)"
    try:
        with psycopg.connect(url) as connection:
            connection.execute(query, (refused_id, who, why))
    except psycopg.errors.InvalidParameterValue as error:
        raise ConfigError(f"{error.diag.message_primary}. {error.diag.message_hint or ''}".strip()) from error


def _shown(amount: Decimal | None) -> str:
    return "none" if amount is None else f"{amount.normalize():f}"
