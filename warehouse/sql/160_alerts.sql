-- What people were told is wrong, one row per cause from its beginning to its end. Safe to run again.
create table if not exists ops.alerts (
    alert_id bigint generated always as identity primary key,
    cause text not null,
    kind text not null check (
        kind in ('source_failed', 'source_stale', 'gate_refused', 'step_failed', 'marts_late')
    ),
    what text not null,
    details jsonb not null,
    runbook text not null,
    since timestamptz not null,
    opened_at timestamptz not null,
    last_seen_at timestamptz not null,
    told_at timestamptz,
    times_told integer not null default 0,
    recovered_at timestamptz,
    recovery_told_at timestamptz
);
create unique index if not exists alerts_open on ops.alerts (cause) where recovered_at is null;
create index if not exists alerts_untold on ops.alerts (recovered_at) where recovery_told_at is null;

comment on table ops.alerts is
    'What is or was wrong, as people were told. One row per cause, from the check that found it to the check that did not.';
comment on column ops.alerts.alert_id is 'Order in which causes were found.';
comment on column ops.alerts.cause is 'What the messages are grouped by: a source and the kind of its error, a gate, a step.';
comment on column ops.alerts.kind is 'source_failed, source_stale, gate_refused, step_failed or marts_late.';
comment on column ops.alerts.what is 'One line that says it; never a secret or personal data.';
comment on column ops.alerts.details is 'Lines with streams, windows and errors, as the last message had them.';
comment on column ops.alerts.runbook is 'The page that says what to do.';
comment on column ops.alerts.since is 'Since when it is so.';
comment on column ops.alerts.opened_at is 'When a check found it first.';
comment on column ops.alerts.last_seen_at is 'When a check found it last.';
comment on column ops.alerts.told_at is 'When the last message about it was accepted by a channel; null: none was yet.';
comment on column ops.alerts.times_told is 'How many messages said it.';
comment on column ops.alerts.recovered_at is 'When a check did not find it any more; null: it is still so.';
comment on column ops.alerts.recovery_told_at is 'When people were told that it is over; null: not yet, or nobody had been told of it.';
create index if not exists checks_checked_at on ops.checks (checked_at);
