"""Markov (order 1 to 3) and Shapley over a million paths of twenty channels: the models' own SQL, as dbt runs it.

The tables that these models read are filled with invented paths, then dbt builds the models into a database of the
benchmark's own. A path has 1 to 12 touches, 3.5 on average; some channels are far more frequent than others, as in
life; three of ten paths end in a conversion. What is measured is how long the models take, without dbt's own start.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from benchmarks.harness import Bench
from warehouse.dbt import Dbt
from warehouse.migrate import migrate

DATABASE = "chairside_bench_paths"
MINUTE = 60.0
MARKOV = (
    "int_conversion_paths", "int_conversion_steps", "int_conversion_moves", "int_effects_on_coming",
    "int_effects_on_paying", "int_conversion_effects",
)  # fmt: skip
SHAPLEY = ("int_inquiry_player_credits",)
# hashint8 is uniform over 32 bits, signed: the same invented paths every time
JOURNEYS = """
create table build.int_conversion_journeys as
with paths as (
    select
        number,
        1 + floor(-ln(1 - (hashint8(number * 7 + 1)::bigint + 2147483648) / 4294967296.0) * 3)::integer as touches
    from generate_series(1, %(paths)s::bigint) as number
)
select
    array['booking'] as conversions,
    'patient:clinic_system:' || paths.number as journey_key,
    case
        when (hashint8(paths.number * 11)::bigint + 2147483648) %% 10 < 3 then '(conversion)' else '(null)'
    end as outcome,
    'channel_' || lpad(channel.number::text, 2, '0') as channel,
    'source_' || channel.number as source,
    null::text as campaign,
    timestamptz '2026-01-01' + (paths.number %% 80) * interval '1 day' + touch * interval '1 hour' as touched_at,
    'session' as touch_kind,
    's' || paths.number || '-' || touch as record_id
from paths
cross join lateral generate_series(1, least(paths.touches, 12)) as touch
cross join lateral (
    select floor(
        20 * power((hashint8(paths.number * 1000 + touch)::bigint + 2147483648) / 4294967296.0, 2)
    ) as number
) as channel
"""
INQUIRY_TOUCHES = """
create table build.int_inquiry_touches as
select journey_key as inquiry_key, touch_kind, record_id, channel, source, null::text as medium, campaign,
    count(*) over (partition by journey_key) as touches
from build.int_conversion_journeys where outcome = '(conversion)'
"""


def run(bench: Bench) -> None:
    paths = int(os.environ.get("BENCH_PATHS", "1000000"))
    url = urlsplit(bench.url)._replace(path=f"/{DATABASE}").geturl()
    with psycopg.connect(bench.url, autocommit=True) as admin:
        admin.execute(f"drop database if exists {DATABASE} with (force)")
        admin.execute(f"create database {DATABASE} template template0")
    try:
        migrate(url)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("create schema if not exists build")
            connection.execute(JOURNEYS, {"paths": paths})
            connection.execute(INQUIRY_TOUCHES)
            connection.execute("vacuum analyze")
        markov = _seconds(url, bench.work / "dbt", MARKOV)
        shapley = _seconds(url, bench.work / "dbt", SHAPLEY)
        parts = f"Markov of order 1 to 3 {markov:.1f} s, shares of Shapley at three levels {shapley:.1f} s"
        bench.record(
            "markov and shapley, a million paths", (markov + shapley) / MINUTE, 1.0,
            f"× a minute; {parts}; {paths} paths, 20 channels; the models as dbt builds them",
            sizes={"paths": paths},
        )  # fmt: skip
    finally:
        with psycopg.connect(bench.url, autocommit=True) as admin:
            admin.execute(f"drop database {DATABASE} with (force)")


def _seconds(url: str, work: Path, models: tuple[str, ...]) -> float:
    """How long these models took, one after another."""
    dbt = Dbt(url, work, lambda _text: None)
    dbt.build(select=models)
    if missing := set(models) - {run.model for run in dbt.runs}:
        raise LookupError(f"dbt knows no model {', '.join(sorted(missing))}")
    return sum(run.seconds for run in dbt.runs)
