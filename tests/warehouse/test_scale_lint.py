"""Each rule of the lints for Citus fires where it is broken, is silent beside it, and can be excused by name."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from extractors.core.errors import GuardError
from tests.city import City
from warehouse import pipeline
from warehouse.publish_reports import REPORTS_FOLDER
from warehouse.scale_bodies import bodies, unread
from warehouse.scale_lint import EXCEPTIONS, RULES, Excused, Finding, find, judge, of_build, read_exceptions

CONTACTS, SESSIONS, CLINICS = "fct_contacts", "fct_sessions", "dim_clinics"


def model(name: str, by: str | None, **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    """A model as dbt's manifest has it, as far as the lints read it."""
    columns = {by: {"name": by, "constraints": [{"type": "not_null"}]}} if by else {}
    config = {"materialized": "table", "meta": {"distributed_by": by}, **changes.pop("config", {})}
    return {"resource_type": "model", "name": name, "columns": columns, "constraints": [], **changes, "config": config}


NEIGHBOURS = (model(CONTACTS, "clinic_id"), model(SESSIONS, "person_key"), model(CLINICS, "reference"))


def rules_broken(*models: dict[str, Any], query: str = "", path: str = "warehouse/x.sql", text: str = "") -> list[str]:
    """The rules that the first model breaks, beside three sound neighbours; `query` is its compiled SQL."""
    nodes = {node["name"]: node for node in (*models, *NEIGHBOURS)}
    name = models[0]["name"] if models else "asked"
    found = find({"nodes": nodes}, {name: query} if query else {}, {path: text} if text else {})
    return [finding.rule for finding in found]


@pytest.mark.parametrize(
    ("rule", "broken"),
    [
        ("placed", model("one", None)),
        ("placed", model("one", "employee_id")),
        ("column", model("one", "clinic_id", columns={"clinic_id": {"name": "clinic_id"}})),
        ("column", model("one", "clinic_id", columns={})),
        ("key", model("one", "clinic_id", constraints=[{"type": "primary_key", "columns": ["contact_id"]}])),
        ("key", model("one", "clinic_id", config={"indexes": [{"columns": ["contact_id"], "unique": True}]})),
        ("merge", model("one", "reference", config={"materialized": "incremental", "incremental_strategy": "merge"})),
    ],
)
def test_a_model_that_breaks_a_rule_is_found(rule: str, broken: dict[str, Any]) -> None:
    assert rules_broken(broken) == [rule]


def test_a_sound_model_is_not() -> None:
    key = {"type": "primary_key", "columns": ["clinic_id", "contact_id"]}
    index = {"columns": ["clinic_id", "day"], "unique": True}
    assert rules_broken(model("one", "clinic_id", constraints=[key], config={"indexes": [index]})) == []
    assert rules_broken(model("a_view", None, config={"materialized": "view"})) == []


BREACHES = [
    ("merge", "merge into build.x as a using y as b on a.id = b.id when matched then delete"),
    ("recursion", "with recursive t as (select 1 as n union all select n + 1 from t) select * from t, fct_contacts"),
    ("grouping_sets", "select clinic_id, topic, count(*) from fct_contacts group by rollup (clinic_id, topic)"),
    ("grouping_sets", "select clinic_id, count(*) from fct_contacts group by grouping sets ((clinic_id), ())"),
    ("grouping_sets", "select clinic_id, topic, count(*) from fct_contacts group by cube (clinic_id, topic)"),
    ("join", "select * from fct_contacts as a left join fct_contacts as b on a.person_key = b.person_key"),
    ("join", "select * from fct_contacts as a full join fct_sessions as b on a.person_key = b.person_key"),
    (
        "join",
        "with a as (select * from fct_contacts), b as (select * from fct_contacts where topic is null)"
        " select * from a left join b on a.contact_id = b.contact_id",
    ),
    (
        "join",
        "select * from fct_contacts as a cross join lateral"
        " (select b.contact_id from fct_contacts as b where b.person_key = a.person_key limit 1) as last",
    ),
    (
        "join",
        "select * from fct_contacts as a where not exists"
        " (select from fct_contacts as b where b.person_key = a.person_key)",
    ),
    (
        "join",
        "select (select max(b.topic) from fct_contacts as b where b.contact_id = a.contact_id) from fct_contacts as a",
    ),
]
SOUND = [
    "with recursive t as (select 1 as n union all select n + 1 from t) select * from t, dim_clinics",
    "select clinic_id, name, count(*) from dim_clinics group by rollup (clinic_id, name)",
    "select * from fct_contacts as a left join fct_contacts as b on a.clinic_id = b.clinic_id and a.day = b.day",
    "select * from fct_contacts as a left join fct_contacts as b using (clinic_id, contact_id)",
    "select * from fct_contacts as a left join dim_clinics as b on a.time_zone = b.time_zone",
    "with b as (select person_key, count(*) as n from fct_contacts group by person_key)"
    " select * from fct_contacts as a left join b on a.person_key = b.person_key",
    "select * from fct_contacts as a where exists (select from fct_contacts as b where b.clinic_id = a.clinic_id)",
    "select * from fct_contacts as a where exists (select from dim_clinics as b where b.name = a.topic)",
    "select * from fct_contacts as a, unnest(a.phones) as phone",
]


