"""Every model of the invented city says the same in DuckDB as in PostgreSQL; where one does not, no figure is made."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from benchmarks.by_hand import models_of
from benchmarks.harness import Bench
from tests.city import City

SIZES = {"touchpoints": 1}


@pytest.mark.slow
def test_the_city_in_duckdb(own_city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("duckdb", reason="an extra of its own: make install EXTRAS=bench")
    from benchmarks.duck import compare
    from benchmarks.duck_tables import Duck, compared

    monkeypatch.setenv("BENCH_ROUNDS", "1")
    bench = Bench(own_city.url, tmp_path, tmp_path / "run.json")
    duck, models = Duck(tmp_path / "city.duckdb"), compared(models_of(own_city.dbt))
    try:
        with psycopg.connect(own_city.url, autocommit=True) as pg:
            duck.export(pg, models)
            with bench.benchmark("duck"):
                compare(bench, pg, duck, models, SIZES)
            assert bench.refused == {}
            assert len(bench.figures) > 5
            before = len(bench.figures)
            # Landed later for PostgreSQL alone.
            pg.execute("update staging.files__contacts set occurred_at = occurred_at + interval '1 minute'")
            with bench.benchmark("duck"):
                compare(bench, pg, duck, models, SIZES)
    finally:
        duck.close()
    assert len(bench.figures) == before
    assert "int_contacts_unioned" not in bench.refused["duck"]
    assert "fct_contacts" in bench.refused["duck"]
