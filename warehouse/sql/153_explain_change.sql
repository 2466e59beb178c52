-- What made the figures of a report move between the publications of two days.
--
-- The report's _daily relation is summed up several times: as it was on the first day, then with the row versions of the
-- second day for the rows of one cause, then of one more, until all are those of the second day. What a step adds is the
-- cause's share, so shares sum to the whole difference, whatever the relation computes. A cause is the best that the
-- facts say of a row; where they say nothing it is `other`, which is shown like the rest.

create or replace view ops.publications_with_new_rules as
select publications.publication_id
from ops.publications
inner join ops.publications as earlier
    on earlier.publication_id = (
        select max(p.publication_id) from ops.publications as p where p.publication_id < publications.publication_id
    )
where earlier.rules <> '{}'
    -- the texts of report functions change no row
    and publications.rules - 'reports' <> earlier.rules - 'reports';
comment on view ops.publications_with_new_rules is
    'Publications whose models, seeds, macros or settings differ from those of the one before.';
select ops.inherit_comments('ops.publications_with_new_rules', 'ops.publications');

-- Rows of a published table that are not the same after publications a and b, into pg_temp.explained_changes.
create or replace function ops.collect_changes(live regclass, is_fact boolean, a bigint, b bigint) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    plain_name text := (select relname from pg_class where oid = live);
    key_parts text := (
        select string_agg(format('%L, version.%I', attname, attname), ', ')
        from pg_constraint
        cross join unnest(conkey) as place (attnum)
        inner join pg_attribute on attrelid = conrelid and pg_attribute.attnum = place.attnum
        where conrelid = live and contype = 'p'
    );
begin
    execute format(
        'with old as (
            select jsonb_build_object(%1$s) as row_key, to_jsonb(version) - ''published_in'' - ''replaced_in'' as body,
                version.replaced_in
            from history.%2$I as version
            where version.published_in <= $1 and version.replaced_in > $1 and version.replaced_in <= $2
        ),
        new as (
            select jsonb_build_object(%1$s) as row_key, to_jsonb(version) - ''published_in'' as body, version.published_in
            from %3$s as version
            where version.published_in > $1 and version.published_in <= $2
            union all
            select jsonb_build_object(%1$s), to_jsonb(version) - ''published_in'' - ''replaced_in'', version.published_in
            from history.%2$I as version
            where version.published_in > $1 and version.published_in <= $2 and version.replaced_in > $2
        )
        insert into pg_temp.explained_changes (table_name, is_fact, row_key, old, new, changed_in)
        select %2$L, $3, row_key, old.body, new.body, array_remove(array[old.replaced_in, new.published_in], null)
        from old full join new using (row_key)
        where old.body is distinct from new.body',
        key_parts, plain_name, live
    ) using a, b, is_fact;
    insert into pg_temp.explained_columns (table_name, is_fact, column_name, kind)
    select plain_name, is_fact, attname, case
        when attname in ('person_key', 'patient_id') then 'person'
        when attname ~ '_(id|key)$' then 'link'
        when atttypid = 'timestamptz'::regtype then 'moment'
        when atttypid = 'date'::regtype then 'day'
    end
    from pg_attribute
    where attrelid = live and attnum > 0 and not attisdropped
        and attname not in ('clinic_id', 'administrator_id', 'inquiry_administrator_id', 'manager_id', 'doctor_id');
    delete from pg_temp.explained_columns where kind is null;
end
$$;
comment on function ops.collect_changes(regclass, boolean, bigint, bigint) is 'Part of ops.explain_change.';

-- The cause of each changed fact, by itself; then of each changed row of the report, by the facts that it names.
create or replace function ops.find_causes(a bigint) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    moment timestamptz := (select kept.published_at from history.publications as kept where kept.publication_id = a);
    zone text := ops.network_zone();
