-- report: top_deals
-- The best deals of a period: won, closed in it, by value; on a tie the one closed earlier, then by id (RULES 12.25).

create or replace function reports.top_deals(
    date_from date,
    date_to date,
    how_many integer default 3,
    clinic text default null
)
returns table (
    deal_id text,
    name text,
    created_at timestamptz,
    closed_at timestamptz,
    amount numeric,
    currency text,
    manager_id text
)
language sql
stable
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
    select
        won.deal_id, personal.name, won.created_at, won.closed_at, round(won.amount, 2), won.currency, won.manager_id
    from reports.top_deals_won as won
    left join reports.top_deals_personal as personal on won.deal_id = personal.deal_id
    where
        reports.are_days(date_from, date_to)
        and won.closed_date between date_from and date_to
        and (clinic is null or won.clinic_id = clinic)
    order by won.amount desc nulls last, won.closed_at asc, won.deal_id asc
    limit coalesce(how_many, 3)
$function$;
comment on function reports.top_deals(date, date, integer, text) is
    'The best deals of a period / Лучшие сделки: won in it, by value.';

create or replace view reports.top_deals_daily
with (security_invoker = true) as
select
    won.closed_date as day,
    won.clinic_id,
    won.manager_id,
    won.deal_id,
    won.amount
from reports.top_deals_won as won;
comment on view reports.top_deals_daily is 'Won deals by the day they closed, with their value.';

select ops.inherit_comments('reports.top_deals_daily', 'reports.top_deals_won');
comment on column reports.top_deals_daily.day is 'Local day on which the deal was closed.';
