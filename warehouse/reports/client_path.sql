-- report: client_path
-- The path of one person (CONTRACT section 4): from the first click to the last stage of treatment, in the order of time.

create or replace function reports.client_path(
    person_key text,
    date_from date default null,
    date_to date default null
)
returns table (
    occurred_at timestamptz,
    step text,
    channel text,
    source text,
    campaign text,
    detail text,
    amount numeric,
    clinic_id text
)
language sql
stable
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
    select
        steps.occurred_at, steps.step, steps.channel, steps.source, steps.campaign, steps.detail,
        round(steps.amount, 2), steps.clinic_id
    from reports.client_path_steps as steps
    where
        steps.person_key = client_path.person_key
        and (client_path.date_from is null or steps.local_date >= client_path.date_from)
        and (client_path.date_to is null or steps.local_date <= client_path.date_to)
    order by steps.occurred_at, steps.step_order, steps.step_key
$function$;
comment on function reports.client_path(text, date, date) is
    'Path of a person / Путь клиента: sessions, contacts, bookings, visits, money, deals, treatment, in order of time.';

create or replace view reports.client_path_daily
with (security_invoker = true) as
select
    summed.day,
    summed.clinic_id,
    summed.step,
    summed.channel,
    summed.source,
    summed.campaign,
    sum(summed.steps)::bigint as steps,
    case when sum(summed.steps_with_amount) > 0 then sum(summed.amount) end as amount
from reports.client_path_days as summed
group by summed.day, summed.clinic_id, summed.step, summed.channel, summed.source, summed.campaign
-- so that whoever asks for the latest rows gets them without the others being summed up
order by summed.day desc;
comment on view reports.client_path_daily is 'Steps of all paths by day and finest grain: their number and money.';
select ops.inherit_comments('reports.client_path_daily', 'reports.client_path_days');
comment on column reports.client_path_daily.day is 'Local day of the steps.';
comment on column reports.client_path_daily.steps is 'Number of steps.';
comment on column reports.client_path_daily.amount is 'Their money in the reporting currency; null where none has any.';
