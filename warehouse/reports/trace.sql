-- report: *
-- What is behind one figure of a report. `warehouse/define_trace.py` gives each report with definitions a function
-- `reports.<report>_trace(cell)`, which hands the report's definition to the one below. It runs as the reader and reads only what
-- the reader may read, so a trace shows no row that the figure does not already count for him.

-- The names that a cell may have, in words of an error.
create or replace function reports.trace_names(definition jsonb) returns text
language sql
immutable
security invoker
set search_path = pg_catalog, pg_temp
as $function$
    select format(
        'Columns: %s. Keys of the row: %s. Parameters: %s.',
        concat_ws(
            ', ',
            (select string_agg(one.name, ', ' order by one.place)
            from jsonb_array_elements_text(definition -> 'column_names') with ordinality as one (name, place)),
            case when definition ? 'any_column' then 'any other column of the report that is not personal' end
        ),
        (select string_agg(one.name, ', ') from jsonb_object_keys(definition -> 'keys') as one (name)),
        coalesce(
            (select string_agg(
                one.name || case when definition -> 'required' ? one.name then ' (required)' else '' end, ', '
                order by definition -> 'required' ? one.name desc, one.name
            )
            from jsonb_object_keys(definition -> 'parameters') as one (name)),
            'none'
        )
    )
$function$;
comment on function reports.trace_names(jsonb) is 'Part of reports.trace_cell: what a cell of this report may name.';

-- The value of the cell as the report itself shows it to this reader.
create or replace function reports.trace_figure(definition jsonb, asked jsonb, wanted text) returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    called text := format(
        'reports.%I%s',
        definition ->> 'report',
        case
            when (definition ->> 'is_view')::boolean then ''
            else '(' || coalesce(
                (select string_agg(format('%I => %s', one.key, one.value), ', ')
                from jsonb_each_text(definition -> 'parameters') as one
                where asked ->> one.key is not null),
                ''
            ) || ')'
        end
    );
    condition text := (
        select string_agg(
            case
                when (definition ->> 'optional_keys')::boolean and asked ->> one.key is null then 'true'
                else format('told.%I is not distinct from ($1 ->> %L)::%s', one.key, one.key, one.value)
            end,
            ' and '
        )
        from jsonb_each_text(definition -> 'keys') as one
    );
    found_rows bigint;
    figure jsonb;
    examples text;
begin
    execute format(
        'select count(*), case when $2 then to_jsonb(sum((to_jsonb(told) ->> $3)::numeric)) else min((to_jsonb(told) -> $3)::text)::jsonb end
        from %s as told where %s',
        called, condition
    ) into found_rows, figure using asked, (definition ->> 'optional_keys')::boolean, wanted;
    if found_rows = 1 or (found_rows > 1 and (definition ->> 'optional_keys')::boolean) then
        return figure;
    end if;
    execute format(
        'select string_agg(shown.row_keys::text, '', '') from (
            select distinct jsonb_build_object(%s) as row_keys from %s as told limit 20
        ) as shown',
        (select string_agg(format('%L, told.%I', one.key, one.key), ', ') from jsonb_object_keys(definition -> 'keys') as one (key)),
        called
    ) into examples using asked;
    raise exception '% rows of % have these keys', found_rows, definition ->> 'report'
        using errcode = 'invalid_parameter_value',
        detail = coalesce('Possible ones, at most 20: ' || examples || '.', 'The report has no row with these parameters.'),
        hint = 'A key that the cell does not name is asked for as null. ' || reports.trace_names(definition);
end
$function$;
comment on function reports.trace_figure(jsonb, jsonb, text) is 'Part of reports.trace_cell: the cell as the report shows it.';

-- Whether this reader may read all of these tables.
create or replace function reports.trace_may_read(tables jsonb) returns boolean
language sql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $function$
    select coalesce(bool_and(
        exists (
            select 1
            from pg_catalog.pg_class
            inner join pg_catalog.pg_namespace on pg_namespace.oid = pg_class.relnamespace
            where
                format('%s.%s', pg_namespace.nspname, pg_class.relname) = one.name
                and has_schema_privilege(pg_namespace.oid, 'usage')
                and has_table_privilege(pg_class.oid, 'select')
        )
    ), true)
    from jsonb_array_elements_text(tables) as one (name)
