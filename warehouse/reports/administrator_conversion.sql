-- report: administrator_conversion
-- Administrators' conversion (Конверсия администраторов), RULES section 5, 12.10, 12.26, 12.27.
-- One row per administrator who owns inquiries of the period, and one with administrator null: all together, recomputed
-- over the rows the reader may see.

create or replace function reports.administrator_conversion(
    date_from date,
    date_to date,
    audience text default 'all',
    hide_employee_referrals boolean default false,
    topic text default null,
    channel text default null,
    clinic text default null
)
returns table (
    administrator_id text,
    administrator text,
    inquiries bigint,
    booked bigint,
    booked_percent numeric,
    waiting_list bigint,
    waiting_list_percent numeric,
    booked_or_waiting bigint,
    booked_or_waiting_percent numeric,
    arrived bigint,
    arrived_of_booked_percent numeric,
    completed bigint,
    completed_of_booked_percent numeric,
    due bigint,
    arrived_of_due bigint,
    arrived_of_due_percent numeric
)
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
#variable_conflict use_column
declare
    wanted_audience text := audience;
    wanted_topic text := topic;
    wanted_channel text := channel;
    wanted_clinic text := clinic;
begin
    perform reports.are_days(date_from, date_to);
    if audience is null or audience not in ('primary', 'repeat', 'all') then
        raise exception 'audience is one of primary, repeat, all' using errcode = 'invalid_parameter_value';
    end if;
    return query
    with handled as (
        select *
        from reports.administrator_conversion_inquiries as handled
        where
            handled.local_date between date_from and date_to
            and (wanted_audience = 'all' or handled.is_primary = (wanted_audience = 'primary'))
            and not (coalesce(hide_employee_referrals, false) and handled.is_employee_referral)
            and (wanted_topic is null or coalesce(handled.topic, 'unknown') = wanted_topic)
            and (wanted_channel is null or handled.channel = wanted_channel)
            and (wanted_clinic is null or handled.clinic_id = wanted_clinic)
    ),
    counted as (
        select
            handled.administrator_id,
            max(handled.administrator) as administrator,
            count(*) as inquiries,
            count(*) filter (where handled.is_booked) as booked,
            count(*) filter (where handled.is_waiting_list) as waiting_list,
            count(*) filter (where handled.is_arrived) as arrived,
            count(*) filter (where handled.is_completed) as completed,
            -- not known is not none: null when treatment stages were never loaded
            bool_or(handled.is_completed is not null) as is_completion_known,
            count(*) filter (where handled.is_due) as due,
            count(*) filter (where handled.is_due and handled.is_arrived) as arrived_of_due
        from handled
        group by handled.administrator_id
        union all
        select
            null, null, count(*),
            count(*) filter (where handled.is_booked),
            count(*) filter (where handled.is_waiting_list),
            count(*) filter (where handled.is_arrived),
            count(*) filter (where handled.is_completed),
            bool_or(handled.is_completed is not null),
            count(*) filter (where handled.is_due),
            count(*) filter (where handled.is_due and handled.is_arrived)
        from handled
    )
    select
        counted.administrator_id,
        counted.administrator,
        counted.inquiries,
        counted.booked,
        round(100.0 * counted.booked / nullif(counted.inquiries, 0), 2),
        counted.waiting_list,
        round(100.0 * counted.waiting_list / nullif(counted.inquiries, 0), 2),
        counted.booked + counted.waiting_list,
        round(100.0 * (counted.booked + counted.waiting_list) / nullif(counted.inquiries, 0), 2),
        counted.arrived,
        round(100.0 * counted.arrived / nullif(counted.booked, 0), 2),
        case when counted.is_completion_known then counted.completed end,
        case
            when counted.is_completion_known then round(100.0 * counted.completed / nullif(counted.booked, 0), 2)
        end,
        counted.due,
        counted.arrived_of_due,
        round(100.0 * counted.arrived_of_due / nullif(counted.due, 0), 2)
    from counted
    order by counted.administrator_id nulls last;
end
$function$;
comment on function reports.administrator_conversion(date, date, text, boolean, text, text, text) is
    'Administrators'' conversion / Конверсия администраторов: who owned the inquiries of a period and how far they came.';

create or replace view reports.administrator_conversion_daily
with (security_invoker = true) as
select
    handled.local_date as day,
    handled.clinic_id,
    handled.administrator_id,
    handled.administrator,
    handled.topic,
    handled.channel,
    handled.is_primary,
    handled.is_employee_referral,
    count(*) as inquiries,
    count(*) filter (where handled.is_booked) as booked,
    count(*) filter (where handled.is_waiting_list) as waiting_list,
    count(*) filter (where handled.is_arrived) as arrived,
    -- not known is not none, as in the report
    case
        when bool_or(handled.is_completed is not null) then count(*) filter (where handled.is_completed)
    end as completed,
    count(*) filter (where handled.is_due) as due,
    count(*) filter (where handled.is_due and handled.is_arrived) as arrived_of_due
from reports.administrator_conversion_inquiries as handled
group by
    handled.local_date, handled.clinic_id, handled.administrator_id, handled.administrator, handled.topic,
    handled.channel, handled.is_primary, handled.is_employee_referral;
comment on view reports.administrator_conversion_daily is
    'Administrators'' conversion, one row per day and finest grain, additive columns only.';

select ops.inherit_comments('reports.administrator_conversion_daily', 'reports.administrator_conversion_inquiries');
comment on column reports.administrator_conversion_daily.day is 'Local day of the inquiries.';
comment on column reports.administrator_conversion_daily.inquiries is 'Inquiries of those who want to book.';
comment on column reports.administrator_conversion_daily.booked is 'Of these, booked.';
comment on column reports.administrator_conversion_daily.waiting_list is 'Of these, put on the waiting list.';
comment on column reports.administrator_conversion_daily.arrived is 'Of the booked, arrived.';
comment on column reports.administrator_conversion_daily.completed is
    'Of the booked, treated to the end; null where stages of treatment were never loaded.';
comment on column reports.administrator_conversion_daily.due is 'Of the booked, whose visit is due.';
comment on column reports.administrator_conversion_daily.arrived_of_due is 'Of those due, arrived.';
