-- One row per day, clinic and finest row of a source: what it cost and what it brought (RULES section 9). Everything here adds
-- up.
with

spend as (
    select * from {{ ref('int_ad_spend_daily') }}
),

people as (
    select * from {{ ref('int_payback_people_days') }}
),

events as (
    select
        spend.spend_date as day,
        spend.clinic_id,
        spend.channel,
        spend.source,
        spend.medium,
        spend.campaign,
        spend.spend,
        spend.clicks,
        0 as sessions,
        0::numeric as inquiries,
        0 as deals,
        0 as won,
        0::numeric as revenue
    from spend
    union all
    select
        people.day,
        people.clinic_id,
        people.channel,
        people.source,
        people.medium,
        people.campaign,
        0 as spend,
        0 as clicks,
        people.sessions,
        people.inquiries,
        people.deals,
        people.won,
        people.revenue
    from people
),

final as (
    select
        {{ source_day_key('events') }} as payback_key,
        events.day,
        events.clinic_id,
        events.channel,
        events.source,
        events.medium,
        events.campaign,
        sum(events.spend) as spend,
        sum(events.clicks)::bigint as clicks,
        sum(events.sessions)::bigint as sessions,
        sum(events.inquiries) as inquiries,
        sum(events.deals)::bigint as deals,
        sum(events.won)::bigint as won,
        sum(events.revenue) as revenue
    from events
    group by
        events.day, events.clinic_id, events.channel, events.source, events.medium, events.campaign
)

select * from final
