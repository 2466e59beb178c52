-- report: direction_load
-- Direction load (Загрузка направлений), RULES section 7. One row per line of work and week (its Monday); of a week that the
-- period cuts only the days inside count.
-- Lost at the desk: the direction stood idle (load below `idle_below_percent` of its slots) although people asked for it (at
-- least `enough_inquiries`), and less than `desk_books_percent` of them were booked. Idle without enough inquiries is no
-- demand, and not the desk's loss. A threshold given as null is the usual one.

create or replace function reports.direction_load(
    date_from date,
    date_to date,
    clinic text default null,
    idle_below_percent numeric default 70,
    desk_books_percent numeric default 50,
    enough_inquiries integer default 3
)
returns table (
    direction text,
    week date,
    slots bigint,
    booked bigint,
    cancelled bigint,
    visited bigint,
    load_percent numeric,
    visited_percent numeric,
    inquiries bigint,
    inquiries_booked bigint,
    booked_percent numeric,
    top_refusal_reason text,
    lost_at_the_desk boolean,
    verdict text
)
language sql
stable
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
    with weeks as (
        select
            facts.direction,
            date_trunc('week', facts.day::timestamp)::date as week,
            sum(facts.slots) as slots,
            sum(facts.booked) as booked,
            sum(facts.cancelled) as cancelled,
            sum(facts.visited) as visited,
            sum(facts.inquiries) as inquiries,
            sum(facts.inquiries_booked) as inquiries_booked
        from reports.direction_load_days as facts
        where
            reports.are_days(date_from, date_to)
            and facts.day between date_from and date_to
            and (direction_load.clinic is null or facts.clinic_id = direction_load.clinic)
        group by 1, 2
    ),
    reasons as (
        select distinct on (facts.direction, date_trunc('week', facts.day::timestamp)::date)
            facts.direction,
            date_trunc('week', facts.day::timestamp)::date as week,
            facts.refusal_reason
        from reports.direction_load_refusals as facts
        where
            facts.day between date_from and date_to
            and (direction_load.clinic is null or facts.clinic_id = direction_load.clinic)
        group by 1, 2, 3
        order by 1, 2, sum(facts.refusals) desc, 3
    ),
    judged as (
        select
            weeks.*,
            100 * weeks.booked / nullif(weeks.slots, 0) as load,
            100 * weeks.inquiries_booked / nullif(weeks.inquiries, 0) as conversion
        from weeks
    ),
    named as (
        select
            judged.*,
            case
                when judged.load is null then 'no_schedule'
                when judged.load >= coalesce(idle_below_percent, 70) then 'busy'
                when judged.inquiries < coalesce(enough_inquiries, 3) then 'no_demand'
                when judged.conversion < coalesce(desk_books_percent, 50) then 'lost_at_the_desk'
                else 'idle'
            end as verdict
        from judged
    )
    select
        named.direction,
        named.week,
        named.slots::bigint,
        named.booked::bigint,
        named.cancelled::bigint,
        named.visited::bigint,
        round(named.load, 2),
        round(100 * named.visited / nullif(named.slots, 0), 2),
        named.inquiries::bigint,
        named.inquiries_booked::bigint,
        round(named.conversion, 2),
        reasons.refusal_reason,
        named.verdict = 'lost_at_the_desk',
        named.verdict
    from named
    left join reasons on named.direction = reasons.direction and named.week = reasons.week
    order by named.week, named.direction
$function$;
comment on function reports.direction_load(date, date, text, numeric, numeric, integer) is
    'Direction load / Загрузка направлений: schedule, visits and demand by line of work and week, and what the desk loses.';

create or replace view reports.direction_load_daily
with (security_invoker = true) as
select
    facts.day,
    facts.clinic_id,
    facts.direction,
    facts.slots,
    facts.booked,
    facts.cancelled,
    facts.visited,
    facts.inquiries,
    facts.inquiries_booked
from reports.direction_load_days as facts;
comment on view reports.direction_load_daily is
    'Schedule, visits and demand by day, clinic and line of work, additive columns only.';

select ops.inherit_comments('reports.direction_load_daily', 'reports.direction_load_days');