begin
    -- only what facts have too says which facts a row is about
    update pg_temp.explained_columns as own
    set kind = 'own'
    where own.kind in ('link', 'person') and not exists (
        select from pg_temp.explained_columns as theirs
        where theirs.is_fact and theirs.column_name = own.column_name
    );
    create temporary table explained_times on commit drop as
    select changes.ctid as place, min(told.at) as first_at, max(told.at) as last_at
    from pg_temp.explained_changes as changes
    inner join pg_temp.explained_columns as columns on columns.table_name = changes.table_name
    cross join lateral (
        select case columns.kind
            when 'moment' then (coalesce(changes.new, changes.old) ->> columns.column_name)::timestamptz
            -- a day has happened when it is over
            else ((coalesce(changes.new, changes.old) ->> columns.column_name)::date + 1)::timestamp at time zone zone
        end as at
    ) as told
    where columns.kind = 'moment'
        or (columns.kind = 'day' and not exists (
            select from pg_temp.explained_columns as better
            where better.table_name = columns.table_name and better.kind = 'moment'
        ))
    group by changes.ctid;

    update pg_temp.explained_changes as changes
    set cause = case
        when changes.old ->> 'person_key' <> changes.new ->> 'person_key' then 'relinked_people'
        -- the same record under another person is a new row of a table whose key holds the person
        when (changes.old is null or changes.new is null) and changes.row_key ? 'person_key' and exists (
            select from pg_temp.explained_changes as other
            where other.table_name = changes.table_name
                and other.row_key - 'person_key' = changes.row_key - 'person_key'
                and (other.old is null) <> (changes.old is null) and (other.new is null) <> (changes.new is null)
        ) then 'relinked_people'
        when not changes.is_fact then null
        when changes.old is null and times.first_at <= moment then 'late_rows'
        when changes.old is null then 'new_events'
        when changes.changed_in && array(select r.publication_id from ops.publications_with_new_rules as r)
            then 'changed_rules'
        when changes.new is not null and times.last_at > moment then 'new_events'
        else 'corrections'
    end
    from pg_temp.explained_changes as itself
    left join pg_temp.explained_times as times on times.place = itself.ctid
    where itself.ctid = changes.ctid;

    create temporary table explained_links on commit drop as
    select distinct columns.kind, columns.column_name, version.body ->> columns.column_name as said, changes.cause
    from pg_temp.explained_changes as changes
    inner join pg_temp.explained_columns as columns
        on columns.table_name = changes.table_name and columns.kind in ('link', 'person')
    cross join lateral (values (changes.old), (changes.new)) as version (body)
    where changes.is_fact and version.body ->> columns.column_name is not null
    union
    select 'day', null, concat(version.body ->> 'clinic_id', ' ', version.body ->> columns.column_name), changes.cause
    from pg_temp.explained_changes as changes
    inner join pg_temp.explained_columns as columns on columns.table_name = changes.table_name and columns.kind = 'day'
    cross join lateral (values (changes.old), (changes.new)) as version (body)
    where changes.is_fact and version.body ->> columns.column_name is not null;
    create index on pg_temp.explained_links (kind, said);
    analyze pg_temp.explained_links;

    update pg_temp.explained_changes as changes
    set cause = coalesce(
        found.by_link,
        case
            when changes.changed_in && array(select r.publication_id from ops.publications_with_new_rules as r)
                then 'changed_rules'
        end,
        found.by_person,
        -- sums name no record: whatever happened at that clinic on that day
        case when not found.is_linked then found.by_day end
    )
    from (
        select
            itself.ctid as place,
            coalesce(bool_or(columns.kind in ('link', 'person')), false) as is_linked,
            ops.first_cause(array_agg(links.cause) filter (where links.kind = 'link')) as by_link,
            ops.first_cause(array_agg(links.cause) filter (where links.kind = 'person')) as by_person,
            ops.first_cause(array_agg(links.cause) filter (where links.kind = 'day')) as by_day
        from pg_temp.explained_changes as itself
        left join pg_temp.explained_columns as columns on columns.table_name = itself.table_name
        cross join lateral (values (itself.old), (itself.new)) as version (body)
        left join pg_temp.explained_links as links
            on links.kind = columns.kind
            and (links.kind = 'day' or links.column_name = columns.column_name)
            and links.said = case columns.kind
                when 'day' then concat(version.body ->> 'clinic_id', ' ', version.body ->> columns.column_name)
                else version.body ->> columns.column_name
            end
        where not itself.is_fact and itself.cause is null
        group by itself.ctid
    ) as found
    where found.place = changes.ctid;

    -- A row whose facts say nothing goes with the rows of the report that share an id with it.
    create temporary table explained_siblings on commit drop as
    select distinct columns.column_name, version.body ->> columns.column_name as said, changes.cause
    from pg_temp.explained_changes as changes
    inner join pg_temp.explained_columns as columns
        on columns.table_name = changes.table_name and columns.kind in ('link', 'own')
    cross join lateral (values (changes.old), (changes.new)) as version (body)
    where not changes.is_fact and changes.cause is not null and version.body ->> columns.column_name is not null;
    update pg_temp.explained_changes as changes
    set cause = coalesce(found.cause, 'other')
    from (
        select itself.ctid as place, ops.first_cause(array_agg(siblings.cause)) as cause
        from pg_temp.explained_changes as itself
        left join pg_temp.explained_columns as columns
            on columns.table_name = itself.table_name and columns.kind in ('link', 'own')
        cross join lateral (values (itself.old), (itself.new)) as version (body)
        left join pg_temp.explained_siblings as siblings
            on siblings.column_name = columns.column_name and siblings.said = version.body ->> columns.column_name
        where itself.cause is null
        group by itself.ctid
    ) as found
    where found.place = changes.ctid;
