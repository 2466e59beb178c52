"""What a report rests on is what the lineage of its models says, worked out a second time in plain Python."""

from __future__ import annotations

import json

import psycopg

from tests.city import City


def test_a_report_rests_on_the_landed_tables_above_its_models_and_on_no_others(city: City) -> None:
    manifest = json.loads((city.dbt / "manifest.json").read_bytes())
    models, sources = manifest["nodes"], manifest["sources"]

    def tables_above(model: str, *, without_people: bool) -> set[tuple[str, str]]:
        found = set()
        for parent in models[model]["depends_on"].get("nodes", ()):
            if parent in sources:
                found.add(tuple(sources[parent]["identifier"].split("__")))
            elif not (without_people and "/people/" in models[parent]["original_file_path"]):
                found |= known(parent, without_people=without_people)
        return {pair for pair in found if len(pair) == 2}

    memory: dict[tuple[str, bool], set[tuple[str, str]]] = {}

    def known(model: str, *, without_people: bool) -> set[tuple[str, str]]:
        key = model, without_people
        if key not in memory:
            memory[key] = tables_above(model, without_people=without_people)
        return memory[key]

    expected: dict[tuple[str, ...], str] = {}
    for name, node in models.items():
        publish = (node["config"].get("meta") or {}).get("publish") if node["resource_type"] == "model" else None
        if publish and publish["report"] != "freshness":
            for source, stream in known(name, without_people=False):
                expected.setdefault((publish["report"], source, stream), "people")
            for source, stream in known(name, without_people=True):
                expected[publish["report"], source, stream] = "figures"
    with psycopg.connect(city.url) as connection:
        told = connection.execute(
            "select report, source, stream, needed_for from reports.freshness_lineage"
        ).fetchall()
        reports = connection.execute("select report, sources from reports.freshness_of_reports").fetchall()
    assert {row[:3]: row[3] for row in told} == expected
    assert len(told) == len(expected) > 500

    # by hand: what is sold is in no call, whoever called
    of_sales = {source: needed for report, source, _, needed in told if report == "service_sales"}
    assert "calltouch" not in of_sales and "yandex_direct" not in of_sales
    assert ("channels_and_sources", "calltouch", "calls", "figures") in told
    assert ("deal_journal", "open_dental", "patients", "people") in told
    # this city has files only, and a report names no source that its clinics do not have
    assert {tuple(found) for _, found in reports} == {("files",)}
