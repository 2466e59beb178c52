"""The attacks: SQL templates over relations, columns and functions.

A probe is lawful (must answer exactly what the right shows), refused (must fail), closed (must be refused before
anything is looked at), blind (its condition would fail or answer if it ever met a hidden row) or searching (may do what
it likes, but no canary may be seen). Published tables are attacked where they are, in their history and as they were;
whatever else the catalog holds must be closed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from tests.warehouse.attacks.catalog import Item, forged_call, plain_call
from tests.warehouse.attacks.town import (
    CLINICS,
    COLUMNS,
    DEALS,
    FUNCTIONS,
    OPENED,
    PUBLISHED_ON,
    RELATIONS,
    VIEW,
    Employee,
    Relation,
)

LAWFUL, MOSTLY, CATALOG, PAST = 0.25, 0.75, 0.25, 0.35
WRITING = "set default_transaction_read_only = off"
Kind = Literal["lawful", "refused", "closed", "blind", "searching"]


@dataclass(frozen=True, slots=True)
class Probe:
    """Statements that are sent one after the other. `relation`: whose rows a lawful one counts, `sign` times."""

    kind: Kind
    statements: tuple[str, ...]
    relation: Relation | None = None
    sign: int = 1


# {t} relation, {c} column, {r} another employee's role, {f} report function, {n} a number.
SEARCHING = (
    "select * from history.{name}", "select * from as_of.{name}", "select * from {f}_as_of(current_date)",
    "set chairside.as_of = '{n}'; select * from as_of.{name}; reset all", "select * from ops.history_tables",
    "select * from {t}", "select {c} from {t} where clinic_id = 'C{n}'",
    "select {c} from {t} where clinic_id <> all (array['C{n}'])",
    "select {c} from {t} order by {c} desc limit 1 offset {n}",
    "select min({c}), max({c}), count(distinct {c}) from {t}",
    "select {t2}.* from (values (1)) as v left join lateral (select * from {t}) as {t2} on true",
    "select to_jsonb(x) from {t} as x", "select x::text from {t} as x where x::text like '%cnry%'",
    "select {c} from {t} where ctid = '(0,{n})'",
    "select ctid, xmin, tableoid::regclass, {c} from {t} tablesample system (100)",
    "select string_agg({c}::text, ',') over () from {t}",
    "with recursive w as (select 1 as i union all select i + 1 from w where i < 3) select w.i, {c} from w, {t}",
    "select {c} from {t} where secret::integer = {n}",
    "select {c} from {t} where (secret || '-' || amount)::date is null",
    "select {c} from {t} where score::integer = {n}", "select {c} from {t} where secret ~ '(((' or amount > {n}",
    "select {c} from {t} where reports.telling(secret)",
    "select {c} from {t} where xpath('/' || secret, '<a/>') is not null",
    "select {c} from {t} where ('{{\"a\":' || secret || '}}')::jsonb is not null",
    "select {c} from {t} where set_config('app.seen', secret, false) <> ''",
    "select {c} from {t} where to_timestamp(secret, 'YYYY') is null",
    "select {c} from {t} where amount > 917400000000 order by amount",
    "select {c} from {t} where score between 826300000000 and 826399999999 order by score desc",
    "select {c} from {t} where secret >= 'cnry' order by secret limit 5",
    "select nullif({c}::text, '')::uuid from {t}", "select generate_series(1, score::integer) from {t}",
    "select query_to_xml('select * from {t}', true, true, '')", "select table_to_xml('{t}', true, true, '')",
    "select schema_to_xml('{s}', true, true, '')", "select database_to_xml(true, true, '')",
    "select * from ts_stat('select to_tsvector(secret) from {t}')", "select cursor_to_xml('c', 10, true, true, '')",
    "copy {t} to stdout", "copy (select {c} from {t}) to stdout (format binary)",
    "explain (analyze, verbose, costs off, timing off) select {c} from {t} where {c}::text <> 'x'",
    "explain (format json, generic_plan false) select * from {t} where secret = 'cnryaaa0001'",
    "begin; declare c scroll cursor for select * from {t}; fetch all c; fetch absolute 1 c; rollback",
    "begin; declare c cursor with hold for select {c} from {t}; commit; fetch all c; close c",
    "prepare p as select {c} from {t} where clinic_id = $1; execute p('C{n}'); deallocate p",
    "set plan_cache_mode = force_generic_plan; prepare p(text) as select {c} from {t} where secret > $1;"
    " execute p(''); deallocate p; reset plan_cache_mode",
    "set row_security = off; select {c} from {t}; reset row_security",
    "set app.clinic = 'C1'; select * from {t}; reset app.clinic", "set app.clinic = 'C3'; select * from {t}; reset all",
    "set search_path = {s}, staging, build, access, pg_temp; select {c} from {name}; reset search_path",
    "set enable_seqscan = off; select {c} from {t} where amount > 1; reset enable_seqscan",
    "set enable_indexscan = off; set enable_bitmapscan = off; select {c} from {t} where score > 1; reset all",
    "set debug_print_plan = on; set client_min_messages = debug5; select {c} from {t} where score = {n}; reset all",
    "select set_config('role', '{r}', false); select {c} from {t}; reset role",
    "do $$ begin execute 'select * from {t}'; raise notice '%', (select string_agg(x::text, ' ') from"
    " {t} as x); end $$",
    "do $$ declare r record; begin for r in select * from {t} loop raise notice '%', r; end loop; end $$",
    "do $$ begin perform {c}::text::integer from {t}; exception when others then raise notice '%', sqlerrm; end $$",
    "select * from {f}()", "select * from {f}('C{n}')", "select * from {f}({n})", "select * from {f}(null)",
    "select * from {f}('C1'' or true --')", "select * from {f}(9223372036854775807)", "select {f}()",
    "select x.* from generate_series(1, 3) as i, lateral {f}() as x", "select row_to_json(v) from {v} as v",
    "select * from {v} where clinic_id = 'C{n}'", "select * from {v} where reports.telling(phone)",
    "select phone from {v} where phone::integer > 0", "select v.* from {v} as v left join {t} as t using (row_key)",
    "select * from staging.rejected_rows", "select * from build.{name}", "select * from ops.loads",
    "select * from access.rights", "select * from access.employees",
    "select * from access.effective_rights",
    "select * from pg_stats where schemaname = '{s}' and tablename = '{name}'",
    "select * from pg_statistic where starelid = '{t}'::regclass",
    "select * from pg_stats_ext", "select * from pg_statistic_ext_data", "select * from pg_stat_activity",
    "select obj_description('{t}'::regclass)", "select * from pg_description", "select * from pg_shdescription",
    "select pg_get_viewdef('{v}'::regclass)", "select pg_get_functiondef(oid) from pg_proc where proname = 'telling'",
    "select pg_get_expr(polqual, polrelid) from pg_policy", "select * from pg_prepared_statements, pg_cursors",
    "select * from information_schema.columns where table_name = '{name}'", "select * from pg_largeobject",
    "select reltuples, relpages from pg_class where relname = '{name}'",
    "select * from pg_locks, pg_settings limit 20",
    "select pg_relation_size('{t}'), pg_stat_get_live_tuples('{t}'::regclass)", "select * from pg_stat_user_tables",
    "select row_security_active('{t}'), has_table_privilege('{r}', '{t}', 'select')",
    "select lo_get(loid) from pg_largeobject_metadata as m(loid)", "select * from pg_hba_file_rules",
    "select pg_input_error_info((select secret from {t} limit 1), 'integer')",
    "select currval(pg_get_serial_sequence('{t}', 'row_key'))", "select json_object_agg({c}::text, {c}) from {t}",
)  # fmt: skip

REFUSED = (
    "select access.note_personal_read('x')",
    "select access.login_password('{r}')",
    "set role {r}", "set session authorization {r}", "select set_config('session_authorization', '{r}', false)",
    "begin; lock table {t} in access exclusive mode", "begin; lock table access.rights",
    "begin; select * from {t} for update", "copy {t} from stdin", "copy (select 1) to program 'true'",
    "copy (select 1) to '/tmp/x'",  "select pg_read_file('postgresql.conf')",
    "select pg_ls_dir('.')", "select lo_import('/etc/hostname')", "select dblink('dbname=postgres', 'select 1')",
    "load 'auto_explain'",
    "select pg_create_logical_replication_slot('s', 'pgoutput')", "set log_statement = 'all'",
    "alter system set port = 1", "select * from marts.made_tomorrow",
    "select * from reports.made_tomorrow", "select reports.tomorrow()",
)  # fmt: skip

# The same, once the session says that it wants to write.
WRITES = (
    "select deals.add('x')", "select deals.move('manual:1', 'paid', 'won')",
    "update {t} set amount = 0", "delete from {t}", "truncate {t}", "create table reports.stolen (id int)",
    "create temporary table stolen (id int)", "create view pg_temp.v as select 1",
    "create function pg_temp.leak(text) returns boolean cost 0.0000001 language plpgsql as $$ begin"
    " raise notice '%', $1; return true; end $$",
    "create operator pg_temp.>>>> (function = texteq, leftarg = text, rightarg = text)",
    "create trigger t after insert on {t} execute function pg_catalog.suppress_redundant_updates_trigger()",
    "create rule r as on select to {t} do instead select 1", "create policy mine on {t} using (true)",
    "alter table {t} disable row level security", "alter table {t} owner to current_user",
    "alter view {v} set (security_invoker = false)", "alter function {f} security definer",
    "grant {r} to current_user", "alter role current_user bypassrls", "create role mine", "create extension dblink",
    "create statistics reports.s on secret, amount from {t}", "create publication p for table {t}",
    "create index on {t} ((secret::integer))",
    "merge into {t} as a using {t} as b on a.row_key = b.row_key when matched then update set secret = b.secret",
    "select access.allow(current_user, 'marts')", "select access.refresh()", "select ops.opaque_key('a', 'b')",
    "insert into {t} (row_key) values ('x')",
)  # fmt: skip

# True only for a hidden row; each raises an error, or counts, if the server tries it on one.
BLIND = (
    "select count(*) from {t} where {hidden}",
    "select count(*) from {t} where case when {hidden} then 1 / (length(row_key) * 0) else 0 end > 0",
    "select count(*) from {t} where 1 / (case when {hidden} then 0 else 1 end) > 1",
    "select count(*) from {t} where case when {hidden} then row_key::integer else 0 end > 0",
    "select count(*) from {t} where case when {hidden} then (score * score * score)::numeric ^ 99999 else 0 end > 0",
    "set enable_seqscan = off; select count(*) from {t} where amount > 0 and case when {hidden} then 1 /"
    " (amount * 0) end > 1; reset all",
    "select count(*) from {v} where case when {hidden} then 1 / (length(row_key) * 0) else 0 end > 0",
    "select count(*) from (select * from {t} where {hidden} offset 0) as x",
    "select exists (select from {t} where {hidden})::integer",
)  # fmt: skip


# On what is closed to the employee: {x} a relation, {column} one of its columns.
CLOSED = (
    "select * from {x}", "select {column} from {x} limit 1", "select count(*) from {x}", "copy {x} to stdout",
    "select (select y from {x} as y limit 1)::text", "explain select * from {x}", "select exists (select from {x})",
    "begin; lock table {x} in access share mode",
    f"{WRITING}; insert into {{x}} default values", f"{WRITING}; update {{x}} set {{column}} = null",
    f"{WRITING}; delete from {{x}}", f"{WRITING}; truncate {{x}}",
)  # fmt: skip
CLOSED_CALLS = ("select {f}", "select * from {f}", f"{WRITING}; select {{f}}")
FORGED_CALLS = ("select * from {f}", "select {f}", "select row_to_json(x) from {f} as x",
                "select x.* from generate_series(1, 2) as i, lateral {f} as x",
                "set chairside.as_of = '{n}'; select * from {f}; reset all")  # fmt: skip


def probes(employee: Employee, role_of_other: str, seed: int, catalog: Sequence[Item]) -> Iterator[Probe]:
    """Attacks without end, in a random order, each with a lawful read now and then. Roles must exist."""
    chance = random.Random(seed)  # noqa: S311 - which attack comes next is no secret
    everything = templates()
    # Most is to be learnt where some rows are seen and others not.
    opened = [relation for relation in RELATIONS if employee.opens(relation.report)] or RELATIONS
    beside = of_catalog(employee, catalog, chance)
    while True:
        chance.shuffle(everything)
        for kind, template in everything:
            relation = chance.choice(opened if chance.random() < MOSTLY else RELATIONS)
            if chance.random() < LAWFUL:
                yield lawful(employee, chance.choice(RELATIONS), chance)
            if chance.random() < CATALOG:
                yield next(beside)
            where = chance.choice(("history", "as_of")) if chance.random() < PAST else relation.schema
            yield from filled(kind, template, employee, role_of_other, relation, where, chance)


def templates() -> list[tuple[Kind, str]]:
    refused = [*REFUSED, *(f"{WRITING}; {template}" for template in WRITES)]
    kinds: dict[Kind, Sequence[str]] = {"searching": SEARCHING, "refused": refused, "blind": BLIND}
    return [(kind, template) for kind, listed in kinds.items() for template in listed]


def filled(
    kind: Kind, template: str, employee: Employee, role_of_other: str, relation: Relation, where: str,
    chance: random.Random,
) -> Iterator[Probe]:
    """The template on a relation, in its schema or another; none where nothing is hidden from a blind one."""
    if kind == "blind" and "{v}" in template:
        relation = RELATIONS[0]  # what the view shows
    hidden = hidden_condition(employee, relation, chance)
    if kind == "blind" and hidden is None:
        return
    given = {
        "t": f"{where}.{relation.name}", "t2": "x", "s": where, "name": relation.name, "v": VIEW, "hidden": hidden,
        "c": chance.choice(COLUMNS), "r": role_of_other, "f": chance.choice(FUNCTIONS), "n": chance.randint(1, 4),
    }  # fmt: skip
    yield Probe(kind, _statements(template.format(**given)), relation)


def of_catalog(employee: Employee, catalog: Sequence[Item], chance: random.Random) -> Iterator[Probe]:
    """Everything that the catalog holds, again and again: closed, or a function that answers forged parameters."""
    while True:
        for item in chance.sample(catalog, len(catalog)):
            if not employee.opens(OPENED.get((item.schema, item.name))):
                yield closed(item, chance)
            elif item.is_function:
                text = chance.choice(FORGED_CALLS).format(f=forged_call(item, chance), n=chance.randint(1, 4))
                yield Probe("searching", _statements(text))


def closed(item: Item, chance: random.Random) -> Probe:
    """An attempt at something that was not given."""
    if item.is_function:
        return Probe("closed", _statements(chance.choice(CLOSED_CALLS).format(f=plain_call(item))))
    column = chance.choice(item.parts) if item.parts else "ctid"
    return Probe("closed", _statements(chance.choice(CLOSED).format(x=item.text, column=column)))


def _statements(text: str) -> tuple[str, ...]:
    """Statements of a template; of one with a function body what follows WRITING, or all of it, is one."""
    if text.startswith(WRITING):
        return WRITING, text.removeprefix(f"{WRITING}; ")
    return (text,) if "$$" in text else tuple(text.split("; "))


def lawful(employee: Employee, relation: Relation, chance: random.Random) -> Probe:
    """What is there now, what was replaced (amounts had the other sign), and both by way of the past."""
    sums = "select count(*), coalesce(sum(amount), 0) from"
    ways: list[tuple[tuple[str, ...], int]] = [
        ((f"{sums} {relation}",), 1),
        ((f"{sums} {relation}",), 1),
        ((f"{sums} history.{relation.name}",), -1),
        (("begin", "set local chairside.as_of = '1'", f"{sums} as_of.{relation.name}"), -1),
        (("begin", "set local chairside.as_of = '2'", f"{sums} as_of.{relation.name}"), 1),
        ((f"{sums} as_of.{relation.name}",), 1),
    ]
    if relation.report == DEALS:
        ways += [((f"{sums} {call}",), 1)
                 for call in ("reports.top_deals(100)", f"reports.top_deals_as_of({PUBLISHED_ON}, 100)")]  # fmt: skip
    if relation == RELATIONS[0]:
        ways += [((f"{sums} {VIEW}{past}",), 1) for past in ("", f"_as_of({PUBLISHED_ON})")]
        ways += [((f"{sums} {FUNCTIONS[0]}{call}",), 1) for call in ("()", f"_as_of({PUBLISHED_ON})")]
    statements, sign = chance.choice(ways)
    return Probe("lawful", statements, relation, sign)


def hidden_condition(employee: Employee, relation: Relation, chance: random.Random) -> str | None:
    """What no row that the employee may see satisfies, of columns whose operators may be tried first (leakproof)."""
    seen = employee.sees(relation, also=True)
    clinics = [clinic for clinic in CLINICS if clinic not in {row.clinic for row in seen}]
    if relation.has_clinic and clinics:
        return f"clinic_id = '{chance.choice(clinics)}'"
    if not seen:
        return "row_key is not null"
    return None