@pytest.mark.parametrize(("rule", "query"), BREACHES)
def test_a_query_that_breaks_a_rule_is_found(rule: str, query: str) -> None:
    assert rules_broken(model("asked", "reference"), query=query) == [rule]


@pytest.mark.parametrize("query", SOUND)
def test_a_sound_query_is_not(query: str) -> None:
    assert rules_broken(model("asked", "reference"), query=query) == []


def test_a_query_that_nobody_can_read_is_found() -> None:
    assert rules_broken(model("asked", "reference"), query="select from from (") == ["join"]


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("grant", "grant select on marts.a, marts.b to anna;"),
        ("grant", "grant select on table marts.a, marts.b to anna;"),
        ("grant", "execute format('grant select on %I.%I, %I.%I to %I', a, b, c, d, e)"),
        ("grant", 'sql.SQL("grant select on {}, {} to {}")'),
        ("rename", "alter table marts.a rename column b to c, add column d int;"),
        ("merge", "merge into marts.a using build.b on a.id = b.id when matched then delete;"),
        ("merge", 'sql.SQL("merge into {} using {} on true when matched then delete")'),
        ("trigger", "create or replace trigger t after insert on marts.a for each row execute function f();"),
        (None, "create trigger t before update on access.journal for each row execute function f();"),
        (None, "grant select, insert on marts.a to anna; -- on a, b to c"),
        (None, "alter table marts.a rename column b to c;"),
    ],
)
def test_statements_that_people_wrote_are_looked_at(rule: str | None, text: str) -> None:
    assert rules_broken(text=text) == ([rule] if rule else [])


HEAD = "create or replace function reports.asked(topic text) returns setof bigint"
JOINED = f"select count(*) from marts.{CONTACTS} as a left join marts.{CONTACTS} as b on a.contact_id = b.contact_id"
# As report files write them: a body in dollars, one that is a statement of its own, PL/pgSQL with its queries inside.
FUNCTIONS = [
    f"{HEAD} language sql stable as $$ {JOINED} $$;",
    f"{HEAD} language sql stable set search_path = pg_catalog as $function$ -- a ; is none\n {JOINED}; $function$;",
    f"{HEAD} as $function$ {JOINED} $function$ language sql;",
    f"{HEAD} language sql begin atomic {JOINED}; end;",
    f"{HEAD} language sql return ({JOINED});",
    f"{HEAD} language plpgsql as $function$ begin if topic is null then raise exception 'a; b'; end if;"
    f" return query {JOINED}; end $function$;",
    f"{HEAD} language plpgsql as $function$ declare n bigint := ({JOINED}); begin return next n; end $function$;",
    f"{HEAD} language plpgsql as $$ declare n bigint; begin for n in {JOINED} loop return next n; end loop; end $$;",
    f"{HEAD} language plpgsql as $$ declare n bigint; begin if true then {JOINED.replace(' from', ' into n from')};"
    " end if; return next n; end $$;",
]
VIEW = f"""
create or replace view reports.sums with (security_invoker = true) as
select clinic_id, count(*) from marts.{CONTACTS} group by rollup (clinic_id);
"""


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_of_reports_is_a_query_too(function: str) -> None:
    assert [name for name, _ in bodies(function + VIEW)] == ["reports.asked", "reports.sums"]
    assert rules_broken(path="warehouse/reports/r.sql", text=function + VIEW) == ["join", "grouping_sets"]


