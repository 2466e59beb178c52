-- Backfills in windows, so that a stopped one goes on where it was. Safe to run again.
create table if not exists ops.backfill_windows (
    source text not null,
    date_from date not null,
    date_to date not null,
    window_from date not null,
    window_to date not null,
    status text not null default 'waiting' check (status in ('waiting', 'running', 'done', 'failed')),
    run_id text,
    started_at timestamptz,
    finished_at timestamptz,
    primary key (source, date_from, date_to, window_from)
);
comment on table ops.backfill_windows is
    'Backfills as they were asked for, in windows. One row per source, span and window; written by make backfill.';
comment on column ops.backfill_windows.source is 'Source whose days are loaded again.';
comment on column ops.backfill_windows.date_from is 'First day that was asked for.';
comment on column ops.backfill_windows.date_to is 'Last day that was asked for.';
comment on column ops.backfill_windows.window_from is 'First day of this window; one run of Airflow loads it.';
comment on column ops.backfill_windows.window_to is 'Last day of this window.';
comment on column ops.backfill_windows.status is 'waiting, running, done or failed.';
comment on column ops.backfill_windows.run_id is 'The last run that was asked to load it, as Airflow names it; null: none yet.';
comment on column ops.backfill_windows.started_at is 'When that run was asked for.';
comment on column ops.backfill_windows.finished_at is 'When it was seen to have ended.';
