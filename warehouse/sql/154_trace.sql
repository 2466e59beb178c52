-- What is behind a figure: its door, and what a trace needs beside the report's own rows: loads and versions of rules.

-- Loads that wrote rows, for readers. No counts: they are of all clinics.
create table if not exists history.loads (
    run_id text not null,
    source text not null,
    stream text not null,
    kinds text [] not null,
    window_from date,
    window_to date,
    replaces_window boolean not null,
    started_at timestamptz not null,
    finished_at timestamptz not null
);
create index if not exists loads_started_at on history.loads (started_at);
alter table history.loads enable row level security;
comment on table history.loads is
    'Loads that wrote rows, up to the last publication. One row per load of a window of a stream; whoever has any right may look.';
comment on column history.loads.run_id is 'The run that loaded.';
comment on column history.loads.source is 'Source, one word (CONTRACT.md section 2).';
comment on column history.loads.stream is 'Stream of the source; for import files the kind.';
comment on column history.loads.kinds is 'Kinds of rows that the models make of the stream.';
comment on column history.loads.window_from is 'First local day of the window, included; null where there is no window.';
comment on column history.loads.window_to is 'Last local day of the window, included; null where there is no window.';
comment on column history.loads.replaces_window is
    'The window is of the rows'' own days. False: of the days on which rows changed, so an older row may have come with it.';
comment on column history.loads.started_at is 'When the load began.';
comment on column history.loads.finished_at is 'When it ended.';

alter table history.publications add column if not exists rule_version bigint not null default 0;
comment on column history.publications.rule_version is
    'How often models, seeds, macros or settings had changed by then (ops.publications.rules has their hashes).';

create table if not exists ops.metric_versions (
    report text not null,
    metric text not null,
    version integer not null,
    defined_on date not null,
    definition_hash text not null,
    what_changed text not null,
    words_en text,
    words_ru text,
    owner text,
    formula text,
    first_published_in bigint,
    primary key (report, metric, version)
);
comment on table ops.metric_versions is
    'What each figure of the reports means, and meant: one row per metric and version (warehouse/reports/definitions).';
comment on column ops.metric_versions.report is 'The report.';
comment on column ops.metric_versions.metric is 'Its column, or a part of columns.';
comment on column ops.metric_versions.version is 'From 1; every change of words or SQL makes a new one.';
comment on column ops.metric_versions.defined_on is 'The day on which the version was written.';
comment on column ops.metric_versions.definition_hash is 'Hash of all that decides the figure.';
comment on column ops.metric_versions.what_changed is 'What changed and why.';
comment on column ops.metric_versions.words_en is 'What it means, in English; null of versions that were never published.';
comment on column ops.metric_versions.words_ru is 'The same in Russian.';
comment on column ops.metric_versions.owner is 'Who answers for the definition.';
comment on column ops.metric_versions.formula is 'How it is computed: of its own sum, or of other metrics.';
comment on column ops.metric_versions.first_published_in is 'The first publication with this version; null: none.';

create or replace function ops.trace(report text, cell jsonb)
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
as $$
#variable_conflict use_column
declare
    possible text [] := array(
        select left(proname, -length('_trace'))
        from pg_proc
        where pronamespace = 'reports'::regnamespace and proname like '%\_trace' and has_function_privilege(oid, 'execute')
        order by 1
    );
begin
    if trace.report is null or not trace.report = any (possible) then
        -- the same words for a report that does not exist and for one that this reader may not see
        raise exception 'no report % to trace', coalesce(quote_literal(trace.report), 'without a name')
            using errcode = 'invalid_parameter_value',
            hint = 'Reports that you may trace: ' || coalesce(nullif(array_to_string(possible, ', '), ''), 'none') || '.';
    end if;
    return query execute format('select * from reports.%I($1)', trace.report || '_trace') using trace.cell;
end
$$;
comment on function ops.trace(text, jsonb) is
    'What is behind a figure / Из чего сложилась цифра: ops.trace(report, cell). The cell names the report''s parameters, the keys of
its row and the column. Rows with their contributions, people, touchpoints, loads and versions of rules, all as the reader may see.';
