-- report: lost_inquiries
-- Lost inquiries (Потерянные обращения): each with its reason, who handled it, and what it would have brought on average.

create or replace function reports.lost_inquiries(
    date_from date,
    date_to date,
    topic text default null,
    clinic text default null
)
returns table (
    inquiry_key text,
    person_key text,
    local_date date,
    clinic_id text,
    topic text,
    channel text,
    source text,
    administrator_id text,
    administrator text,
    is_primary boolean,
    outcome text,
    reason text,
    conversion_percent numeric,
    average_profit numeric,
    expected_value numeric,
    expected_revenue numeric
)
language sql
stable
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
    select
        lost.inquiry_key, lost.person_key, lost.local_date, lost.clinic_id, lost.topic, lost.channel, lost.source,
        lost.administrator_id, lost.administrator, lost.is_primary, lost.outcome, lost.reason, worth.conversion_percent,
        worth.average_profit, worth.expected_value, worth.expected_revenue
    from reports.lost_inquiries_rows as lost
    left join reports.lost_inquiries_values as worth on lost.value_key = worth.value_key
    where
        reports.are_days(date_from, date_to)
        and lost.local_date between date_from and date_to
        and (lost_inquiries.topic is null or lost.topic = lost_inquiries.topic)
        and (lost_inquiries.clinic is null or lost.clinic_id = lost_inquiries.clinic)
    order by worth.expected_value desc nulls last, lost.local_date, lost.inquiry_key
$function$;
comment on function reports.lost_inquiries(date, date, text, text) is
    'Lost inquiries / Потерянные обращения: reason, expected value and who handled each.';

-- By reason; the row with reason null is all together, and the others sum to it. Inquiries of unknown value are counted apart.
create or replace function reports.lost_inquiries_by_reason(
    date_from date,
    date_to date,
    topic text default null,
    clinic text default null
)
returns table (
    reason text,
    inquiries bigint,
    inquiries_of_unknown_value bigint,
    expected_value numeric,
    expected_revenue numeric
)
language sql
stable
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
    select
        lost.reason,
        count(*),
        count(*) filter (where worth.expected_value is null),
        coalesce(sum(worth.expected_value), 0),
        coalesce(sum(worth.expected_revenue), 0)
    from reports.lost_inquiries_rows as lost
    left join reports.lost_inquiries_values as worth on lost.value_key = worth.value_key
    where
        reports.are_days(date_from, date_to)
        and lost.local_date between date_from and date_to
        and (lost_inquiries_by_reason.topic is null or lost.topic = lost_inquiries_by_reason.topic)
        and (lost_inquiries_by_reason.clinic is null or lost.clinic_id = lost_inquiries_by_reason.clinic)
    group by grouping sets ((lost.reason), ())
    order by grouping(lost.reason), 4 desc, 2 desc, 1
$function$;
comment on function reports.lost_inquiries_by_reason(date, date, text, text) is
    'Lost inquiries by reason / Потери по причинам; the row with reason null is all together.';

create or replace view reports.lost_inquiries_daily
with (security_invoker = true) as
select
    lost.local_date as day,
    lost.clinic_id,
    lost.topic,
    lost.channel,
    lost.source,
    lost.administrator_id,
    lost.is_primary,
    lost.reason,
    count(*) as inquiries,
    coalesce(sum(worth.expected_value), 0) as expected_value,
    coalesce(sum(worth.expected_revenue), 0) as expected_revenue
from reports.lost_inquiries_rows as lost
left join reports.lost_inquiries_values as worth on lost.value_key = worth.value_key
group by
    lost.local_date, lost.clinic_id, lost.topic, lost.channel, lost.source, lost.administrator_id, lost.is_primary,
    lost.reason;
comment on view reports.lost_inquiries_daily is 'Lost inquiries by day and finest grain, additive columns only.';

select ops.inherit_comments(
    'reports.lost_inquiries_daily', 'reports.lost_inquiries_rows', 'reports.lost_inquiries_values'
);
comment on column reports.lost_inquiries_daily.day is 'Local day of the inquiries.';
comment on column reports.lost_inquiries_daily.inquiries is 'Lost inquiries.';
comment on column reports.lost_inquiries_daily.expected_value is
    'Conversion × average profit, summed, reporting currency; inquiries whose topic has no known cost count 0.';
comment on column reports.lost_inquiries_daily.expected_revenue is
    'Conversion × average payments, summed, reporting currency; inquiries of whose topic nothing is known count 0.';
