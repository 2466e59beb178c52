-- What lies in schema build, whether it is whole, and what a gate refused to publish.
create table if not exists ops.builds (
    build_id bigint generated always as identity primary key,
    run_id text not null,
    started_at timestamptz not null,
    finished_at timestamptz,
    status text not null check (status in ('running', 'whole', 'broken')),
    gate text check (gate in ('passed', 'refused', 'released', 'discarded'))
);
comment on table ops.builds is 'Builds by dbt. One row per attempt; schema build holds what the last one left.';
comment on column ops.builds.build_id is 'Order of builds.';
comment on column ops.builds.run_id is 'The run that built.';
comment on column ops.builds.started_at is 'When it began to change schema build.';
comment on column ops.builds.finished_at is 'When it ended; null while it runs, or where its process was killed.';
comment on column ops.builds.status is 'running, whole (may be published) or broken (some models are of an earlier build).';
comment on column ops.builds.gate is
    'What the gate of marts said: passed or refused; of a refused one what people decided: released or discarded; null: not asked.';

create table if not exists ops.refused_publications (
    refused_id bigint generated always as identity primary key,
    build_id bigint not null references ops.builds (build_id),
    run_id text not null,
    refused_at timestamptz not null,
    message text not null,
    tables jsonb not null,
    status text not null default 'waiting' check (status in ('waiting', 'released', 'discarded', 'superseded')),
    decided_at timestamptz,
    decided_by text,
    why text
);
comment on table ops.refused_publications is 'Builds that the gate of marts refused. One row per refusal.';
comment on column ops.refused_publications.refused_id is 'What make release and make discard ask for.';
comment on column ops.refused_publications.build_id is 'The build that was refused.';
comment on column ops.refused_publications.run_id is 'The run that asked the gate.';
comment on column ops.refused_publications.refused_at is 'When.';
comment on column ops.refused_publications.message is 'The breaches, as they were reported.';
comment on column ops.refused_publications.tables is
    'Tables that would change: rows that would be new, gone and changed, null where the two cannot be compared.';
comment on column ops.refused_publications.status is
    'waiting, released, discarded, or superseded: a later build took its place before anybody decided.';
comment on column ops.refused_publications.decided_at is 'When it was released or discarded.';
comment on column ops.refused_publications.decided_by is 'Who decided.';
comment on column ops.refused_publications.why is 'The reason that was given.';

create table if not exists ops.refused_figures (
    refused_id bigint not null references ops.refused_publications (refused_id) on delete cascade,
    report text not null,
    figure text not null,
    published numeric,
    refused numeric,
    primary key (refused_id, report, figure)
);
comment on table ops.refused_figures is
    'What a refused publication would have made of the reports'' sums. One row per refusal, report and additive figure.';
comment on column ops.refused_figures.refused_id is 'The refusal.';
comment on column ops.refused_figures.report is 'The report; its _daily relation is summed up over all days.';
comment on column ops.refused_figures.figure is 'Column of that relation.';
comment on column ops.refused_figures.published is 'Sum as published; null: there is none.';
comment on column ops.refused_figures.refused is 'Sum as built; null: it could not be computed.';

create or replace function ops.begin_build(run_id text, moment timestamptz) returns bigint
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    begun bigint;
begin
    update ops.refused_publications set status = 'superseded' where status = 'waiting';
    insert into ops.builds (run_id, started_at, status)
    values (begin_build.run_id, begin_build.moment, 'running')
    returning build_id into begun;
    return begun;
end
$$;
comment on function ops.begin_build(text, timestamptz) is 'A build begins to change schema build; what waited there is lost.';

create or replace view ops.last_build as
select build_id, run_id, started_at, finished_at, status, gate
from ops.builds
order by build_id desc
limit 1;
comment on view ops.last_build is 'The build whose tables lie in schema build; no row: nobody built since builds are counted.';
select ops.inherit_comments('ops.last_build', 'ops.builds');

-- What a cell asks of the rows of a _daily relation, as a condition on `daily`: {"date_from": …, "date_to": …} are days, both
-- included, everything else is a column and its value, null for rows without one.
create or replace function ops.cell_condition(daily regclass, cell jsonb) returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    choices text [];
    has_days boolean;
    asked record;
    condition text := 'true';