end
$$;
comment on function ops.find_causes(bigint) is 'Part of ops.explain_change.';

create or replace function ops.causes() returns text []
language sql immutable
as $$ select array['relinked_people', 'late_rows', 'corrections', 'changed_rules', 'new_events', 'other'] $$;
comment on function ops.causes() is
    'What can move a figure. Where facts of several causes meet in a row, the first of them names it.';

create or replace function ops.first_cause(found text []) returns text
language sql immutable
as $$
    select known.cause from unnest(ops.causes()) with ordinality as known (cause, place)
    where known.cause = any (found) order by known.place limit 1
$$;
comment on function ops.first_cause(text []) is 'Part of ops.explain_change.';

create or replace function ops.require_published(table_name text, publication bigint) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    outer_moment text := coalesce(current_setting('chairside.as_of', true), '');
begin
    -- its view of the past knows since when it is published, and says so
    perform set_config('chairside.as_of', publication::text, true);
    execute format('select exists (select from as_of.%I)', table_name);
    perform set_config('chairside.as_of', outer_moment, true);
end
$$;
comment on function ops.require_published(text, bigint) is
    'Error where a publication had no such table yet, in the words of the report as of that day.';

drop function if exists ops.explain_change(text, date, date);
create or replace function ops.explain_change(report text, day_a date, day_b date, cell jsonb default null)
returns table (figure text, published_a numeric, published_b numeric, cause text, changed_rows bigint, moved_by numeric)
language plpgsql
set search_path = pg_catalog, pg_temp
-- its own temporary views go with their tables, which is no news
set client_min_messages = warning
as $$
#variable_conflict use_column
declare
    a bigint := as_of.publication_on(day_a);
    b bigint := as_of.publication_on(day_b);
    daily regclass := to_regclass(format('reports.%I', explain_change.report || '_daily'));
    read_table record;
    columns text;
    one_cause text;
    step integer := 0;
    rows_of_cause bigint;
