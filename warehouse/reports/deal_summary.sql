-- report: deal_summary
-- Deals of a period (RULES 12.25): their number by the day they were created, won and revenue by the day they closed.

create or replace function reports.deal_summary(
    date_from date,
    date_to date,
    clinic text default null
)
returns table (
    stage text,
    stage_kind text,
    contact_kind text,
    channel text,
    source text,
    created_via text,
    deals bigint,
    won bigint,
    revenue numeric,
    hot_won bigint
)
language sql
stable
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
    select
        journal.stage,
        journal.stage_kind,
        journal.contact_kind,
        journal.channel,
        journal.source,
        journal.created_via,
        sum(journal.deals)::bigint,
        sum(journal.won)::bigint,
        round(sum(journal.revenue), 2),
        sum(journal.hot_won)::bigint
    from reports.deal_summary_days as journal
    where
        reports.are_days(date_from, date_to)
        and journal.day between date_from and date_to
        and (clinic is null or journal.clinic_id = clinic)
    group by
        journal.stage, journal.stage_kind, journal.contact_kind, journal.channel, journal.source, journal.created_via
    order by 7 desc, 1, 2, 3, 4, 5, 6
$function$;
comment on function reports.deal_summary(date, date, text) is
    'Deals of a period / Сводка по сделкам: created, won and revenue by stage, way of contact, source and origin.';

create or replace view reports.deal_summary_daily
with (security_invoker = true) as
select
    journal.day,
    journal.clinic_id,
    journal.manager_id,
    journal.stage,
    journal.stage_kind,
    journal.contact_kind,
    journal.channel,
    journal.source,
    journal.created_via,
    journal.deals,
    journal.won,
    journal.revenue,
    journal.hot_won
from reports.deal_summary_days as journal;
comment on view reports.deal_summary_daily is 'Deals by day: created on it, won on it, revenue of those won.';

select ops.inherit_comments('reports.deal_summary_daily', 'reports.deal_summary_days');