def test_a_view_that_only_filters_lies_as_its_table() -> None:
    view = f"create or replace view reports.told as select * from marts.{CONTACTS} where topic is not null;"
    asks = HEAD + " language sql as $$ select 1 from reports.told as a left join reports.told as b using ({}) $$;"
    assert rules_broken(path="warehouse/reports/r.sql", text=view + asks.format("contact_id")) == ["join"]
    assert rules_broken(path="warehouse/reports/r.sql", text=view + asks.format("clinic_id, contact_id")) == []


def test_every_function_and_view_of_the_reports_is_read() -> None:
    texts = [path.read_text(encoding="utf-8") for path in REPORTS_FOLDER.glob("*.sql")]
    assert [name for text in texts for name in unread(text)] == []
    read = {name for text in texts for name, _ in bodies(text)}
    assert {"reports.channels_and_sources", "reports.client_path", "reports.attribution_daily"} <= read
    assert len(read) > 50


def test_a_body_that_nobody_finds_is_found() -> None:
    strange = "create function reports.asked() returns int language plpython3u as 'return 1';"
    assert rules_broken(path="warehouse/reports/r.sql", text=strange) == ["join"]


def test_an_exception_covers_what_it_names_and_no_more() -> None:
    here = Finding(rule="join", object="int_paths", detail="left join")
    there = Finding(rule="join", object="fct_paths", detail="left join")
    assert judge([here], [Excused(rule="join", object="int_*", reason="a step")]) == []
    assert judge([here, there], [Excused(rule="join", object="int_*", reason="a step")]) == [str(there)]
    assert judge([here], [Excused(rule="merge", object="int_*", reason="a step")])[0] == str(here)


def test_an_exception_that_nothing_needs_is_wrong() -> None:
    (told,) = judge([], [Excused(rule="join", object="int_paths", reason="a step")])
    assert "nothing breaks the rule" in told


def test_every_exception_has_a_rule_and_a_reason(tmp_path: Path) -> None:
    assert all(each.rule in RULES and each.reason for each in read_exceptions(EXCEPTIONS))
    wrong = tmp_path / "exceptions.yml"
    wrong.write_text("- {rule: join, object: int_paths, reason: ' '}")
    with pytest.raises(ValueError, match="int_paths"):
        read_exceptions(wrong)


def test_the_project_keeps_every_rule_and_every_build_looks(
    city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what a build left: by its manifest and compiled SQL; a second look finds that nothing changed."""
    assert of_build(city.dbt) == []
    kept = (city.dbt / "scale_lint.json").stat().st_mtime_ns
    assert of_build(city.dbt) == []
    assert (city.dbt / "scale_lint.json").stat().st_mtime_ns == kept
    copy = tmp_path / "dbt"
    shutil.copytree(city.dbt, copy)
    # A build that was killed, or found no room on the disk, while it wrote this down.
    (copy / "scale_lint.json").write_text('{"digest": "')
    assert of_build(copy) == []
    (compiled,) = copy.glob("compiled/*/models/**/fct_contacts.sql")
    compiled.write_text("merge into build.x as a using build.y as b on a.id = b.id when matched then delete")
    (told,) = of_build(copy)
    assert told.startswith("merge: fct_contacts")
    # It is said after every build; on Citus nothing is published.
    said: list[str] = []
    monkeypatch.delenv("CHAIRSIDE_TARGET", raising=False)
    pipeline._ready_to_scale(copy, said.append)
    assert said == [f"not ready for Citus: {told}"]
    monkeypatch.setenv("CHAIRSIDE_TARGET", "citus")
    with pytest.raises(GuardError, match=r"Citus would refuse it\.\nmerge: fct_contacts"):
        pipeline._ready_to_scale(copy, said.append)
    pipeline._ready_to_scale(city.dbt, said.append)
    assert len(said) == 1


def test_every_rule_is_seen_to_fire() -> None:
    fired = {rule for rule, _ in BREACHES} | {"placed", "column", "key", "grant", "rename", "trigger"}
    assert fired == set(RULES)
