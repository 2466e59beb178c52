-- report: traffic_influence
-- Influence of traffic on sales (Влияние трафика на продажи), RULES section 9 and 12.25: who sells well to whom.
-- Deals are counted by the day they were created; won, revenue and days to close by the day they were closed. Conversion is
-- won / deals of the row; of a short period it can pass 100 %, so what became of the period's own deals stands beside it.

create or replace function reports.traffic_influence(
    date_from date,
    date_to date,
    clinic text default null
)
returns table (
    manager_id text,
    manager text,
    channel text,
    source text,
    deals bigint,
    won bigint,
    conversion_percent numeric,
    average_deal numeric,
    revenue numeric,
    median_days_to_close numeric,
    won_of_created bigint,
    won_of_created_percent numeric
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
            deals.is_won and deals.closed_date between date_from and date_to as is_won_here
        from reports.traffic_influence_deals as deals
        where
            reports.are_days(date_from, date_to)
            and (deals.created_date between date_from and date_to or deals.closed_date between date_from and date_to)
            and (clinic is null or deals.clinic_id = clinic)
    ),
    counted as (
        select
            seen.manager_id,
            max(seen.manager) as manager,
            seen.channel,
            seen.source,
            count(*) filter (where seen.is_created) as deals,
            count(*) filter (where seen.is_won_here) as won,
            coalesce(sum(seen.amount) filter (where seen.is_won_here), 0) as revenue,
            percentile_cont(0.5) within group (order by seen.days_to_close)
                filter (where seen.is_won_here) as median_days,
            count(*) filter (where seen.is_created and seen.is_won) as won_of_created
        from seen
        where seen.is_created or seen.is_won_here
        group by seen.manager_id, seen.channel, seen.source
    )
    select
        counted.manager_id,
        counted.manager,
        counted.channel,
        counted.source,
        counted.deals,
        counted.won,
        round(100.0 * counted.won / nullif(counted.deals, 0), 2),
        round(counted.revenue / nullif(counted.won, 0), 2),
        round(counted.revenue, 2),
        round(counted.median_days::numeric, 2),
        counted.won_of_created,
        round(100.0 * counted.won_of_created / nullif(counted.deals, 0), 2)
    from counted
    order by counted.manager_id, counted.revenue desc, counted.channel, counted.source
$function$;
comment on function reports.traffic_influence(date, date, text) is
    'Influence of traffic on sales / Влияние трафика на продажи: deals, conversion and speed by manager and source.';

create or replace view reports.traffic_influence_daily
with (security_invoker = true) as
select
    events.day,
    events.clinic_id,
    events.manager_id,
    events.manager,
    events.channel,
    events.source,
    events.campaign,
    sum(events.deals)::bigint as deals,
    sum(events.won)::bigint as won,
    sum(events.revenue) as revenue,
    sum(events.days_to_close)::bigint as days_to_close
from (
    select
        deals.created_date as day, deals.clinic_id, deals.manager_id, deals.manager, deals.channel, deals.source,
        deals.campaign, 1 as deals, 0 as won, 0::numeric as revenue, 0 as days_to_close
    from reports.traffic_influence_deals as deals
    union all
    select
        deals.closed_date, deals.clinic_id, deals.manager_id, deals.manager, deals.channel, deals.source,
        deals.campaign, 0, 1, coalesce(deals.amount, 0), coalesce(deals.days_to_close, 0)
    from reports.traffic_influence_deals as deals
    where deals.is_won
) as events
where events.day is not null
group by
    events.day, events.clinic_id, events.manager_id, events.manager, events.channel, events.source, events.campaign;
comment on view reports.traffic_influence_daily is
    'Deals by day, manager and source: created on it, won on it, their revenue and summed days to close.';

select ops.inherit_comments('reports.traffic_influence_daily', 'reports.traffic_influence_deals');
comment on column reports.traffic_influence_daily.day is 'Local day: of creation for deals, of closing for the rest.';
comment on column reports.traffic_influence_daily.deals is 'Deals created on the day.';
comment on column reports.traffic_influence_daily.won is 'Deals won on the day.';
comment on column reports.traffic_influence_daily.revenue is 'Value of the deals won on the day, reporting currency.';
comment on column reports.traffic_influence_daily.days_to_close is
    'Local days from creation to closing, summed over the deals won on the day.';
