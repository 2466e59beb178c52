"""Runs a stage of a build of a day: each model's compiled SQL into its table, then the tests of what came out."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack, contextmanager
from graphlib import TopologicalSorter
from queue import SimpleQueue

import psycopg
from psycopg import sql

from warehouse.dbt import ModelRun
from warehouse.increment import days
from warehouse.increment.fresh import Connection
from warehouse.increment.plan import ByDay
from warehouse.increment.recipe import Stage, Step

# As many as dbt in a build of everything (dbt_project/profiles.yml).
AT_A_TIME = 2


def make_tables(connection: Connection, models: Sequence[str]) -> None:
    """Schema `day` with an empty table of each model, in the shape that it has in `build`."""
    connection.execute("drop schema if exists day cascade")
    connection.execute("create schema day")
    for model in models:
        connection.execute(
            sql.SQL("create unlogged table {} (like {})").format(
                sql.Identifier("day", model), sql.Identifier("build", model)
            )
        )


def run_stage(connection: Connection, stage: Stage, *, schema: str, done: Callable[[Sequence[ModelRun]], None]) -> None:
    """Fill each model's table in `schema` and test its rows, all in the caller's transaction. In `build`, anew.

    `done` is told what became of all of them; it raises where one failed.
    """
    columns = _columns(connection, schema)
    runs: list[ModelRun] = []
    for step in stage.models:
        runs.append(_run(step, "model", lambda: _fill(connection, step, schema, columns[step.model])))  # noqa: B023
        if runs[-1].failed:
            break
    else:
        for test in stage.tests:
            runs.append(_run(test, "test", lambda: _count(connection, test, schema)))  # noqa: B023
            if runs[-1].status == "error":
                # The transaction is over; other tests would only say so.
                break
    done(runs)


def run_side_by_side(
    session: Callable[[], AbstractContextManager[Connection]],
    stage: Stage,
    *,
    schema: str,
    done: Callable[[Sequence[ModelRun]], None],
) -> None:
    """`run_stage`, two models at a time, each in a transaction of its own, whoever is waited for by most first.

    For models that nobody reads, or that every build makes anew: what was made before one fails stays.
    """

    def fill(step: Step) -> ModelRun:
        with lent() as connection:
            by_day = stage.by_day.get(step.model)
            return _run(step, "model", lambda: _fill(connection, step, schema, columns[step.model], by_day))

    def test(step: Step) -> ModelRun:
        with lent() as connection:
            return _run(step, "test", lambda: _count(connection, step, schema))

    @contextmanager
    def lent() -> Iterator[Connection]:
        """One of the connections, which know the tables by now; what was done is committed."""
        connection = free.get()
        try:
            yield connection
            connection.commit()
        finally:
            free.put(connection)

    steps = {step.model: step for step in stage.models}
    waiting = Counter(parent for parents in stage.parents.values() for parent in parents)
    order = TopologicalSorter(stage.parents)
    order.prepare()
    runs: list[ModelRun] = []
    free: SimpleQueue[Connection] = SimpleQueue()
    with ExitStack() as sessions, ThreadPoolExecutor(AT_A_TIME) as pool:
        for _ in range(AT_A_TIME):
            free.put(sessions.enter_context(session()))
        with lent() as connection:
            columns = _columns(connection, schema)
        going: set[Future[ModelRun]] = set()
        while order.is_active() and not any(run.failed for run in runs):
            ready = sorted(order.get_ready(), key=lambda model: -waiting[model])
            going |= {pool.submit(fill, steps[model]) for model in ready}
            ended, going = wait(going, return_when=FIRST_COMPLETED)
            runs += [future.result() for future in ended]
            order.done(*(future.result().model for future in ended))
        for future in going:
            future.cancel()
        runs += [future.result() for future in going if not future.cancelled()]
        if not any(run.failed for run in runs):
            runs += pool.map(test, stage.tests)
    done(runs)


def _run(step: Step, kind: str, work: Callable[[], int]) -> ModelRun:
    began = time.perf_counter()
    rows, message = None, None
    try:
        rows = work()
        status = "success" if kind == "model" else "pass" if rows == 0 else "fail"
        if status == "fail":
            message = f"Got {rows} results, expected none"
    except psycopg.Error as error:
        status, message = "error", str(error)
    seconds = round(time.perf_counter() - began, 3)
    return ModelRun(model=step.model, kind=kind, status=status, seconds=seconds, rows=rows, message=message)


def _fill(
    connection: Connection, step: Step, schema: str, columns: Sequence[str], by_day: ByDay | None = None
) -> int:
    table = sql.Identifier(schema, step.model)
    names = sql.SQL(", ").join(sql.Identifier(column) for column in columns)
    # dbt's own text, compiled from this project's files
    query = sql.SQL(step.reading(schema))
    if by_day is not None:
        return days.fill(connection, by_day, query, names)
    if schema == "build":
        connection.execute(sql.SQL("truncate {}").format(table))
    rows = connection.execute(
        sql.SQL("insert into {} ({}) select {} from (").format(table, names, names) + query + sql.SQL("\n) as made")
    ).rowcount
    if rows and schema == "day":
        # Of a table in `build` the planner knows what it was yesterday, which is near enough.
        connection.execute(sql.SQL("analyze {}").format(table))
    return rows


def _count(connection: Connection, test: Step, schema: str) -> int:
    query = sql.SQL("select count(*) from (") + sql.SQL(test.reading(schema)) + sql.SQL("\n) as found")
    return int(connection.execute(query).fetchall()[0][0])


def _columns(connection: Connection, schema: str) -> dict[str, list[str]]:
    rows = connection.execute(
        "select relname, array_agg(attname::text order by attnum) from pg_attribute"
        " inner join pg_class on pg_class.oid = attrelid"
        " where relnamespace = %s::regnamespace and relkind = 'r' and attnum > 0 and not attisdropped group by relname",
        (schema,),
    )
    return dict(rows.fetchall())