begin
    if cell is null then
        return condition;
    end if;
    if jsonb_typeof(cell) <> 'object' then
        raise exception 'the cell is an object, like {"date_from": "2026-06-01", "channel": "paid_search"}'
            using errcode = 'invalid_parameter_value';
    end if;
    select coalesce(array_agg(attname::text order by attnum) filter (where attname <> 'day'), '{}'),
        coalesce(bool_or(attname = 'day'), false)
    into choices, has_days
    from pg_attribute
    where attrelid = daily and attnum > 0 and not attisdropped
        and atttypid not in ('numeric'::regtype, 'bigint'::regtype, 'integer'::regtype, 'double precision'::regtype);
    if has_days then
        choices := array['date_from', 'date_to'] || choices;
    end if;
    for asked in select key, value from jsonb_each_text(cell) loop
        if asked.key <> all (choices) then
            raise exception '% has no % to choose by; it has: %', daily::text, asked.key, array_to_string(choices, ', ')
                using errcode = 'invalid_parameter_value';
        end if;
        condition := condition || case
            when asked.key in ('date_from', 'date_to') and asked.value is null then ''
            when asked.key = 'date_from' then format(' and daily.day >= %L::date', asked.value)
            when asked.key = 'date_to' then format(' and daily.day <= %L::date', asked.value)
            else format(' and daily.%I::text is not distinct from %L', asked.key, asked.value)
        end;
    end loop;
    return condition;
end
$$;
comment on function ops.cell_condition(regclass, jsonb) is 'Part of ops.figures_of.';

-- Sums of a report's additive figures, its published tables read from another schema (build, pg_temp) if that is given.
drop function if exists ops.figures_of(text, text);
create or replace function ops.figures_of(report text, source text default null, cell jsonb default null)
returns table (figure text, amount numeric)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    daily regclass := to_regclass(format('reports.%I', report || '_daily'));
    definition text := pg_get_viewdef(daily);
    read_table record;
    sums text;
begin
    if daily is null then
        return;
    end if;
    definition := rtrim(definition, ';');
    if source is not null then
        for read_table in
            select distinct r.schema_name, r.relation_name from access.relations as r
            where r.object_kind = 'table' and r.schema_name in ('marts', 'reports')
        loop
            definition := regexp_replace(
                definition,
                format('\m%s\.%s\M', read_table.schema_name, read_table.relation_name),
                format('%s.%s', source, read_table.relation_name),
                'g'
            );
        end loop;
    end if;
    select string_agg(format('%L, sum(daily.%I)', attname, attname), ', ' order by attnum) into sums
    from pg_attribute
    where attrelid = daily and attnum > 0 and not attisdropped
        and atttypid in ('numeric'::regtype, 'bigint'::regtype, 'integer'::regtype, 'double precision'::regtype);
    return query execute format(
        'select each.key, each.value::numeric
        from (select jsonb_build_object(%s) as sums from (%s) as daily where %s) as summed
        cross join jsonb_each_text(summed.sums) as each',
        sums, definition, ops.cell_condition(daily, cell)
    );
end
$$;
comment on function ops.figures_of(text, text, jsonb) is
    'Sums of the additive figures of a report''s _daily relation, over all days or over the rows of a cell; no row where it has none.';

-- Where a published table and its build table differ, by the types' own equality, as publication compares them.
create or replace function ops.pending_rows(table_name text)
returns table (change text, row_key jsonb, published jsonb, built jsonb)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    live_table regclass := table_name::regclass;
    build_table regclass := format('build.%I', (select relname from pg_class where oid = live_table))::regclass;
    key_columns text [] := (
        select array_agg(attname order by place.n)
        from pg_constraint
        cross join unnest(conkey) with ordinality as place (attnum, n)
        inner join pg_attribute on attrelid = conrelid and pg_attribute.attnum = place.attnum
        where conrelid = live_table and contype = 'p'
    );
    -- a column that only the build has makes a new row of each where it is filled
    differences text := (
        select string_agg(
            case
                when theirs.attname is null then format('built.%I is not null', ours.attname)
                when ours.atttypid in ('json'::regtype, 'xml'::regtype)
                    then format('live.%1$I::text is distinct from built.%1$I::text', ours.attname)
                else format('live.%1$I is distinct from built.%1$I', ours.attname)
            end,
            ' or ' order by ours.attnum
        )
        from pg_attribute as ours
        left join pg_attribute as theirs
            on theirs.attrelid = live_table and theirs.attname = ours.attname and not theirs.attisdropped
        where ours.attrelid = build_table and ours.attnum > 0 and not ours.attisdropped
    );
begin
    return query execute format(
        'select
            case when live.%1$I is null then ''new'' when built.%1$I is null then ''gone'' else ''changed'' end,
            jsonb_build_object(%2$s),
            case when live.%1$I is not null then to_jsonb(live) - ''published_in'' end,
            case when built.%1$I is not null then to_jsonb(built) end
        from %3$s as live full join %4$s as built on %5$s
        where live.%1$I is null or built.%1$I is null or %6$s',
        key_columns[1],
        (select string_agg(format('%1$L, coalesce(live.%1$I, built.%1$I)', k), ', ') from unnest(key_columns) as k),
        live_table,
        build_table,
        (select string_agg(format('live.%1$I = built.%1$I', k), ' and ') from unnest(key_columns) as k),
        differences
    );
