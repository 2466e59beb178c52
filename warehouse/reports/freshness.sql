-- report: freshness
-- Freshness of the data (Свежесть данных): of what moment the published figures are, per stream, and per report. The tables
-- were published with the marts; only "is it stale by now" is asked at the moment of reading, and of a past day at the moment of the
-- publication that is read: so it was shown.

create or replace view reports.freshness
with (security_invoker = true) as
with
moments as (
    -- when it is asked what is stale: now; of a past day at its publication
    select case when asked.publication = 9223372036854775807 then now() else max(publications.published_at) end as read_at
    from (select as_of.publication() as publication) as asked
    inner join history.publications as publications on publications.publication_id <= asked.publication
    group by asked.publication
)
select
    streams.source,
    streams.stream,
    streams.window_from,
    streams.window_to,
    streams.read_to,
    streams.loaded_at,
    round(extract(epoch from moments.read_at - streams.loaded_at) / 3600, 1) as lag_hours,
    coalesce(streams.stale_from <= moments.read_at, false) as is_stale,
    case when streams.stale_from <= moments.read_at then streams.loaded_at end as stale_since,
    streams.stale_from,
    streams.rows_read,
    streams.rows_written,
    streams.rows_restated,
    streams.rows_rejected,
    streams.attempted_at,
    streams.is_failing,
    streams.error
from reports.freshness_streams as streams
cross join moments;
comment on view reports.freshness is
    'Freshness / Свежесть данных: of what moment the published rows are, per source and stream, and whether that is too long ago.';
select ops.inherit_comments('reports.freshness', 'reports.freshness_streams');
comment on column reports.freshness.lag_hours is 'Hours since loaded_at, of a past day at its publication; null: never loaded (отставание, часов).';
comment on column reports.freshness.is_stale is 'Whether it is stale at the moment of reading, of a past day at its publication (устарело).';
comment on column reports.freshness.stale_since is
    'Where it is stale, the moment that its rows are of; null also where it was never loaded (устарело с).';

create or replace view reports.freshness_of_reports
with (security_invoker = true) as
with
rests_on as (
    select
        lineage.report,
        lineage.needed_for,
        streams.source,
        streams.loaded_at,
        streams.is_stale,
        streams.stale_from is not null as is_promised
    from reports.freshness_lineage as lineage
    inner join reports.freshness as streams on lineage.source = streams.source and lineage.stream = streams.stream
),
published as (
    -- The publication that the report is read as of; the last one where it is read as it is.
    select max(publications.published_at) as published_at
    from history.publications as publications
    where publications.publication_id <= (select as_of.publication())
)
select
    rests_on.report,
    published.published_at,
    bool_or(rests_on.is_stale and rests_on.needed_for = 'figures') as is_stale,
    min(rests_on.loaded_at) filter (where rests_on.is_stale and rests_on.needed_for = 'figures') as stale_since,
    min(rests_on.loaded_at) filter (where rests_on.is_promised and rests_on.needed_for = 'figures') as complete_to,
    coalesce(
        array_agg(distinct rests_on.source order by rests_on.source)
        filter (where rests_on.is_stale and rests_on.needed_for = 'figures'),
        '{}'
    ) as stale_sources,
    coalesce(
        array_agg(distinct rests_on.source order by rests_on.source) filter (where rests_on.needed_for = 'figures'), '{}'
    ) as sources,
    coalesce(
        array_agg(distinct rests_on.source order by rests_on.source)
        filter (where rests_on.is_stale and rests_on.needed_for = 'people'),
        '{}'
    ) as stale_sources_of_people
from rests_on
cross join published
group by rests_on.report, published.published_at;
comment on view reports.freshness_of_reports is
    'Freshness of reports / Свежесть отчётов: one row per report, with the sources that it rests on and those that are stale.';
comment on column reports.freshness_of_reports.report is 'Report, as its right is named (отчёт).';
comment on column reports.freshness_of_reports.published_at is 'When the figures were published last (опубликовано).';
comment on column reports.freshness_of_reports.is_stale is
    'Whether a source that brings its rows or amounts is stale at the moment of reading (устарел).';
comment on column reports.freshness_of_reports.stale_since is
    'Where it is stale: the moment that the oldest of those sources is of; null also where one was never loaded (устарел с).';
comment on column reports.freshness_of_reports.complete_to is
    'Everything that its sources said until then is in it; import files, which promise nothing, do not count (данные полны до).';
comment on column reports.freshness_of_reports.stale_sources is 'The stale sources of rows and amounts (устаревшие источники).';
comment on column reports.freshness_of_reports.sources is 'Sources of rows and amounts that this clinic has (источники).';
comment on column reports.freshness_of_reports.stale_sources_of_people is
    'Stale sources that only tell who is who: a new phone of a patient may be missing (устаревшие источники о людях).';

create or replace view reports.freshness_daily
with (security_invoker = true) as
select
    days.day, days.source, days.stream, days.loads, days.failed_loads, days.rows_read, days.rows_written,
    days.rows_restated, days.rows_rejected
from reports.freshness_load_days as days;
comment on view reports.freshness_daily is 'What loads did / Загрузки по дням, one row per UTC day, source and stream.';
select ops.inherit_comments('reports.freshness_daily', 'reports.freshness_load_days');
