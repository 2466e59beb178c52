"""Which families a build has to make anew: whose rows changed, whom time or a campaign moved, and all their kin.

The state of the last build is in `build`: `family_records` (each record, its content as a hash, its tokens),
`family_tokens` (the same the other way round), `family_counts` (how many there are, day by day what was added) and
`family_blocked` (phones and e-mails that join nobody). The scope of this one is `family_scope`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from psycopg import sql

from warehouse.increment import moved
from warehouse.increment.fresh import Connection, Seen, look, narrow


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Numbers of records: changed since the last build, in the scope of this one, known to the last build in all. And
    what this one saw."""

    changed: int
    in_scope: int
    known: int
    seen: Seen


# What landed rows say now. Told before the models read them: a row that comes in between is found by the next build.
_SNAPSHOT: LiteralString = """
drop table if exists build.family_snapshot;
create unlogged table build.family_snapshot as
select record_kind, record_id, record, content, tokens from build.int_family_records;
"""

_FIRST_STATE: LiteralString = """
drop table if exists build.family_records, build.family_tokens;
alter table build.family_snapshot rename to family_records;
create unlogged table build.family_tokens as
select distinct token.token, family_records.record from build.family_records cross join unnest(tokens) as token (token);
create index family_records_record on build.family_records (record);
create index family_tokens_token on build.family_tokens (token);
create index family_tokens_record on build.family_tokens (record);
analyze build.family_records;
analyze build.family_tokens;
drop table if exists build.family_counts;
create unlogged table build.family_counts as
select record_kind, count(*) as records from build.family_records group by record_kind;
"""

# What may have changed (warehouse/increment/fresh.py), in one look: its content and its tokens.
_NOW: LiteralString = """
drop table if exists build.family_now;
create unlogged table build.family_now as
select record_kind, record_id, record, content, tokens from fresh.int_family_records;
analyze build.family_now;
"""

# Rows that differ from the last build.
_CHANGED: LiteralString = """
drop table if exists build.family_changed;
create unlogged table build.family_changed as
select now.record_kind, now.record_id, now.record, now.content, now.tokens, was.record is null as is_new
from build.family_now as now left join build.family_records as was on now.record = was.record
where now.content is distinct from was.content;
"""

# Of each kind there are as many records as there were and as are new, or some are gone. Only kinds that there were: one
# by one, for then PostgreSQL counts in an index, and does not group what every row of every kind says it is.
_KINDS: LiteralString = "select distinct record_kind from build.family_counts order by record_kind"
_COUNT: LiteralString = "select count(*) from build.int_family_records where record_kind = {}"
_EXPECTED: LiteralString = """
select record_kind, sum(records)::bigint
from (
    select record_kind, records from build.family_counts
    union all
    select record_kind, 1 from build.family_changed where is_new
) as known
group by record_kind
"""

# Gone ones have no tokens of now.
_GONE: LiteralString = """
insert into build.family_changed (record_kind, record_id, record, is_new)
select was.record_kind, was.record_id, was.record, false
from build.family_records as was
where
    was.record_kind = %(kind)s
    and not exists (
        select from build.int_family_records as now where now.record_kind = %(kind)s and now.record = was.record
    )
"""

# Blocked for certain: even if every card that changed today were of one owner less, too many would be left. What is not
# certain is walked through, and counted anew.
_BLOCKED: LiteralString = """
update build.family_blocked
set
    patients = patients - changed.cards,
    is_firm = patients - changed.cards > %(too_many)s
from (select count(*) as cards from build.family_changed where record_kind = 'patient') as changed
"""

# What follows looks records and tokens up by lists, which the planner takes for short: it shall read the rows in the
# order in which they lie, and join by hashes.
_SCOPE: LiteralString = """
set local enable_indexscan = off;
set local enable_nestloop = off;
create temporary table scope_records (record bigint primary key) on commit drop;
create temporary table scope_tokens (token bigint primary key) on commit drop;
create temporary table frontier (record bigint primary key) on commit drop;
create temporary table fresh_tokens (token bigint primary key) on commit drop;
insert into pg_temp.frontier
select record from build.family_changed union select record from pg_temp.seeds;
"""
# One wave: the frontier joins the scope, its tokens not seen yet lead to records not seen yet.
_WAVE: LiteralString = """
insert into pg_temp.scope_records select record from pg_temp.frontier;
analyze pg_temp.frontier;
truncate pg_temp.fresh_tokens;
insert into pg_temp.fresh_tokens
select found.token
from (
    select tokens.token
    from build.family_tokens as tokens
    where tokens.record = any (array(select frontier.record from pg_temp.frontier))
    union
    select token.token
    from pg_temp.frontier
    inner join build.family_changed as changed on frontier.record = changed.record
    cross join unnest(changed.tokens) as token (token)
) as found
where
    not exists (select from pg_temp.scope_tokens as known where known.token = found.token)
    and not exists (select from build.family_blocked as blocked where blocked.is_firm and blocked.token = found.token);
insert into pg_temp.scope_tokens select token from pg_temp.fresh_tokens;
analyze pg_temp.fresh_tokens;
truncate pg_temp.frontier;
insert into pg_temp.frontier
select distinct tokens.record
from build.family_tokens as tokens
where
    tokens.token = any (array(select fresh_tokens.token from pg_temp.fresh_tokens))
    and not exists (select from pg_temp.scope_records as known where known.record = tokens.record);
"""

