"""What models of earlier versions left is dropped; nothing of anybody else's is, and nobody waits."""

from __future__ import annotations

import psycopg

from warehouse.increment.leftovers import drop_leftovers

MANIFEST = {
    "nodes": {
        "model.a": {"resource_type": "model", "name": "int_kept", "alias": "int_kept"},
        "model.b": {"resource_type": "model", "name": "stg_files__contacts", "alias": "stg_files__contacts"},
        "seed.c": {"resource_type": "seed", "name": "vat_rates", "alias": "vat_rates"},
        "test.d": {"resource_type": "test", "name": "int_gone", "alias": "int_gone"},
    }
}
MADE = """
create schema build;
create schema staging;
create table build.int_kept ();
create table build.vat_rates ();
create table build.family_state ();
create table build.forecast_clinics ();
create table staging.files__contacts (x int);
create view staging.stg_files__contacts as select x from staging.files__contacts;
-- of earlier models, resting on each other in an order that is not that of their names
create table staging.files__visits (x int);
create view staging.stg_files__visits as select x from staging.files__visits;
create view build.a_visits_unioned as select x from staging.stg_files__visits;
create table build.int_gone (x int);
create view build.z_on_gone as select x from build.int_gone;
create view build.b_on_both as select z.x from build.z_on_gone as z, build.a_visits_unioned as a;
create table build.int_read_by_somebody (x int);
create view public.mine as select x from build.int_read_by_somebody;
create table build.int_open_just_now (x int);
"""
LEFT = "select oid::regclass::text from pg_class where relnamespace in ('build'::regnamespace, 'staging'::regnamespace)"


def test_what_no_model_names_is_dropped_and_what_is_somebodys_stays(fresh_database: str) -> None:
    with psycopg.connect(fresh_database) as owner:
        owner.execute(MADE)
    with psycopg.connect(fresh_database) as reader, psycopg.connect(fresh_database) as owner:
        reader.execute("select from build.int_open_just_now")
        assert drop_leftovers(owner, MANIFEST) == [
            "build.a_visits_unioned", "build.b_on_both", "build.int_gone", "build.z_on_gone",
            "staging.stg_files__visits",
        ]  # fmt: skip
    with psycopg.connect(fresh_database) as owner:
        assert {name for (name,) in owner.execute(LEFT)} == {
            "build.int_kept", "build.vat_rates", "build.family_state", "build.forecast_clinics",
            "staging.files__contacts", "staging.stg_files__contacts",
            "staging.files__visits",  # landed rows, though nobody declares the stream any more
            "build.int_read_by_somebody", "build.int_open_just_now",
        }  # fmt: skip
        owner.execute("drop view public.mine")
        assert drop_leftovers(owner, MANIFEST) == ["build.int_open_just_now", "build.int_read_by_somebody"]
        assert drop_leftovers(owner, {"nodes": {}}) == []
