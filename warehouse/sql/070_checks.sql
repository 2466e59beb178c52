-- What the two gates found: one row per rule that was asked, or could not be. Written by expectations/gate.py.
create table if not exists ops.checks (
    check_id bigint generated always as identity primary key,
    run_id text not null,
    gate text not null check (gate in ('landed', 'marts')),
    rule text not null,
    table_name text not null,
    severity text not null check (severity in ('stop', 'warn')),
    is_passed boolean,
    rows_checked bigint,
    rows_failed bigint,
    examples jsonb,
    message text,
    checked_at timestamptz not null
);
create index if not exists checks_run_id on ops.checks (run_id);

comment on table ops.checks is
    'Journal of the gates. One row per run, gate, table and rule, also for rules that had nothing to look at.';
comment on column ops.checks.check_id is 'Number of the row; has no meaning of its own.';
comment on column ops.checks.run_id is 'The run that asked.';
comment on column ops.checks.gate is 'landed: before the build. marts: before publication.';
comment on column ops.checks.rule is 'Name of the rule; with table_name it is found in expectations/.';
comment on column ops.checks.table_name is 'The table that the rule is about, with its schema.';
comment on column ops.checks.severity is 'stop: a breach stops the load. warn: a breach is reported only.';
comment on column ops.checks.is_passed is 'Whether the rule holds; null: not asked, the message says why.';
comment on column ops.checks.rows_checked is 'Rows of the table; null where it was not asked.';
comment on column ops.checks.rows_failed is
    'Rows (or groups of rows, as the rule says) that break it; null where it was not asked. 10001: more than 10000.';
comment on column ops.checks.examples is 'Keys of up to five of them, never personal data; null where there are none.';
comment on column ops.checks.message is 'Why it was not asked, or why the answer could not be had; else null.';
comment on column ops.checks.checked_at is 'When it was asked.';