_FINISH: LiteralString = """
drop table if exists build.family_scope;
create unlogged table build.family_scope as
select records.record_kind, records.record_id, records.record
from build.family_records as records
where records.record = any (array(select scope_records.record from pg_temp.scope_records))
union
select changed.record_kind, changed.record_id, changed.record from build.family_changed as changed;
analyze build.family_scope;
set local enable_indexscan to default;
set local enable_nestloop to default;
"""


_KEEP_BLOCKED: LiteralString = """
insert into build.family_blocked (identifier, token, patients, is_firm)
select identifier, hashtextextended(identifier, 0), count(distinct person_patient_id), true
from {owners} as owners
where
    not exists (select from build.int_listed_identifiers as listed where listed.identifier = owners.identifier)
    and not exists (select from build.family_blocked as known where known.identifier = owners.identifier)
group by identifier
having count(distinct person_patient_id) > %(too_many)s
"""

_KEEP_RULES: LiteralString = """
drop table if exists build.family_currency_days, build.family_campaign_channels;
create unlogged table build.family_currency_days as select * from build.int_currency_days;
create unlogged table build.family_campaign_channels as select * from build.int_campaign_channels;
"""

_KEEP_SCOPE: LiteralString = """
delete from build.family_records where record in (select record from build.family_changed where not is_new);
delete from build.family_tokens where record in (select record from build.family_changed where not is_new);
insert into build.family_records (record_kind, record_id, record, content, tokens)
select record_kind, record_id, record, content, tokens from build.family_changed where content is not null;
insert into build.family_tokens (token, record)
select distinct token.token, changed.record
from build.family_changed as changed cross join unnest(changed.tokens) as token (token);
insert into build.family_counts (record_kind, records)
select record_kind, count(*) filter (where is_new) - count(*) filter (where content is null)
from build.family_changed
group by record_kind;
delete from build.family_blocked where not is_firm;
"""


def snapshot(connection: Connection) -> Seen:
    """Keep what landed rows say now, for `keep_everything` after a build of everything. Returns what it saw."""
    seen = look(connection)
    run(connection, _SNAPSHOT)
    return seen


def keep_everything(connection: Connection, *, too_many_patients: int) -> None:
    """After a build of everything: the snapshot becomes the state that the next build compares with."""
    run(connection, _FIRST_STATE)
    connection.execute("drop table if exists build.family_blocked")
    connection.execute(
        "create unlogged table build.family_blocked (identifier text, token bigint, patients bigint, is_firm boolean)"
    )
    _keep_blocked(connection, "build.int_identifier_owners", too_many_patients)
    run(connection, _KEEP_RULES)


def keep_scope(connection: Connection, *, too_many_patients: int) -> None:
    """After a build of a day, before its schema is emptied: the state follows what it built."""
    run(connection, _KEEP_SCOPE)
    _keep_blocked(connection, "day.int_identifier_owners", too_many_patients)
    run(connection, _KEEP_RULES)


def count_records(connection: Connection) -> dict[str, int]:
    """How many records there are now of each kind that there was: every landed row is counted, for one may be gone."""
    kinds = [kind for (kind,) in connection.execute(_KINDS)]
    count = sql.SQL(_COUNT)
    return {kind: connection.execute(count.format(sql.Literal(kind))).fetchall()[0][0] for kind in kinds}


def find(
    connection: Connection, *, last: Seen, was: datetime, now: datetime, too_many_patients: int, callback_days: int,
    counted: Callable[[], Mapping[str, int]],
) -> Found:  # fmt: skip
    """Find the families to make anew, into `build.family_scope`; part of one transaction of the caller, who reads their
    rows in it too.

    `last`: what the last build saw, `was`: its moment. `too_many_patients`, `callback_days`: the rules of the models.
    `counted` waits for `count_records`, which another connection may do meanwhile: a row that comes or goes between the
    two makes a kind of which nothing is found gone, or is found by the next build.
    """
    seen = look(connection)
    narrow(connection, last)
    run(connection, _NOW)
    run(connection, _CHANGED)
    expected: dict[str, int] = dict(connection.execute(_EXPECTED).fetchall())
    for kind, records in counted().items():
        if expected.get(kind, 0) != records:
            connection.execute(_GONE, {"kind": kind})
    connection.execute("drop schema fresh cascade")
    connection.execute("analyze build.family_changed")
    moved.find(connection, was=was, now=now, callback_days=callback_days)
    connection.execute(_BLOCKED, {"too_many": too_many_patients})
    run(connection, _SCOPE)
    while _count(connection, "select count(*) from pg_temp.frontier"):
        run(connection, _WAVE)
    run(connection, _FINISH)
    return Found(
        changed=_count(connection, "select count(*) from build.family_changed"),
        in_scope=_count(connection, "select count(*) from build.family_scope"),
        known=_count(connection, "select sum(records) from build.family_counts"),
        seen=seen,
    )


def _keep_blocked(connection: Connection, owners: LiteralString, too_many_patients: int) -> None:
    table = sql.Identifier(*owners.split("."))
    query = sql.SQL(_KEEP_BLOCKED).format(owners=table)
    connection.execute(query, {"too_many": too_many_patients})


def run(connection: Connection, statements: LiteralString) -> None:
    """Statements one after another, each planned with what the one before it left."""
    for statement in statements.split(";"):
        if statement.strip():
            connection.execute(statement)


def _count(connection: Connection, query: LiteralString) -> int:
    return int(connection.execute(query).fetchall()[0][0])