$function$;
comment on function reports.trace_may_read(jsonb) is 'Part of reports.trace_cell: whether the reader may read all of these.';

-- What ops.record_loads is asked for a row of a trace: kind and id. Nothing for sums of a day, whose loads are told by their days.
create or replace function reports.trace_records(record_kind text, record_id text, detail jsonb, is_step boolean)
returns table (kind text, id text)
language sql
immutable
security invoker
set search_path = pg_catalog, pg_temp
as $function$
    select named.kind, named.id
    from (
        select 'sale' as kind, sold.id from jsonb_array_elements_text(
            case when jsonb_typeof(detail -> 'sale_ids') = 'array' then detail -> 'sale_ids' else '[]' end
        ) as sold (id)
        union all
        select 'inquiry', inquiries.id from jsonb_array_elements_text(
            case when jsonb_typeof(detail -> 'inquiry_keys') = 'array' then detail -> 'inquiry_keys' else '[]' end
        ) as inquiries (id)
        union all
        select
            case
                when is_step then 'step'
                -- of several events of an inquiry; an inquiry itself is named by its own key
                when record_kind in ('inquiry', 'booked', 'arrived', 'client', 'payment') and detail ->> 'inquiry_key' <> record_id
                    then 'event'
                when record_kind = 'person' and starts_with(record_id, 'patient:') then 'patient'
                when record_kind in ('contact', 'session', 'appointment', 'sale', 'inquiry', 'spend') then record_kind
                when record_kind = 'subscription' then 'sale'
                -- a conversion is named as its kind and what it is
                when starts_with(record_id, record_kind || ':')
                    then case when record_kind in ('booking', 'first_visit') then 'appointment' else record_kind end
                when record_kind = 'deal' then 'deal'
            end,
            case
                when record_kind = 'person' then substr(record_id, length('patient:') + 1)
                when not is_step and record_kind in ('booking', 'first_visit', 'deal', 'payment')
                    and starts_with(record_id, record_kind || ':')
                    then substr(record_id, length(record_kind) + 2)
                else record_id
            end
    ) as named
    where named.kind is not null and named.id is not null
$function$;
comment on function reports.trace_records(text, text, jsonb, boolean) is 'Part of reports.trace_cell: the records that a row stands for.';

create or replace function reports.trace_cell(definition jsonb, cell jsonb)
returns table (
    what text,
    part text,
    record_kind text,
    record_id text,
    clinic_id text,
    person_key text,
    day date,
    contribution numeric,
    detail jsonb
)
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    wanted text := cell ->> 'column';
    asked jsonb;
    metric jsonb;
    terms text [];
    shown_terms text [];
    single_terms text [];
    sources text;
    wrong text;
    figure jsonb;
    traced text;
    singles text;
    totals text;
    touches text;
    touches_are_steps boolean;
