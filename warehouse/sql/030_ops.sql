-- The journal of loads: what was read, from where, and what became of it.
create table if not exists ops.loads (
    run_id text not null,
    source text not null,
    stream text not null,
    window_from date,
    window_to date,
    started_at timestamptz not null,
    finished_at timestamptz,
    rows_read bigint not null default 0,
    rows_written bigint not null default 0,
    rows_rejected bigint not null default 0,
    status text not null check (status in ('running', 'succeeded', 'failed')),
    message text
);
alter table ops.loads add column if not exists rows_restated bigint;
alter table ops.loads add column if not exists account text;
alter table ops.loads add column if not exists error text;
create index if not exists loads_stream on ops.loads (source, stream, started_at);
create index if not exists loads_run on ops.loads (run_id);

comment on table ops.loads is 'Journal of loads. One row per attempt to load one window of one stream.';
comment on column ops.loads.run_id is 'The run this load belongs to.';
comment on column ops.loads.source is 'Source, one word (CONTRACT.md section 2).';
comment on column ops.loads.stream is 'Stream of the source; for import files the kind.';
comment on column ops.loads.window_from is
    'First local day of the window, included; null where there is no window (import files).';
comment on column ops.loads.window_to is
    'Last local day of the window, included; null where there is no window (import files).';
comment on column ops.loads.started_at is 'When the load began.';
comment on column ops.loads.finished_at is 'When it ended; null while it runs.';
comment on column ops.loads.rows_read is 'Rows that the source gave.';
comment on column ops.loads.rows_written is 'Rows that were inserted or changed; unchanged rows are not counted.';
comment on column ops.loads.rows_rejected is 'Rows that went to staging.rejected_rows.';
comment on column ops.loads.status is
    'running, succeeded (rejected rows do not make it fail) or failed (not all of it was written).';
comment on column ops.loads.message is 'What to know about it: errors in full, warnings in short.';
comment on column ops.loads.rows_restated is
    'Rows of days that had been read before and now came late, say something else or are gone; null: not counted (import files).';
comment on column ops.loads.account is 'The one account of the connection that was read; null: all that it names.';
comment on column ops.loads.error is
    'Kind of the error, as extractors/core/errors.py names it (TransientError, RejectedError, …); null where it went well.';
