-- report: deal_journal
-- What the deal journal knows beyond its rows (RULES section 8): deals as of any day, the open pipeline at what history says it
-- is worth, time in each stage, hot clients. Stages, origins and items of a deal are tables of their own:
-- reports.deal_journal_stages, reports.deal_journal_origins, reports.deal_journal_items.

-- Deals as they stood at the end of a local day: those created by then, in the stage they had then. A deal whose history of
-- stages nobody kept is in its own stage once closed, and in an unknown one before. Amounts are today's: nobody keeps old ones.
create or replace function reports.deals_as_of(
    as_of date,
    clinic text default null
)
returns table (
    deal_id text,
    name text,
    clinic_id text,
    manager_id text,
    pipeline text,
    stage text,
    stage_kind text,
    created_date date,
    closed_date date,
    amount numeric,
    currency text,
    days_open integer,
    days_in_stage integer
)
language sql
stable
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
    select
        deals.deal_id,
        personal.name,
        deals.clinic_id,
        deals.manager_id,
        deals.pipeline,
        case when then_closed.yes then deals.stage else entered.stage end,
        case when then_closed.yes then deals.stage_kind else 'open' end,
        deals.created_date,
        case when then_closed.yes then deals.closed_date end,
        round(deals.amount, 2),
        deals.currency,
        case when then_closed.yes then deals.closed_date else as_of end - deals.created_date,
        case when not then_closed.yes then as_of - entered.entered_date end
    from reports.deal_journal_deals as deals
    left join reports.deal_journal_personal as personal on deals.deal_id = personal.deal_id
    cross join lateral (
        select deals.stage_kind <> 'open' and coalesce(deals.closed_date <= as_of, true) as yes
    ) as then_closed
    left join (
        select distinct on (stages.deal_id) stages.deal_id, stages.stage, stages.entered_date
        from reports.deal_journal_stages as stages
        where stages.entered_date <= as_of
        order by stages.deal_id, stages.stage_number desc
    ) as entered on deals.deal_id = entered.deal_id
    where
        deals.created_date <= as_of
        and (clinic is null or deals.clinic_id = clinic)
    order by deals.created_date, deals.deal_id
$function$;
comment on function reports.deals_as_of(date, text) is
    'Deals as of any day / Сделки на дату: those created by then, in the stage they had then.';

-- Open deals by stage, at the share of deals that were won after they had been in that stage: of those closed by then. A stage
-- that no closed deal is known to have passed takes the share of its pipeline, and that the share of all.
create or replace function reports.open_pipeline(
    as_of date default null,
    clinic text default null
)
returns table (
    pipeline text,
    stage text,
    deals bigint,
    deals_without_amount bigint,
    amount numeric,
    closed_before bigint,
    won_before bigint,
    won_percent numeric,
    share_of text,
    expected_amount numeric
)
language sql
stable
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
    with seen as (
        select deals.*
        from reports.deal_journal_deals as deals
        where open_pipeline.clinic is null or deals.clinic_id = open_pipeline.clinic
    ),
    open_deals as (
        -- without a day: as the last load knows them, also those that nobody dated
        select seen.deal_id, seen.pipeline, seen.stage, seen.amount
        from seen
        where open_pipeline.as_of is null and seen.stage_kind = 'open'
        union all
        select past.deal_id, past.pipeline, past.stage, past.amount
        from reports.deals_as_of(open_pipeline.as_of, open_pipeline.clinic) as past
        where past.stage_kind = 'open'
    ),
    closed as (
        select seen.deal_id, seen.pipeline, (seen.stage_kind = 'won')::integer as is_won
        from seen
        where
            seen.stage_kind <> 'open'
            and (open_pipeline.as_of is null or seen.closed_date <= open_pipeline.as_of)
    ),
    by_stage as (
        select passed.pipeline, passed.stage, count(*) as closed, sum(passed.is_won) as won
        from (
            select distinct closed.deal_id, closed.pipeline, stages.stage, closed.is_won
            from closed
            inner join reports.deal_journal_stages as stages on closed.deal_id = stages.deal_id
        ) as passed
        group by passed.pipeline, passed.stage
    ),
    by_pipeline as (
        select closed.pipeline, count(*) as closed, sum(closed.is_won) as won from closed group by closed.pipeline
    ),
    overall as (
        select count(*) as closed, sum(closed.is_won) as won from closed
    ),
    open_stages as (
        select
            open_deals.pipeline,
            open_deals.stage,
            count(*) as deals,
            count(*) filter (where open_deals.amount is null) as deals_without_amount,
            coalesce(sum(open_deals.amount), 0) as amount
        from open_deals
        group by open_deals.pipeline, open_deals.stage
    )
    select
        open_stages.pipeline,
        open_stages.stage,
        open_stages.deals,
        open_stages.deals_without_amount,
        round(open_stages.amount, 2),
        history.closed,
        history.won,
        round(100 * history.won::numeric / nullif(history.closed, 0), 2),
        history.share_of,
        round(open_stages.amount * history.won / nullif(history.closed, 0), 2)
    from open_stages
    cross join overall
    left join by_stage
        on
            open_stages.pipeline is not distinct from by_stage.pipeline
            and open_stages.stage is not distinct from by_stage.stage
    left join by_pipeline on open_stages.pipeline is not distinct from by_pipeline.pipeline
    cross join lateral (
        select
            coalesce(by_stage.closed, by_pipeline.closed, overall.closed) as closed,
            coalesce(by_stage.won, by_pipeline.won, overall.won, 0) as won,
            case
                when by_stage.closed is not null then 'stage'
                when by_pipeline.closed is not null then 'pipeline'
                when overall.closed > 0 then 'all'
            end as share_of
    ) as history
    order by 1, 5 desc, 2
