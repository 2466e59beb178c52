"""dbt fills the table of a seed anew but never changes its columns; a migration clears away those of another shape."""

from __future__ import annotations

from pathlib import Path

import psycopg

from tests.warehouse.small_warehouse import Warehouse
from warehouse.migrate import SEEDS_FOLDER, drop_seeds_of_another_shape, migrate


def test_a_seed_with_other_columns_goes_and_the_others_stay(warehouse: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "rules.csv").write_text("channel,valid_from\ndirect,2020-01-01\n", encoding="utf-8")
    (tmp_path / "rates.csv").write_text("name,rate\nvat,20\n", encoding="utf-8")
    (tmp_path / "new.csv").write_text("name\nfirst\n", encoding="utf-8")
    warehouse.run(
        "create table build.rules as select 'direct' as channel;"
        "create view build.on_rules as select * from build.rules;"
        "create table build.rates as select 20 as rate, 'vat' as name"
    )
    with psycopg.connect(warehouse.url) as connection:
        drop_seeds_of_another_shape(connection, tmp_path)
    found = warehouse.run("select relname::text from pg_class where relname in ('rules', 'on_rules', 'rates')")
    assert found == [("rates",)]


def test_a_migration_looks_at_the_seeds_of_the_project(warehouse: Warehouse) -> None:
    name = next(SEEDS_FOLDER.glob("*.csv")).stem
    warehouse.run(f"create table build.{name} as select 1 as a_column_of_an_earlier_version")
    migrate(warehouse.url)
    assert warehouse.run("select to_regclass(%s)", (f"build.{name}",)) == [(None,)]
