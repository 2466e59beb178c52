-- How fresh each stream of each source is. Safe to run again. The report `freshness` shows it as it was published.
insert into staging.settings (name, value) values ('stale_after_hours', '26'), ('stale_after_hours_files', 'never')
on conflict (name) do nothing;

-- How long a source may go without news: its own setting, else the one for all. Null: it promises nothing.
create or replace function ops.stale_after(source text) returns interval
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select case when lower(said.value) = 'never' then null else make_interval(hours => said.value::integer) end
    from (
        select settings.value
        from staging.settings
        where settings.name in ('stale_after_hours', 'stale_after_hours_' || source) and nullif(settings.value, '') is not null
        order by length(settings.name) desc
        limit 1
    ) as said
$$;
comment on function ops.stale_after(text) is
    'After how long without a load a source counts as stale: setting stale_after_hours_<source>, else stale_after_hours; '
    'never: null.';

create or replace view ops.freshness_streams as
with
attempts as (
    select
        loads.*,
        -- The newest run of the stream, retries of its tasks included.
        first_value(loads.run_id) over newest as newest_run_id,
        -- Of several accounts each has its own say.
        row_number() over (
            partition by loads.source, loads.stream, loads.run_id, loads.account order by loads.started_at desc
        ) as place
    from ops.loads as loads
    where loads.status <> 'running'
    window newest as (partition by loads.source, loads.stream order by loads.started_at desc, loads.run_id)
),
newest_runs as (
    select
        attempts.source,
        attempts.stream,
        min(attempts.started_at) as began_at,
        max(attempts.finished_at) as attempted_at,
        bool_or(attempts.status = 'failed' and attempts.place = 1) as is_failing,
        min(attempts.error) filter (where attempts.status = 'failed' and attempts.place = 1) as error,
        max(attempts.window_to) filter (where attempts.status = 'failed' and attempts.place = 1) as failed_to
    from attempts
    where attempts.run_id = attempts.newest_run_id
    group by attempts.source, attempts.stream
),
last_successes as (
    select distinct on (loads.source, loads.stream) loads.source, loads.stream, loads.run_id, loads.finished_at
    from ops.loads as loads
    where loads.status = 'succeeded'
    order by loads.source, loads.stream, loads.started_at desc
),
successful_runs as (
    select
        loads.source,
        loads.stream,
        last_successes.finished_at,
        min(loads.window_from) as window_from,
        max(loads.window_to) as window_to,
        sum(loads.rows_read)::bigint as rows_read,
        sum(loads.rows_written)::bigint as rows_written,
        sum(loads.rows_rejected)::bigint as rows_rejected,
        sum(loads.rows_restated)::bigint as rows_restated
    from ops.loads as loads
    inner join last_successes
        on loads.source = last_successes.source and loads.stream = last_successes.stream
        and loads.run_id = last_successes.run_id
    where loads.status = 'succeeded'
    group by loads.source, loads.stream, last_successes.finished_at
),
timed as (
    select
        newest_runs.source,
        newest_runs.stream,
        newest_runs.began_at,
        newest_runs.attempted_at,
        newest_runs.is_failing,
        case when newest_runs.is_failing then newest_runs.error end as error,
        successful_runs.window_from,
        successful_runs.window_to,
        successful_runs.rows_read,
        successful_runs.rows_written,
        successful_runs.rows_rejected,
        successful_runs.rows_restated,
        bookmarks.read_to,
        case
            -- Import files have no days: what lies in the folder is loaded, or not.
            when successful_runs.window_to is null then successful_runs.finished_at
            when bookmarks.source is null then null
            -- The run that moved the bookmark stopped half-way: it is read up to the end of that day, not up to the run.
            when newest_runs.is_failing and newest_runs.failed_to > bookmarks.read_to
                then least(
                    bookmarks.written_at,
                    (bookmarks.read_to + 1)::timestamp
                    at time zone coalesce(
                        (
                            select nullif(settings.value, '') from staging.settings where settings.name = 'default_time_zone'
                        ),
                        'UTC'
                    )
                )
            else bookmarks.written_at
        end as loaded_at
    from newest_runs
    left join successful_runs on newest_runs.source = successful_runs.source and newest_runs.stream = successful_runs.stream
    left join ops.bookmarks as bookmarks
        on newest_runs.source = bookmarks.source and newest_runs.stream = bookmarks.stream
)
select
    timed.source,
    timed.stream,
    timed.window_from,
    timed.window_to,
    timed.read_to,
    timed.loaded_at,
    case
        when ops.stale_after(timed.source) is not null
            then coalesce(timed.loaded_at + ops.stale_after(timed.source), timed.began_at)
    end as stale_from,
    timed.rows_read,
    timed.rows_written,
    timed.rows_rejected,
    timed.rows_restated,
    timed.attempted_at,
    timed.is_failing,
    timed.error
from timed;
comment on view ops.freshness_streams is
    'How fresh each stream is, by the journal of loads. One row per source and stream that a load was ever tried of.';
comment on column ops.freshness_streams.source is 'Source, one word (CONTRACT.md section 2).';
comment on column ops.freshness_streams.stream is 'Stream of the source; for import files the kind.';
comment on column ops.freshness_streams.window_from is 'First local day of the last run that went well; null for import files.';
comment on column ops.freshness_streams.window_to is 'Last local day of the last run that went well; null for import files.';
comment on column ops.freshness_streams.read_to is 'Last local day that is read; null: none yet, or import files.';
comment on column ops.freshness_streams.loaded_at is
    'The moment up to which the source was asked and answered; null: never. A run that stopped half-way counts up to the end '
    'of the last day that it read.';
comment on column ops.freshness_streams.stale_from is
    'From when on it counts as stale unless a load comes before: ops.stale_after behind loaded_at, where it was never loaded the '
    'last attempt; null: never.';
comment on column ops.freshness_streams.rows_read is 'Rows that the source gave in the last run that went well.';
comment on column ops.freshness_streams.rows_written is 'Of these, rows that were new or changed.';
comment on column ops.freshness_streams.rows_rejected is 'Rows of it that went to staging.rejected_rows.';
comment on column ops.freshness_streams.rows_restated is
    'Rows of it of days read before that came late, say something else or are gone; null: not counted (import files).';
comment on column ops.freshness_streams.attempted_at is 'When the last attempt ended, well or not.';
comment on column ops.freshness_streams.is_failing is 'Whether the last run failed, of any account.';
comment on column ops.freshness_streams.error is 'Kind of that error (extractors/core/errors.py); null where the last run went well.';
