-- How long steps and models take over time, and which of them is slow against its own past. Safe to run again.
alter table ops.model_runs add column if not exists scope text;
comment on column ops.model_runs.scope is
    'day: of the families that changed. everything: of all rows. null: not told. Only runs of one scope are compared.';
create index if not exists model_runs_model on ops.model_runs (model, finished_at);
create index if not exists model_runs_finished_at on ops.model_runs (finished_at);
create index if not exists steps_step on ops.steps (step, started_at);

-- Per run and source: from the first attempt at a window to the end of the last; per other step: each attempt that ended.
create or replace view ops.step_timings as
select
    loads.run_id,
    'extract' as step,
    loads.source,
    min(loads.started_at) as started_at,
    max(loads.finished_at) as finished_at,
    sum(extract(epoch from loads.finished_at - loads.started_at))::numeric(18, 3) as seconds,
    sum(loads.rows_read)::bigint as rows,
    case when bool_or(loads.status = 'failed') then 'failed' else 'done' end as status
from ops.loads as loads
-- Import files have a step of their own, load_files.
where loads.finished_at is not null and loads.source <> 'files'
group by loads.run_id, loads.source
union all
select
    steps.run_id,
    steps.step,
    null as source,
    steps.started_at,
    steps.finished_at,
    extract(epoch from steps.finished_at - steps.started_at)::numeric(18, 3) as seconds,
    null as rows,
    steps.status
from ops.steps as steps
where steps.finished_at is not null;
comment on view ops.step_timings is
    'How long each step of each run took. One row per run, step and, for extract, source; a repeated step has a row per attempt.';
comment on column ops.step_timings.run_id is 'The run.';
comment on column ops.step_timings.step is
    'extract, load_files, check_landed, build, forecast, check_marts, publish, lints, expire_history or restore.';
comment on column ops.step_timings.source is 'Source of an extract; null for other steps.';
comment on column ops.step_timings.started_at is 'When it began.';
comment on column ops.step_timings.finished_at is 'When it ended.';
comment on column ops.step_timings.seconds is 'Seconds of work; of an extract without the pauses between its attempts.';
comment on column ops.step_timings.rows is 'Rows that the source gave; null for other steps.';
comment on column ops.step_timings.status is 'done or failed.';

create or replace view ops.model_timings as
select
    runs.model,
    coalesce(runs.scope, 'unknown') as scope,
    runs.run_id,
    max(runs.finished_at) as finished_at,
    sum(runs.seconds) as seconds,
    sum(runs.rows)::bigint as rows
from ops.model_runs as runs
where runs.kind in ('model', 'seed')
group by runs.model, runs.scope, runs.run_id;
comment on view ops.model_timings is
    'How long each model took in each run. One row per model, scope and run; what one run built twice is summed.';
comment on column ops.model_timings.model is 'Name of the model or seed.';
comment on column ops.model_timings.scope is 'day, everything or unknown.';
comment on column ops.model_timings.run_id is 'The run.';
comment on column ops.model_timings.finished_at is 'When the build that it was part of ended.';
comment on column ops.model_timings.seconds is 'Seconds it took.';
comment on column ops.model_timings.rows is 'Rows it wrote; null where that was not told.';

-- The newest run of each model or step against the median of up to 30 runs before it, of the last 120 days; at least 5, or nothing
-- is said.
create or replace function ops.slower_than_usual(times numeric default 2, at_least_seconds numeric default 1)
returns table (
    kind text, name text, scope text, run_id text, finished_at timestamptz, seconds numeric, usual_seconds numeric,
    times_slower numeric, rows bigint, usual_rows numeric, runs_compared bigint
)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    with timings as (
        select 'model' as kind, models.model as name, models.scope, models.run_id, models.finished_at, models.seconds, models.rows
        from ops.model_timings as models
        where models.finished_at > (select max(runs.finished_at) from ops.model_runs as runs) - interval '120 days'
        union all
        select
            'step', concat_ws(' ', steps.step, steps.source), 'run', steps.run_id, steps.finished_at, steps.seconds, steps.rows
        from ops.step_timings as steps
        where
            steps.status = 'done'
            and steps.started_at > (select max(last.started_at) from ops.steps as last) - interval '120 days'
    ),
    numbered as (
        select
            timings.*,
            row_number() over (
                partition by timings.kind, timings.name, timings.scope order by timings.finished_at desc, timings.run_id
            ) as place
        from timings
    ),
    usual as (
        select
            numbered.kind, numbered.name, numbered.scope, count(*) as runs_compared,
            percentile_cont(0.5) within group (order by numbered.seconds)::numeric as seconds,
            percentile_cont(0.5) within group (order by numbered.rows)::numeric as rows
        from numbered
        where numbered.place between 2 and 31
        group by numbered.kind, numbered.name, numbered.scope
    )
    select
        newest.kind, newest.name, newest.scope, newest.run_id, newest.finished_at, newest.seconds,
        round(usual.seconds, 3), round(newest.seconds / nullif(usual.seconds, 0), 1), newest.rows, round(usual.rows),
        usual.runs_compared
    from numbered as newest
    inner join usual on newest.kind = usual.kind and newest.name = usual.name and newest.scope = usual.scope
    where
        newest.place = 1
        and usual.runs_compared >= 5
        and newest.seconds > usual.seconds * slower_than_usual.times
        and newest.seconds - usual.seconds >= slower_than_usual.at_least_seconds
    order by newest.seconds - usual.seconds desc, newest.name
$$;
comment on function ops.slower_than_usual(numeric, numeric) is
    'Models and steps whose newest run took more than `times` their own median of up to 30 runs before, and at least so many '
    'seconds longer; needs 5 runs to compare. The rows beside the seconds tell more work from slower work.';

create or replace view ops.slow_models as
select
    slow.name as model, slow.scope, slow.run_id, slow.finished_at, slow.seconds, slow.usual_seconds, slow.times_slower,
    slow.rows, slow.usual_rows, slow.runs_compared
from ops.slower_than_usual() as slow
where slow.kind = 'model';
comment on view ops.slow_models is
    'Models whose newest run took over twice their usual time. One row per slow model and scope; ops.slower_than_usual() has steps too.';
comment on column ops.slow_models.model is 'Name of the model or seed.';
comment on column ops.slow_models.scope is 'day, everything or unknown: only runs of one scope are compared.';
comment on column ops.slow_models.run_id is 'The newest run.';
comment on column ops.slow_models.finished_at is 'When its build ended.';
comment on column ops.slow_models.seconds is 'Seconds it took.';
comment on column ops.slow_models.usual_seconds is 'Median of the runs before.';
comment on column ops.slow_models.times_slower is 'How many times the median that is.';
comment on column ops.slow_models.rows is 'Rows it wrote.';
comment on column ops.slow_models.usual_rows is 'Median rows of the runs before: many more rows mean more work, not a slower model.';
comment on column ops.slow_models.runs_compared is 'Runs that the median is of.';
