-- report: ad_payback
-- Ad payback (Окупаемость рекламы), RULES section 9. One row per source of the level asked for.
-- Payback day: the first day after the first spend of the period on which revenue, summed up since the period began, had passed
-- spend summed up the same way. Null: not yet. So the last day of the curve says what the row of the report says.

create or replace function reports.ad_payback(
    date_from date,
    date_to date,
    level text default 'source',
    clinic text default null
)
returns table (
    channel text,
    source text,
    campaign text,
    spend numeric,
    clicks bigint,
    sessions bigint,
    inquiries numeric,
    deals bigint,
    won bigint,
    revenue numeric,
    roi_percent numeric,
    first_spend_day date,
    payback_day date,
    days_to_payback integer
)
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
#variable_conflict use_column
declare
    by_channel boolean := level <> 'total';
    by_source boolean := level in ('source', 'campaign');
    by_campaign boolean := level = 'campaign';
begin
    perform reports.are_days(date_from, date_to);
    if level is null or level not in ('total', 'channel', 'source', 'campaign') then
        raise exception 'level is one of total, channel, source, campaign' using errcode = 'invalid_parameter_value';
    end if;
    return query
    with days as (
        select
            case when by_channel then facts.channel end as channel,
            case when by_source then facts.source end as source,
            case when by_campaign then facts.campaign end as campaign,
            facts.day,
            sum(facts.spend) as spend,
            sum(facts.clicks) as clicks,
            sum(facts.sessions) as sessions,
            sum(facts.inquiries) as inquiries,
            sum(facts.deals) as deals,
            sum(facts.won) as won,
            sum(facts.revenue) as revenue
        from reports.ad_payback_days as facts
        where
            facts.day between date_from and date_to
            and (clinic is null or facts.clinic_id = clinic)
        group by 1, 2, 3, 4
    ),
    running as (
        select
            days.*,
            sum(days.spend) over in_time as spend_so_far,
            sum(days.revenue) over in_time as revenue_so_far,
            lead(days.day) over in_time as next_day,
            min(days.day) filter (where days.spend > 0) over (
                partition by days.channel, days.source, days.campaign
            ) as first_spend_day
        from days
        window in_time as (partition by days.channel, days.source, days.campaign order by days.day)
    ),
    passed as (
        select
            running.*,
            -- sums stand still between two days with figures, so the first day that counts is the day itself or, where it is not
            -- after the first spend, the one following it
            case
                when running.revenue_so_far <= running.spend_so_far then null
                when running.day > running.first_spend_day then running.day
                when running.day = running.first_spend_day
                    and running.next_day is distinct from running.day + 1
                    and running.day < date_to
                    then running.day + 1
            end as passed_on
        from running
    )
    select
        passed.channel,
        passed.source,
        passed.campaign,
        round(sum(passed.spend), 2),
        sum(passed.clicks)::bigint,
        sum(passed.sessions)::bigint,
        trim_scale(round(sum(passed.inquiries), 6)),
        sum(passed.deals)::bigint,
        sum(passed.won)::bigint,
        round(sum(passed.revenue), 2),
        round((sum(passed.revenue) - sum(passed.spend)) / nullif(sum(passed.spend), 0) * 100, 2),
        min(passed.first_spend_day),
        min(passed.passed_on),
        min(passed.passed_on) - min(passed.first_spend_day)
    from passed
    group by passed.channel, passed.source, passed.campaign
    order by 4 desc, 10 desc, 1, 2, 3;
end
$function$;
comment on function reports.ad_payback(date, date, text, text) is
    'Ad payback / Окупаемость рекламы: spend, deals, revenue and the day on which a source paid for itself.';

-- The curve behind the payback day: a row for every day from a source's first figure of the period to its last.
create or replace function reports.ad_payback_curve(
    date_from date,
    date_to date,
    level text default 'source',
    clinic text default null
)
returns table (
    channel text,
    source text,
    campaign text,
    day date,
    spend numeric,
    revenue numeric,
    cumulative_spend numeric,
    cumulative_revenue numeric,
    is_paid_back boolean
)
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
#variable_conflict use_column
declare
    by_channel boolean := level <> 'total';
    by_source boolean := level in ('source', 'campaign');
    by_campaign boolean := level = 'campaign';
begin
    perform reports.are_days(date_from, date_to);
    if level is null or level not in ('total', 'channel', 'source', 'campaign') then
        raise exception 'level is one of total, channel, source, campaign' using errcode = 'invalid_parameter_value';
    end if;
    return query
    with days as (
        select
            case when by_channel then facts.channel end as channel,
            case when by_source then facts.source end as source,
            case when by_campaign then facts.campaign end as campaign,
            facts.day,
            sum(facts.spend) as spend,
            sum(facts.revenue) as revenue
        from reports.ad_payback_days as facts
        where
            facts.day between date_from and date_to
            and (clinic is null or facts.clinic_id = clinic)
        group by 1, 2, 3, 4
    ),
    spans as (
        select
            days.channel, days.source, days.campaign,
            min(days.day) as first_day,
            max(days.day) as last_day,
            min(days.day) filter (where days.spend > 0) as first_spend_day
        from days
        group by days.channel, days.source, days.campaign
    ),
    calendar as (
        select
            spans.channel, spans.source, spans.campaign, spans.first_spend_day,
            (spans.first_day + step.n) as day
        from spans
        cross join lateral generate_series(
            -- a day more than the last figure, so that the day after a first and only spend is there
            0, least(greatest(spans.last_day, spans.first_spend_day + 1), date_to) - spans.first_day
        ) as step (n)
    ),
    running as (
        select
            calendar.*,
            coalesce(days.spend, 0) as spend,
            coalesce(days.revenue, 0) as revenue,
            sum(coalesce(days.spend, 0)) over in_time as spend_so_far,
            sum(coalesce(days.revenue, 0)) over in_time as revenue_so_far
        from calendar
        left join days
            on
                days.day = calendar.day
                and days.channel is not distinct from calendar.channel
                and days.source is not distinct from calendar.source
                and days.campaign is not distinct from calendar.campaign
        window in_time as (
            partition by calendar.channel, calendar.source, calendar.campaign order by calendar.day
        )
    )
    select
        running.channel,
        running.source,
        running.campaign,
        running.day,
        round(running.spend, 2),
        round(running.revenue, 2),
        round(running.spend_so_far, 2),
        round(running.revenue_so_far, 2),
        coalesce(running.day > running.first_spend_day and running.revenue_so_far > running.spend_so_far, false)
    from running
    order by 1, 2, 3, 4;
end
$function$;
comment on function reports.ad_payback_curve(date, date, text, text) is
    'The curve behind the payback day / Кривая окупаемости: spend and revenue summed up day by day.';

create or replace view reports.ad_payback_daily
with (security_invoker = true) as
select
    facts.day,
    facts.clinic_id,
    facts.channel,
    facts.source,
    facts.medium,
    facts.campaign,
    facts.spend,
    facts.clicks,
    facts.sessions,
    facts.inquiries,
    facts.deals,
    facts.won,
    facts.revenue
from reports.ad_payback_days as facts;
comment on view reports.ad_payback_daily is 'What a source cost and brought by day and finest grain, additive columns only.';

select ops.inherit_comments('reports.ad_payback_daily', 'reports.ad_payback_days');