end
$$;
comment on function ops.pending_rows(text) is
    'Rows of a published table that the build would change: new, gone or changed, with both versions. For the owner.';

create or replace function ops.refuse_publication(run_id text, moment timestamptz, message text) returns bigint
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    refused bigint;
    live_table record;
    counts jsonb;
    changes jsonb := '[]';
    known_report text;
begin
    update ops.builds set gate = 'refused' where build_id = (select last.build_id from ops.last_build as last);
    if not found then
        return null;
    end if;
    -- Not all can be compared: shapes differ, and Citus does not join its tables in every way. It is a refusal all the same.
    for live_table in
        select distinct r.schema_name, r.relation_name from access.relations as r
        where r.object_kind = 'table' and r.schema_name in ('marts', 'reports') order by 1, 2
    loop
        begin
            select jsonb_object_agg(c.change, c.rows) into counts
            from (
                select change, count(*) as rows
                from ops.pending_rows(format('%I.%I', live_table.schema_name, live_table.relation_name))
                group by change
            ) as c;
            if counts is null then
                continue;
            end if;
        exception when undefined_table or undefined_column or undefined_function or feature_not_supported then
            counts := '{"new": null, "gone": null, "changed": null}';
        end;
        changes := changes || jsonb_build_object(
            'table', live_table.schema_name || '.' || live_table.relation_name,
            'new', coalesce(counts -> 'new', case when counts ? 'new' then 'null'::jsonb else '0' end),
            'gone', coalesce(counts -> 'gone', '0'),
            'changed', coalesce(counts -> 'changed', '0')
        );
    end loop;
    insert into ops.refused_publications (build_id, run_id, refused_at, message, tables)
    select last.build_id, refuse_publication.run_id, moment, refuse_publication.message, changes
    from ops.last_build as last
    returning refused_id into refused;
    for known_report in select k.report from access.known_reports as k order by 1 loop
        begin
            insert into ops.refused_figures (refused_id, report, figure, published, refused)
            select refused, known_report, now_shown.figure, now_shown.amount, built.amount
            from ops.figures_of(known_report) as now_shown
            left join ops.figures_of(known_report, 'build') as built using (figure);
        exception when undefined_table or undefined_column or feature_not_supported then
            insert into ops.refused_figures (refused_id, report, figure, published)
            select refused, known_report, now_shown.figure, now_shown.amount
            from ops.figures_of(known_report) as now_shown;
        end;
    end loop;
    return refused;
end
$$;
comment on function ops.refuse_publication(text, timestamptz, text) is
    'The gate refused the last build: writes down what it would have changed. Returns the refusal''s number, null without a build.';

create or replace function ops.decide_refused(refused_id bigint, who text, why text, decision text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    refusal ops.refused_publications;
begin
    select * into refusal from ops.refused_publications as r where r.refused_id = decide_refused.refused_id for update;
    if refusal.refused_id is null or refusal.status <> 'waiting' then
        raise exception 'refusal % %', decide_refused.refused_id, coalesce('is ' || refusal.status, 'does not exist')
            using errcode = 'invalid_parameter_value',
            hint = 'make refused shows what waits; a superseded one was built over, load again.';
    end if;
    if btrim(coalesce(decide_refused.who, '')) = '' or btrim(coalesce(decide_refused.why, '')) = '' then
        raise exception 'a decision needs a name and a reason' using errcode = 'invalid_parameter_value';
    end if;
    if refusal.build_id is distinct from (select last.build_id from ops.last_build as last) then
        raise exception 'schema build holds another build by now' using errcode = 'invalid_parameter_value';
    end if;
    update ops.refused_publications as r
    set status = decision, decided_at = clock_timestamp(), decided_by = who, why = decide_refused.why
    where r.refused_id = decide_refused.refused_id;
    update ops.builds set gate = decision where build_id = refusal.build_id;
end
$$;
comment on function ops.decide_refused(bigint, text, text, text) is 'What releasing and discarding have in common.';

create or replace function ops.release_publication(refused_id bigint, who text, why text) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$ select ops.decide_refused(refused_id, who, why, 'released') $$;
comment on function ops.release_publication(bigint, text, text) is
    'Lets a refused build be published. The publish step does it: make release, or the task publish in Airflow.';

create or replace function ops.discard_publication(refused_id bigint, who text, why text) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$ select ops.decide_refused(refused_id, who, why, 'discarded') $$;
comment on function ops.discard_publication(bigint, text, text) is
    'A refused build will not be published; the next build takes its place.';