begin
    if jsonb_typeof(cell) is distinct from 'object' then
        raise exception 'a cell is an object like {"date_from": "2026-06-01", …, "column": "%"}', definition -> 'column_names' ->> 0
            using errcode = 'invalid_parameter_value', hint = reports.trace_names(definition);
    end if;
    select string_agg(one.name, ', ') into wrong
    from jsonb_object_keys(cell) as one (name)
    where one.name <> 'column' and not definition -> 'parameters' ? one.name and not definition -> 'keys' ? one.name;
    if wrong is not null then
        raise exception '% has neither a parameter nor a key %', definition ->> 'report', wrong
            using errcode = 'invalid_parameter_value', hint = reports.trace_names(definition);
    end if;
    select string_agg(one.name, ', ') into wrong
    from jsonb_array_elements_text(definition -> 'required') as one (name)
    where cell ->> one.name is null;
    if wrong is not null then
        raise exception '% cannot be asked without %', definition ->> 'report', wrong
            using errcode = 'invalid_parameter_value', hint = reports.trace_names(definition);
    end if;
    metric := definition -> 'columns' -> wanted;
    if metric is null and definition ? 'any_column' and not definition -> 'keys' ? coalesce(wanted, '') and exists (
        select 1
        from pg_catalog.pg_attribute
        where attrelid = to_regclass(format('reports.%I', definition ->> 'report')) and attname = wanted and attnum > 0
        union all
        select 1
        from pg_catalog.pg_proc
        cross join unnest(proargnames, proargmodes) as result (name, mode)
        where
            pronamespace = 'reports'::regnamespace and proname = definition ->> 'report'
            and result.mode = 't' and result.name = wanted
    ) and not definition -> 'any_column' -> 'except' ? wanted then
        metric := jsonb_build_object(
            'terms', jsonb_build_array(wanted), 'beside', definition -> 'any_column' -> 'beside',
            'formula', 'the row''s own value', 'figure', format('sums.told -> %L', wanted)
        );
        definition := jsonb_set(definition, array['terms', wanted], jsonb_build_object(
            'rows', replace(definition -> 'any_column' ->> 'rows', '{column}', quote_ident(wanted)),
            'sources', definition -> 'any_column' -> 'sources',
            'total', '(array_agg(traced.value))[1]'
        ));
    end if;
    if metric is null then
        raise exception '% has no figure %', definition ->> 'report', coalesce(wanted, 'without a column')
            using errcode = 'invalid_parameter_value', hint = reports.trace_names(definition);
    end if;
    -- what is named as null is what is not named
    asked := (definition -> 'defaults') || jsonb_strip_nulls(cell - 'column');
    figure := reports.trace_figure(definition, asked, wanted);

    terms := array(select jsonb_array_elements_text(metric -> 'terms'));
    shown_terms := terms || array(select jsonb_array_elements_text(metric -> 'beside'));
    -- the single records behind rows that are sums of a day, where the reader may read them
    single_terms := array(
        select one.name
        from unnest(terms) as one (name)
        where
            definition -> 'terms' -> one.name ? 'records'
            and reports.trace_may_read(definition -> 'terms' -> one.name -> 'needs')
    );
    select
        string_agg(replace(definition -> 'terms' -> one.name ->> 'rows', '{part}', quote_literal(one.name)), ' union all ')
    into traced
    from unnest(shown_terms) as one (name);
    select string_agg(replace(definition -> 'terms' -> one.name ->> 'records', '{part}', quote_literal(one.name)), ' union all ')
    into singles
    from unnest(single_terms) as one (name);
    select string_agg(
        format('%L, (select %s from traced where traced.part = %L)', one.name, definition -> 'terms' -> one.name ->> 'total', one.name),
        ', '
    )
    into totals
    from unnest(terms) as one (name);
    -- no more than these read: a name of a table that the reader may not read would refuse it all
    select string_agg(
        format(E'%I as materialized (\n%s\n)', named.source, definition -> 'sources' ->> named.source), E',\n' order by named.place
    )
    into sources
    from jsonb_array_elements_text(definition -> 'source_order') with ordinality as named (source, place)
    where
        exists (select 1 from unnest(shown_terms) as one (name) where definition -> 'terms' -> one.name -> 'sources' ? named.source)
        or exists (
            select 1 from unnest(single_terms) as one (name)
            where definition -> 'terms' -> one.name -> 'record_sources' ? named.source
        )
        or coalesce(definition -> 'touchpoint_sources' ? named.source, false);
    touches := case
        when definition ? 'touchpoints' then format('select touches.* from %I as touches', definition ->> 'touchpoints')
        when reports.trace_may_read('["marts.fct_touches"]') then
            'select touches.touch_kind as record_kind, touches.record_id, touches.clinic_id, touches.person_key, touches.touched_at,
                touches.channel, touches.source, touches.campaign
            from marts.fct_touches as touches
            where touches.person_key in (select people.person_key from people)
                and touches.touched_date <= (select max(people.last_day) from people)'
        when reports.trace_may_read('["reports.client_path_steps"]') then
            'select steps.step as record_kind, steps.step_key as record_id, steps.clinic_id, steps.person_key, steps.occurred_at as touched_at,
                steps.channel, steps.source, steps.campaign
            from reports.client_path_steps as steps
            where steps.person_key in (select people.person_key from people) and steps.step in (''session'', ''contact'')
                and steps.local_date <= (select max(people.last_day) from people)'
    end;
    touches_are_steps := coalesce(touches like '%client_path_steps%', false);
    return query execute format(
        $query$
        with %s,
        traced as materialized (%s),
        singles as materialized (%s),
        sums as materialized (select jsonb_build_object(%s) as told),
        shown as (
            select 'row' as what, traced.* from traced where not traced.is_helper
            union all
            select 'record', singles.* from singles
        ),
        people as materialized (
            select shown.what, shown.part, shown.person_key, max(shown.day) as last_day, min(shown.day) as first_day,
                count(*) as rows,
                sum(case when jsonb_typeof(shown.value) = 'number' then (shown.value #>> '{}')::numeric end) as contribution
            from shown
            where shown.person_key is not null
            group by shown.what, shown.part, shown.person_key
        ),
        span as materialized (select min(shown.day) as first_day, max(shown.day) as last_day from shown),
        touches as materialized (%s),
        named_records as materialized (
            select shown.record_kind, shown.record_id, named.kind, named.id
            from shown
            cross join lateral reports.trace_records(shown.record_kind, shown.record_id, shown.detail, $7) as named
            union
            select touches.record_kind, touches.record_id, named.kind, named.id
            from touches
            cross join lateral reports.trace_records(touches.record_kind, touches.record_id, '{}', $8) as named
            union
            select 'card', people.person_key, named.kind, named.id
            from people
            cross join lateral reports.trace_records('person', people.person_key, '{}', false) as named
        ),
        landed_rows as materialized (
            select told.*
            from (select array_agg(named_records.kind) as kinds, array_agg(named_records.id) as ids from named_records) as every
            cross join lateral ops.record_loads(every.kinds, every.ids) as told
            where every.kinds is not null
        ),
        load_windows as materialized (
            select landed_rows.source, landed_rows.stream, landed_rows.run_id, landed_rows.loaded_at, landed_rows.window_day,
                min(loads.window_from) as window_from, max(loads.window_to) as window_to
            from (select distinct source, stream, run_id, loaded_at, window_day from landed_rows) as landed_rows
            left join history.loads as loads
                on loads.source = landed_rows.source and loads.stream = landed_rows.stream and loads.run_id = landed_rows.run_id
                and (landed_rows.window_day is null or landed_rows.window_day between loads.window_from and loads.window_to)
            group by landed_rows.source, landed_rows.stream, landed_rows.run_id, landed_rows.loaded_at, landed_rows.window_day
        ),
        brought as materialized (
            select distinct named_records.record_kind, named_records.record_id, landed_rows.record_kind as kind, landed_rows.record_id as id,
                load_windows.source || '.' || load_windows.stream as stream, load_windows.run_id, load_windows.loaded_at, load_windows.window_from,
                load_windows.window_to
            from named_records
            inner join landed_rows on landed_rows.record_kind = named_records.kind and landed_rows.record_id = named_records.id
            inner join load_windows
                on load_windows.source = landed_rows.source and load_windows.stream = landed_rows.stream and load_windows.run_id = landed_rows.run_id
                and load_windows.loaded_at = landed_rows.loaded_at and load_windows.window_day is not distinct from landed_rows.window_day
        ),
        brought_by as materialized (
            select brought.record_kind, brought.record_id, jsonb_build_object('loads', jsonb_agg(
                distinct jsonb_build_object('stream', brought.stream, 'run_id', brought.run_id, 'loaded_at', brought.loaded_at,
                    'window_from', brought.window_from, 'window_to', brought.window_to)
            )) as loads
            from brought
            group by brought.record_kind, brought.record_id
        ),
        -- rows that are sums of a day, or of records whose loads this reader may not see: loads of their days
        without_load as materialized (
            select min(shown.day) as first_day, max(shown.day) as last_day
            from shown
            left join brought_by on brought_by.record_kind = shown.record_kind and brought_by.record_id = shown.record_id
            where brought_by.record_id is null
        ),
        told as (
            select 1 as place, 'figure' as what, $3 as part, null::text as record_kind, null::text as record_id,
                null::text as clinic_id, null::text as person_key, null::date as day,
                case when jsonb_typeof($2) = 'number' then ($2 #>> '{}')::numeric end as contribution,
                jsonb_build_object('value', $2, 'from_rows', to_jsonb(%s), 'formula', $4 ->> 'formula', 'parts', sums.told) as detail
            from sums
            union all
            select case shown.what when 'row' then 2 else 3 end, shown.what, shown.part, shown.record_kind, shown.record_id,
                shown.clinic_id, shown.person_key, shown.day,
                case when jsonb_typeof(shown.value) = 'number' then (shown.value #>> '{}')::numeric end,
                shown.detail || case
                    when jsonb_typeof(shown.value) = 'number' then '{}'::jsonb else jsonb_build_object('value', shown.value)
                end || coalesce(brought_by.loads, '{}')
            from shown
            left join brought_by on brought_by.record_kind = shown.record_kind and brought_by.record_id = shown.record_id
            union all
            select 4, 'person', people.part, 'person', people.person_key, null, people.person_key, people.first_day,
                people.contribution, jsonb_build_object('rows', people.rows) || coalesce(brought_by.loads, '{}')
            from people
            left join brought_by on brought_by.record_kind = 'card' and brought_by.record_id = people.person_key
            union all
            select 5, 'touchpoint', $3, touches.record_kind, touches.record_id, touches.clinic_id, touches.person_key,
                touches.touched_at::date, null,
                to_jsonb(touches) - array['record_kind', 'record_id', 'clinic_id', 'person_key'] || coalesce(brought_by.loads, '{}')
            from touches
            left join brought_by on brought_by.record_kind = touches.record_kind and brought_by.record_id = touches.record_id
            union all
            select 6, 'load', $3, brought.stream, brought.run_id, null, null, brought.loaded_at::date, null,
                jsonb_build_object('window_from', brought.window_from, 'window_to', brought.window_to, 'loaded_at', brought.loaded_at,
                    'found_by', 'record', 'records', count(distinct (brought.record_kind, brought.record_id)))
            from brought
            group by brought.stream, brought.run_id, brought.loaded_at, brought.window_from, brought.window_to
            union all
            select 6, 'load', $3, loads.source || '.' || loads.stream, loads.run_id, null, null,
                loads.finished_at::date, null,
                jsonb_build_object('window_from', loads.window_from, 'window_to', loads.window_to, 'finished_at', loads.finished_at,
                    'found_by', 'day')
            from history.loads as loads
            cross join span
            cross join without_load
            where
                loads.kinds && array(
                    select one.kind
                    from jsonb_array_elements_text($5 -> 'kinds') as one (kind)
                    where without_load.last_day is not null or one.kind in ('tracking_addresses', 'currency_rates')
                )
                and case
                    when loads.window_from is null then true
                    when loads.replaces_window then loads.window_from <= span.last_day and loads.window_to >= span.first_day
                    else loads.window_to >= span.first_day
                end
                and not exists (
                    select from brought
                    where brought.run_id = loads.run_id and brought.stream = loads.source || '.' || loads.stream
                        and brought.window_from is not distinct from loads.window_from
                        and brought.window_to is not distinct from loads.window_to
                )
            union all
            select 7, 'rule', named.name, 'definition', ($5 ->> 'report') || '.' || named.name, null, null,
                ($5 -> 'versions' -> named.name ->> 'on')::date, null,
                ($5 -> 'versions' -> named.name) || coalesce($5 -> 'columns' -> named.name -> 'words', '{}')
            from unnest(array[$3] || array_remove($6, $3)) as named (name)
            where $5 -> 'versions' ? named.name
            union all
            select 7, 'rule', $3, 'publication', kept.publication_id::text, null, null, kept.published_on, null,
                jsonb_build_object('published_at', kept.published_at, 'rule_version', kept.rule_version)
            from history.publications as kept
            where kept.publication_id = (select max(last.publication_id) from history.publications as last)
        )
        select told.what, told.part, told.record_kind, told.record_id, told.clinic_id, told.person_key, told.day,
            told.contribution, told.detail
        from told
        order by told.place, told.part, told.day, told.record_kind, told.record_id
        $query$,
        sources,
        traced,
        coalesce(singles, 'select traced.* from traced where false'),
        totals,
        coalesce(touches, 'select null::text as record_kind, null::text as record_id, null::text as clinic_id,
            null::text as person_key, null::timestamptz as touched_at where false'),
        metric ->> 'figure'
    ) using asked, figure, wanted, metric, definition, terms, definition ->> 'report' = 'client_path', touches_are_steps;
end
$function$;
comment on function reports.trace_cell(jsonb, jsonb) is
    'What is behind a figure / Из чего сложилась цифра: rows, people, touchpoints, loads and rules, with each row''s contribution.';
