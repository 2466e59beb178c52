-- Who read which table of personal data, and when. The row policies of such tables call the function below, once a query, when the
-- first row is about to be shown; it writes to the server's log, which no query can change, take back or skip
-- (docs/decisions/audit_of_personal_reads.md). Loads collect the lines here.
create table if not exists ops.personal_reads (
    read_id text primary key,
    read_at timestamptz not null,
    database_role text not null,
    relation text not null
);
create index if not exists personal_reads_at on ops.personal_reads (read_at);
comment on table ops.personal_reads is
    'Reads of personal data by employees. One row per query and table of personal data that it showed rows of.';
comment on column ops.personal_reads.read_id is 'Number of the line in the server''s log.';
comment on column ops.personal_reads.read_at is 'When.';
comment on column ops.personal_reads.database_role is 'The employee''s login.';
comment on column ops.personal_reads.relation is 'The table, with its schema; access.relations says which report it belongs to.';

insert into staging.settings (name, value)
values ('audit_personal_reads', 'on'), ('personal_reads_days', '1096')
on conflict (name) do nothing;

create or replace function access.read_stamp(payload text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select encode(sha256(convert_to(salt, 'UTF8') || sha256(convert_to(salt || payload, 'UTF8'))), 'hex') from ops.key_salt
$$;
comment on function access.read_stamp(text) is
    'Proves that a line of the log was written here: anybody who may log in may write lines of his own.';

create or replace function access.note_personal_read(relation text) returns boolean
language plpgsql stable parallel safe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    payload text := json_build_object(
        'id', gen_random_uuid(), 'at', clock_timestamp(), 'role', session_user, 'relation', relation
    );
begin
    -- A BI server that asks before anybody looks: what would be on record is not asked then. Whoever says so himself is
    -- refused, so nobody reads without a line by it.
    if current_setting('chairside.ahead', true) = 'on' then
        raise exception 'personal data are not asked for ahead of their reader' using errcode = 'insufficient_privilege';
    end if;
    raise log 'chairside personal read % %', access.read_stamp(payload), payload;
    return true;
end
$$;
comment on function access.note_personal_read(text) is
    'For row policies of tables with personal data: notes the read and is true. Nobody has the schema, so no query can call it.';

create or replace function ops.keep_personal_reads(stamps text [], payloads text []) returns bigint
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    kept bigint;
begin
    insert into ops.personal_reads (read_id, read_at, database_role, relation)
    select line ->> 'id', (line ->> 'at')::timestamptz, line ->> 'role', line ->> 'relation'
    from unnest(stamps, payloads) as given (stamp, payload)
    -- the stamp first: what somebody else wrote may be no JSON
    cross join lateral (
        select case when given.stamp = access.read_stamp(given.payload) then given.payload::json end as line
    ) as proved
    where line is not null
    on conflict do nothing;
    get diagnostics kept = row_count;
    return kept;
end
$$;
comment on function ops.keep_personal_reads(text [], text []) is
    'Keeps lines of the server''s log that access.note_personal_read wrote, each once; others are passed over.';
revoke all on function access.read_stamp(text), access.note_personal_read(text), ops.keep_personal_reads(text [], text [])
from public;
