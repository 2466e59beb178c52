-- What a load did, step by step, and what each model took. Written by warehouse/pipeline.py.
create table if not exists ops.steps (
    run_id text not null,
    step text not null,
    started_at timestamptz not null,
    finished_at timestamptz,
    status text not null check (status in ('running', 'done', 'failed')),
    message text,
    primary key (run_id, step, started_at)
);
comment on table ops.steps is 'Steps of loads; one row per attempt at a step of a run.';
comment on column ops.steps.run_id is 'The run that the step belongs to.';
comment on column ops.steps.step is 'load_files, check_landed, build, forecast, check_marts, publish, lints, expire_history, restore or unload_file.';
comment on column ops.steps.started_at is 'When the attempt began.';
comment on column ops.steps.finished_at is 'When it ended; null while it runs, or where its process was killed.';
comment on column ops.steps.status is 'running, done or failed.';
comment on column ops.steps.message is 'What it did, or why it failed and what to do next.';

create table if not exists ops.model_runs (
    run_id text not null,
    model text not null,
    kind text not null,
    status text not null,
    seconds numeric not null,
    rows bigint,
    finished_at timestamptz not null,
    message text
);
create index if not exists model_runs_run_id on ops.model_runs (run_id);
comment on table ops.model_runs is 'What dbt did in a build; one row per model, seed and test of a run.';
comment on column ops.model_runs.run_id is 'The run that built it.';
comment on column ops.model_runs.model is 'Name of the model, seed or test.';
comment on column ops.model_runs.kind is 'model, seed, test or unit_test.';
comment on column ops.model_runs.status is 'As dbt says it: success, pass, warn, fail, error, skipped.';
comment on column ops.model_runs.seconds is 'How long it took.';
comment on column ops.model_runs.rows is 'Rows written (models, seeds) or found wrong (tests); null where dbt does not say.';
comment on column ops.model_runs.finished_at is 'When the build that it was part of ended.';
comment on column ops.model_runs.message is 'What dbt said where it failed.';