$function$;
comment on function reports.open_pipeline(date, text) is
    'Open pipeline / Открытые сделки: by stage, valued by the share of deals won after they had been in it.';

-- How long deals stay in each stage, of those that entered it in the period and have left it.
create or replace function reports.stage_times(
    date_from date,
    date_to date,
    clinic text default null
)
returns table (
    stage text,
    entered bigint,
    left_since bigint,
    average_days numeric,
    median_days numeric
)
language sql
stable
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
    select
        stages.stage,
        count(*),
        count(*) filter (where stages.left_at is not null),
        round(avg(stages.days_in_stage) filter (where stages.left_at is not null), 2),
        round(
            (
                percentile_cont(0.5) within group (order by stages.days_in_stage)
                filter (where stages.left_at is not null)
            )::numeric,
            2
        )
    from reports.deal_journal_stages as stages
    where
        reports.are_days(date_from, date_to)
        and stages.entered_date between date_from and date_to
        and (clinic is null or stages.clinic_id = clinic)
    group by stages.stage
    order by avg(stages.stage_number), stages.stage
$function$;
comment on function reports.stage_times(date, date, text) is
    'Time in stage / Время на этапах: how many deals entered it, and how long those that left it stayed.';

-- Hot clients beside the others (RULES 12.25): created in the period; won, revenue and speed of those closed in it.
create or replace function reports.hot_clients(
    date_from date,
    date_to date,
    clinic text default null
)
returns table (
    is_hot boolean,
    deals bigint,
    won bigint,
    revenue numeric,
    average_days_to_close numeric,
    median_days_to_close numeric
)
language sql
stable
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
    with seen as (
        select
            deals.*,
            deals.created_date between date_from and date_to as is_created,
            deals.stage_kind = 'won' and deals.closed_date between date_from and date_to as is_won_here
        from reports.deal_journal_deals as deals
        where
            reports.are_days(date_from, date_to)
            and (clinic is null or deals.clinic_id = clinic)
    )
    select
        seen.is_hot,
        count(*) filter (where seen.is_created),
        count(*) filter (where seen.is_won_here),
        round(coalesce(sum(seen.amount) filter (where seen.is_won_here), 0), 2),
        round(avg(seen.days_to_close) filter (where seen.is_won_here), 2),
        round(
            (
                percentile_cont(0.5) within group (order by seen.days_to_close)
                filter (where seen.is_won_here)
            )::numeric,
            2
        )
    from seen
    where seen.is_created or seen.is_won_here
    group by seen.is_hot
    order by seen.is_hot desc
$function$;
comment on function reports.hot_clients(date, date, text) is
    'Hot clients / Горячие клиенты: deals tagged hot beside the others, and how fast they closed.';
