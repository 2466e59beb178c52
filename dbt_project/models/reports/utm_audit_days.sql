-- One row per day, clinic, channel, source, medium and campaign: what was spent on it and who came by it.
with

people as (
    select * from {{ ref('int_audit_people_days') }}
),

spend as (
    select * from {{ ref('int_ad_spend_daily') }}
),

counted as (
    select
        people.day,
        people.clinic_id,
        people.channel,
        people.source,
        people.medium,
        people.campaign,
        people.sessions,
        people.contacts,
        0::numeric as spend
    from people
    union all
    select
        spend.spend_date as day,
        spend.clinic_id,
        spend.channel,
        spend.source,
        spend.medium,
        spend.campaign,
        0 as sessions,
        0 as contacts,
        sum(spend.spend) as spend
    from spend
    group by spend.spend_date, spend.clinic_id, spend.channel, spend.source, spend.medium, spend.campaign
),

final as (
    select
        {{ source_day_key('counted') }} as audit_key,
        counted.day,
        counted.clinic_id,
        counted.channel,
        counted.source,
        counted.medium,
        counted.campaign,
        sum(counted.sessions)::bigint as sessions,
        sum(counted.contacts)::bigint as contacts,
        sum(counted.spend) as spend
    from counted
    group by
        counted.day, counted.clinic_id, counted.channel, counted.source, counted.medium, counted.campaign
)

select * from final
