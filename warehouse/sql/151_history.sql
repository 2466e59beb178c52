-- History of publications: which can be read again, the day that a reader asks for, and when history ends.
-- The tables of schema history and the objects of schema as_of are made by publication (publish_history.py, publish_as_of.py).
insert into staging.settings (name, value) values ('history_days', '400') on conflict (name) do nothing;

-- What decided the figures beside the rows; `ops.explain_change` compares them.
alter table ops.publications add column if not exists rules jsonb not null default '{}';
comment on column ops.publications.rules is
    'Hashes of what decided the figures beside the rows: models (and seeds and macros), settings, reports (their SQL).';

create table if not exists history.publications (
    publication_id bigint primary key,
    published_at timestamptz not null,
    published_on date not null
);
do $$
begin
    -- Asked for only once: it would wait for everybody who reads the past.
    if not (select relrowsecurity from pg_class where oid = 'history.publications'::regclass) then
        alter table history.publications enable row level security;
    end if;
end
$$;
comment on table history.publications is
    'Publications that can still be read. One row per publication; whoever has any right may look.';
comment on column history.publications.publication_id is 'Order of publications; a value for the setting chairside.as_of.';
comment on column history.publications.published_at is 'The moment, never before that of an earlier publication.';
comment on column history.publications.published_on is
    'Its day in the setting default_time_zone, else in the first clinic''s zone, else in UTC.';

create or replace function ops.network_zone() returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    zone text := (select value from staging.settings where name = 'default_time_zone');
begin
    if nullif(zone, '') is null and to_regclass('build.dim_clinics') is not null then
        execute 'select time_zone from build.dim_clinics where time_zone is not null order by clinic_id limit 1' into zone;
    end if;
    return coalesce(nullif(zone, ''), 'UTC');
end
$$;
comment on function ops.network_zone() is
    'Zone of what has no clinic: the setting default_time_zone, else the first clinic''s, else UTC.';

create or replace function ops.publication_day(moment timestamptz) returns date
language sql stable
set search_path = pg_catalog, pg_temp
as $$ select (moment at time zone ops.network_zone())::date $$;
comment on function ops.publication_day(timestamptz) is
    'Day of a publication in the setting default_time_zone, else in the first clinic''s zone, else in UTC.';

create or replace function as_of.publication() returns bigint
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    asked bigint := nullif(current_setting('chairside.as_of', true), '')::bigint;
    oldest history.publications;
begin
    if asked is null then
        return 9223372036854775807;
    end if;
    -- Of an expired one there are rows left, those that later ones had too: too little, so it is refused like its day.
    select * into oldest from history.publications as kept order by kept.publication_id limit 1;
    if asked < oldest.publication_id then
        raise exception 'publication % is not kept any more', asked
            using errcode = 'invalid_parameter_value',
            hint = format('History begins on %s, with publication %s.', oldest.published_on, oldest.publication_id);
    end if;
    return asked;
end
$$;
comment on function as_of.publication() is
    'The publication that relations of schema as_of show: the setting chairside.as_of; without it the last one. Error where it
is not kept any more.';

-- For a table that an upgrade brought: before its first publication it has no row, and a report that reads it would show too little.
create or replace function as_of.publication(of_table text, since bigint) returns bigint
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    if as_of.publication() < publication.since then
        raise exception 'of that day this cannot be shown: it reads %, which was not published yet', publication.of_table
            using errcode = 'invalid_parameter_value',
            hint = 'Ask from ' || coalesce(
                (select kept.published_on from history.publications as kept where kept.publication_id = publication.since)::text,
                'the next publication'
            ) || ' on, the day from which the product has it.';
    end if;
    return as_of.publication();
end
$$;
comment on function as_of.publication(text, bigint) is
    'as_of.publication() of a table that is published since a publication; an error where it was not published yet.';

create or replace function as_of.publication_on(day date) returns bigint
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    found_publication bigint := (
        select max(kept.publication_id) from history.publications as kept where kept.published_on <= publication_on.day
    );
begin
    if found_publication is null then
        raise exception 'no publication of % or before is kept', coalesce(publication_on.day::text, 'no day')
            using errcode = 'invalid_parameter_value',
            hint = coalesce(
                'History begins on ' || (select min(kept.published_on) from history.publications as kept)::text || '.',
                'Nothing was published yet.'
            );
    end if;
    return found_publication;
end
$$;
comment on function as_of.publication_on(date) is
    'The last publication of that day, or of the last day before it that has one. Error where none is kept.';

create or replace view ops.history_tables as
select
    live.report,
    live.schema_name,
    live.relation_name,
    kept.schema_name as history_schema,
    kept.relation_name as history_name,
    live.is_personal
from access.relations as live
inner join access.relations as kept
    on kept.schema_name = 'history' and kept.relation_name = live.relation_name
    and kept.object_kind = 'table' and kept.report = live.report
where live.object_kind = 'table' and live.schema_name in ('marts', 'reports');
comment on view ops.history_tables is
    'Published tables and where their replaced row versions are kept: the same columns, and published_in, replaced_in.';
comment on column ops.history_tables.report is 'The right that opens both.';
comment on column ops.history_tables.schema_name is 'Schema of the published table.';
comment on column ops.history_tables.relation_name is 'Name of the published table.';
comment on column ops.history_tables.history_schema is 'Schema of its history.';
comment on column ops.history_tables.history_name is 'Name of its history.';
comment on column ops.history_tables.is_personal is 'Whether its rows are personal data.';

-- Days before `now` minus the setting history_days can no longer be asked for; the last publication before that moment stays
-- readable, so that the oldest kept day is whole. Null or empty: everything is kept.
create or replace function ops.expire_history(now timestamptz)
returns table (tables bigint, rows_deleted bigint, oldest_day date)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    days integer := ops.days_kept('history_days');
    horizon bigint := (
        select max(kept.publication_id) from history.publications as kept
        where kept.published_at <= expire_history.now - make_interval(days => days)
    );
    kept_table record;
    deleted bigint;
begin
    perform access.take_turn();
    tables := 0;
    rows_deleted := 0;
    if horizon is not null then
        delete from history.publications where publication_id < horizon;
        for kept_table in select h.history_schema, h.history_name from ops.history_tables as h loop
            execute format(
                'delete from %I.%I where replaced_in <= $1', kept_table.history_schema, kept_table.history_name
            ) using horizon;
            get diagnostics deleted = row_count;
            tables := tables + (deleted > 0)::integer;
            rows_deleted := rows_deleted + deleted;
        end loop;
    end if;
    oldest_day := (select min(kept.published_on) from history.publications as kept);
    return next;
end
$$;
comment on function ops.expire_history(timestamptz) is
    'Deletes row versions older than the setting history_days. Says from how many tables, how many, and the oldest day kept.';