begin
    if daily is null then
        raise exception 'reports.%_daily does not exist', explain_change.report using errcode = 'invalid_parameter_value';
    end if;
    if a > b then
        raise exception 'the first day comes first' using errcode = 'invalid_parameter_value';
    end if;
    perform ops.cell_condition(daily, explain_change.cell);
    create temporary table explained_changes (
        table_name text, is_fact boolean, row_key jsonb, old jsonb, new jsonb, changed_in bigint [], cause text
    ) on commit drop;
    create temporary table explained_columns (table_name text, is_fact boolean, column_name text, kind text)
    on commit drop;
    create temporary table explained_applied (cause text) on commit drop;
    create temporary table explained_figures (step integer, cause text, figure text, amount numeric, rows bigint)
    on commit drop;

    -- Facts as near to the source as marts have them.
    for read_table in
        select format('marts.%I', r.relation_name)::regclass as live
        from access.relations as r
        where r.schema_name = 'marts' and r.object_kind = 'table' and not r.is_personal
            and (r.relation_name = 'fct_contacts' or exists (
                select from pg_attribute
                where attrelid = format('marts.%I', r.relation_name)::regclass and attname = 'source_system'
            ))
    loop
        -- Of a table that came later all rows would be late ones.
        begin
            perform ops.require_published((select relname from pg_class where oid = read_table.live), a);
        exception when invalid_parameter_value then
            continue;
        end;
        perform ops.collect_changes(read_table.live, true, a, b);
    end loop;

    for read_table in
        select distinct pg_class.oid::regclass as live, pg_class.relname as plain_name
        from pg_rewrite
        inner join pg_depend on pg_depend.classid = 'pg_rewrite'::regclass and pg_depend.objid = pg_rewrite.oid
        inner join pg_class on pg_class.oid = pg_depend.refobjid and pg_class.relkind = 'r'
        where pg_rewrite.ev_class = daily and pg_depend.refclassid = 'pg_class'::regclass
    loop
        perform ops.require_published(read_table.plain_name, a);
        if not exists (
            select from pg_temp.explained_columns as known where known.table_name = read_table.plain_name
        ) then
            perform ops.collect_changes(read_table.live, false, a, b);
        end if;
        select string_agg(format('version.%I', attname), ', ' order by attnum) into columns
        from pg_attribute
        where attrelid = read_table.live and attnum > 0 and not attisdropped and attname <> 'published_in';
        step := step + 1;
        execute format(
            'create temporary table explained_%1$s on commit drop as
            select changes.row_key, side.is_new, version.*
            from pg_temp.explained_changes as changes
            cross join lateral (values (changes.old, false), (changes.new, true)) as side (body, is_new)
            cross join lateral jsonb_populate_record(null::%2$s, side.body) as version
            where changes.table_name = %3$L and side.body is not null',
            step, read_table.live, read_table.plain_name
        );
        execute format(
            'create temporary view %1$I as
            select %2$s from %3$s as version where version.published_in <= %4$s
            union all
            select %2$s from history.%1$I as version
            where version.published_in <= %4$s and version.replaced_in > %5$s
            union all
            -- changed and changed back
            select %2$s from history.%1$I as version
            where version.published_in <= %4$s and version.replaced_in > %4$s and version.replaced_in <= %5$s
                and not exists (
                    select from pg_temp.explained_changes as changes
                    where changes.table_name = %1$L and changes.old = to_jsonb(version) - ''published_in'' - ''replaced_in''
                )
            union all
            select %2$s from pg_temp.explained_%6$s as version
            inner join pg_temp.explained_changes as changes
                on changes.table_name = %1$L and changes.row_key = version.row_key
            where version.is_new = exists (
                select from pg_temp.explained_applied as applied where applied.cause = changes.cause
            )',
            read_table.plain_name, columns, read_table.live, a, b, step
        );
    end loop;
    perform ops.find_causes(a);

    step := 0;
    insert into pg_temp.explained_figures
    select 0, null, sums.figure, coalesce(sums.amount, 0), 0
    from ops.figures_of(explain_change.report, 'pg_temp', explain_change.cell) as sums;
    foreach one_cause in array ops.causes() loop
        select count(*) into rows_of_cause
        from pg_temp.explained_changes as changes
        where changes.cause = one_cause
            and to_regclass(format('pg_temp.%I', changes.table_name)) is not null;
        continue when rows_of_cause = 0;
        step := step + 1;
        insert into pg_temp.explained_applied values (one_cause);
        insert into pg_temp.explained_figures
        select step, one_cause, sums.figure, coalesce(sums.amount, 0), rows_of_cause
        from ops.figures_of(explain_change.report, 'pg_temp', explain_change.cell) as sums;
    end loop;

    return query
    select
        shares.figure, shares.first_amount, shares.last_amount, shares.cause,
        -- rows of the report's tables are not rows of its _daily relation: which of them a cell holds, they do not say
        case when explain_change.cell is null then shares.rows end,
        shares.moved_by
    from (
        select
            stood.figure,
            stood.step,
            stood.cause,
            stood.rows,
            first_value(stood.amount) over whole as first_amount,
            last_value(stood.amount) over whole as last_amount,
            stood.amount - lag(stood.amount) over whole as moved_by
        from pg_temp.explained_figures as stood
        window whole as (
            partition by stood.figure order by stood.step rows between unbounded preceding and unbounded following
        )
    ) as shares
    where shares.moved_by <> 0
    order by shares.figure, shares.step;

    -- The views over them go along, so that the next question finds the names free.
    for read_table in
        select relname from pg_class
        where relnamespace = pg_my_temp_schema() and relkind = 'r' and relname like 'explained\_%'
    loop
        execute format('drop table pg_temp.%I cascade', read_table.relname);
    end loop;
end
$$;
comment on function ops.explain_change(text, date, date, jsonb) is
    'Why the additive figures of a report moved between the publications of two days: per figure and cause how many rows '
    'changed and by how much they moved it; the shares of a figure sum to its difference. No row: nothing moved. A cell, like '
    '{"date_from": "2026-06-01", "date_to": "2026-06-30", "channel": "paid_search"}, asks about these days and rows of the '
    'report alone; changed_rows is null then.';
