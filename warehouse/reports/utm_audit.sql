-- report: channels_and_sources
-- Audit of UTM tags: what was paid for and brought nobody, who came by a paid campaign that nobody paid for, spellings that
-- nearly meet, tags that no channel rule knows. Opened by the right to the channel report.

create or replace function reports.utm_audit(
    date_from date,
    date_to date,
    clinic text default null,
    least_likeness numeric default 0.5
)
returns table (
    finding text,
    channel text,
    source text,
    medium text,
    campaign text,
    spend numeric,
    sessions bigint,
    contacts bigint,
    other_source text,
    other_campaign text,
    likeness numeric
)
language sql
stable
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
    with met as (
        select
            days.source, days.campaign,
            min(days.channel) as channel,
            min(days.medium) as medium,
            bool_or(days.channel in ('paid_search', 'paid_social', 'display')) as is_paid,
            bool_or(days.channel = 'other') as is_without_rule,
            round(sum(days.spend), 2) as spend,
            sum(days.sessions)::bigint as sessions,
            sum(days.contacts)::bigint as contacts
        from reports.utm_audit_days as days
        where
            reports.are_days(utm_audit.date_from, utm_audit.date_to)
            and days.day between utm_audit.date_from and utm_audit.date_to
            and (utm_audit.clinic is null or days.clinic_id = utm_audit.clinic or days.clinic_id is null)
        group by days.source, days.campaign
    ),
    one_sided as (
        select
            met.*,
            met.spend > 0 as has_spend,
            met.sessions + met.contacts > 0 as has_visits,
            reports.plain_text(met.source) || '|' || coalesce(reports.plain_text(met.campaign), '') as plain_name
        from met
    ),
    -- Only what lacks its other half can be a misspelling of what lacks the opposite half, or of something whole. Equal
    -- letters and digits are the same name written differently, whoever has what.
    pairs as (
        select
            one.source, one.campaign, one.channel, one.medium, one.spend, one.sessions, one.contacts,
            two.source as other_source, two.campaign as other_campaign,
            reports.text_likeness(
                concat_ws(' ', one.source, one.campaign), concat_ws(' ', two.source, two.campaign)
            ) as likeness
        from one_sided as one
        inner join one_sided as two
            on (one.source, coalesce(one.campaign, '')) <> (two.source, coalesce(two.campaign, ''))
            and (one.campaign is null) = (two.campaign is null)
        where
            one.has_visits and not one.has_spend and two.has_spend
            and (one.is_paid or one.is_without_rule)
            or (
                one.plain_name = two.plain_name
                and (one.source, coalesce(one.campaign, '')) > (two.source, coalesce(two.campaign, ''))
            )
    ),
    near_misses as (
        select distinct on (pairs.source, pairs.campaign) pairs.*
        from pairs
        where pairs.likeness >= coalesce(utm_audit.least_likeness, 0.5)
        order by pairs.source, pairs.campaign, pairs.likeness desc, pairs.other_source, pairs.other_campaign
    ),
    findings as (
        select
            1 as place, 'spend_without_visits' as finding, one_sided.channel, one_sided.source, one_sided.medium,
            one_sided.campaign, one_sided.spend, one_sided.sessions, one_sided.contacts,
            null::text as other_source, null::text as other_campaign, null::numeric as likeness
        from one_sided
        where one_sided.has_spend and not one_sided.has_visits
        union all
        select
            2, 'visits_without_spend', one_sided.channel, one_sided.source, one_sided.medium,
            one_sided.campaign, one_sided.spend, one_sided.sessions, one_sided.contacts, null, null, null
        from one_sided
        where one_sided.has_visits and not one_sided.has_spend and one_sided.is_paid
        union all
        select
            3, 'near_miss', near_misses.channel, near_misses.source, near_misses.medium,
            near_misses.campaign, near_misses.spend, near_misses.sessions, near_misses.contacts,
            near_misses.other_source, near_misses.other_campaign, near_misses.likeness
        from near_misses
        union all
        select
            4, 'no_channel_rule', one_sided.channel, one_sided.source, one_sided.medium,
            one_sided.campaign, one_sided.spend, one_sided.sessions, one_sided.contacts, null, null, null
        from one_sided
        where one_sided.is_without_rule
    )
    select
        findings.finding, findings.channel, findings.source, findings.medium, findings.campaign, findings.spend,
        findings.sessions, findings.contacts, findings.other_source, findings.other_campaign, findings.likeness
    from findings
    order by findings.place, findings.spend desc, findings.sessions desc, findings.source, findings.campaign
$function$;
comment on function reports.utm_audit(date, date, text, numeric) is
    'Audit of UTM tags / Проверка UTM-меток: spend without visits, visits without spend, near-miss spellings, no rule.';

create or replace view reports.utm_audit_daily
with (security_invoker = true) as
select
    days.day, days.clinic_id, days.channel, days.source, days.medium, days.campaign, days.spend, days.sessions,
    days.contacts
from reports.utm_audit_days as days;
comment on view reports.utm_audit_daily is 'Spend, sessions and contacts side by side by day and finest grain.';
select ops.inherit_comments('reports.utm_audit_daily', 'reports.utm_audit_days');
