-- report: service_dips
-- Dips (Сезонные спады), RULES section 10. One row per clinic, item type and season that was low in two years or more, also
-- under a trend. Without a period all of them; with one, those whose season falls into it, in whatever year.

create or replace function reports.service_dips(
    date_from date default null,
    date_to date default null,
    clinic text default null
)
returns table (
    clinic_id text,
    item_type text,
    season text,
    times_seen integer,
    times_possible integer,
    depth_percent numeric,
    clients_lost numeric,
    amount_lost numeric,
    currency text,
    next_expected_on date,
    next_expected_to date,
    measured_by text,
    confidence_percent numeric
)
language sql
stable
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
    select
        dips.clinic_id,
        dips.item_type,
        dips.season,
        dips.times_seen,
        dips.times_possible,
        dips.depth_percent,
        dips.clients_lost,
        dips.amount_lost,
        dips.currency,
        dips.next_expected_on,
        dips.next_expected_to,
        dips.measured_by,
        dips.confidence_percent
    from reports.service_dips_found as dips
    where
        (service_dips.clinic is null or dips.clinic_id = service_dips.clinic)
        and exists (
            select 1
            from generate_series(-30, 30) as shift (years)
            where
                (dips.next_expected_on + make_interval(years => shift.years))::date
                <= coalesce(service_dips.date_to, 'infinity'::date)
                and (dips.next_expected_to + make_interval(years => shift.years))::date
                >= coalesce(service_dips.date_from, '-infinity'::date)
        )
    order by dips.clinic_id, dips.item_type nulls first, dips.next_expected_on, dips.season
$function$;
comment on function reports.service_dips(date, date, text) is
    'Dips / Сезонные спады: seasons that are low in two years or more, what they cost, and when the next one is expected.';

create or replace view reports.service_dips_checked
with (security_invoker = true) as
select
    series.clinic_id,
    series.item_type,
    series.status,
    series.first_day,
    series.last_day,
    series.clients_a_week,
    series.dips
from reports.service_dips_series as series;
comment on view reports.service_dips_checked is
    'Which series were looked at for dips, and why others were not / Что проверено на сезонные спады.';

create or replace view reports.service_dips_daily
with (security_invoker = true) as
select
    facts.day,
    facts.clinic_id,
    facts.item_type,
    facts.sales,
    facts.client_days,
    facts.quantity,
    facts.amount,
    facts.currency
from reports.service_dips_days as facts;
comment on view reports.service_dips_daily is 'What was sold by day, clinic and item type, additive columns only.';

select ops.inherit_comments('reports.service_dips_checked', 'reports.service_dips_series');
select ops.inherit_comments('reports.service_dips_daily', 'reports.service_dips_days');
