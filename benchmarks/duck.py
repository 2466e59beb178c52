"""The models of a build by hand in PostgreSQL against the same in DuckDB, on the same landed rows.

Both run every model's SQL, one statement after another, without dbt and tests: PostgreSQL as dbt compiled it, on its
landed tables; DuckDB translated, on the same rows as Parquet, into a file (`duck_tables`). A column store that keeps
nothing safe and serves one process is the limit of what this machine could do with the data, not a goal to reach.
What each model says must be the same in both, row count and sums of all columns (`fingerprint`); else no figure.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import psycopg

from benchmarks.build import BEGAN, built, fresh_database
from benchmarks.by_hand import ByHand, Model, models_of
from benchmarks.fingerprint import columns_of, fingerprint, query, read
from benchmarks.harness import Bench, Disagreement, Rounds, in_turns, rounds_wanted
from benchmarks.network_rows import fill
from warehouse.migrate import migrate

if TYPE_CHECKING:
    from benchmarks.duck_tables import Duck

DATABASE = "chairside_bench_duck"
TOUCHPOINTS = "300000"
# What plain SQL by hand took in PostgreSQL against DuckDB at ten million touchpoints, people to daily metrics.
GOAL = 8.0
INSTALL = 'make install EXTRAS="bench"'


def run(bench: Bench) -> None:
    """One warehouse of BENCH_DUCK touchpoints; a figure for all models, and one for each part of the work."""
    try:
        from benchmarks.duck_tables import Duck, compared
    except ModuleNotFoundError as missing:
        print(f"     duck: not measured, {missing.name} is not installed ({INSTALL})", flush=True)
        return
    touchpoints = int(os.environ.get("BENCH_DUCK") or TOUCHPOINTS)
    url, folder = fresh_database(bench.url, DATABASE), bench.work / "dbt_duck"
    try:
        migrate(url)
        fill(url, touchpoints=touchpoints, now=BEGAN)
        built(url, folder, day=0)
        models = compared(models_of(folder))
        duck = Duck(bench.work / "warehouse.duckdb")
        try:
            with psycopg.connect(url, autocommit=True) as pg:
                duck.export(pg, models)
                compare(bench, pg, duck, models, {"touchpoints": touchpoints, "clinics": 50})
        finally:
            duck.close()
    finally:
        with psycopg.connect(bench.url, autocommit=True) as admin:
            admin.execute(f"drop database {DATABASE} with (force)")


def compare(
    bench: Bench, pg: psycopg.Connection[Any], duck: Duck, models: Sequence[Model], sizes: dict[str, int]
) -> None:
    """Time both, see that they say the same, record. Raises Disagreement before any figure."""
    spent: dict[str, dict[str, list[float]]] = {"postgresql": {}, "duckdb": {}}

    def turn(name: str, work: Callable[[dict[str, float], Callable[[], float]], None]) -> float:
        found: dict[str, float] = {}
        work(found, time.perf_counter)
        for part, took in found.items():
            spent[name].setdefault(part, []).append(took)
        return sum(found.values())

    from benchmarks.duck_tables import HANDED_OVER

    hand = ByHand(pg, models, HANDED_OVER)
    took = in_turns(
        {
            "postgresql": lambda: turn("postgresql", hand.work),
            "duckdb": lambda: turn("duckdb", duck.work),
        },
        rounds_wanted(),
    )
    try:
        compared = agree(pg, duck, hand.made)
    finally:
        hand.drop()
    of = f"{sizes['touchpoints']:,} touchpoints; {compared} tables equal in count and sums"
    for part in ("", *(part for part in spent["postgresql"] if part in spent["duckdb"])):
        rounds = Rounds({name: tuple(spent[name][part]) for name in spent}) if part else took
        bench.record(
            f"models in PostgreSQL against DuckDB{part and ', '}{part}", rounds["postgresql"] / rounds["duckdb"], GOAL,
            f"{rounds['postgresql']:.2f} s : {rounds['duckdb']:.2f} s; {of}", rounds=rounds, sizes=sizes,
        )  # fmt: skip


def agree(pg: psycopg.Connection[Any], duck: Duck, models: Sequence[Model]) -> int:
    """How many tables both made, all with the same rows. Raises Disagreement naming the tables that differ."""
    wrong = []
    for model in models:
        columns = columns_of(pg, ByHand.SCHEMA, model.name)
        theirs = read(duck.row(query(model.schema, model.name, columns, duckdb=True)), columns)
        if difference := fingerprint(pg, ByHand.SCHEMA, model.name).difference(theirs):
            wrong.append(f"{model.name}: {difference}")
    if wrong:
        raise Disagreement(
            f"{len(wrong)} of {len(models)} tables differ between PostgreSQL and DuckDB: {'; '.join(wrong)}"
        )
    return len(models)
