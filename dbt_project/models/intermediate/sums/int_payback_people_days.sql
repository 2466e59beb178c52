-- One row per day, clinic and finest row of a source: what people did that came of it (RULES section 9). The other half of
-- `ad_payback_days` is spend. Inquiries are credited as in the channel report's default, last non-direct; deals are of their
-- own source, created and won on their own days (RULES 12.25).
with

sessions as (
    select * from {{ ref('int_session_sources') }}
),

inquiries as (
    select * from {{ ref('int_inquiries') }}
    where people_group = 'wants_to_book'
),

credits as (
    select * from {{ ref('int_inquiry_credits') }}
    where last_non_direct > 0
),

deals as not materialized (
    select * from {{ ref('int_deals') }}
),

settings as (
    select * from {{ ref('int_settings') }}
),

events as (
    -- a site belongs to the whole network
    select
        {{ local_date('sessions.started_at', 'settings.default_time_zone') }} as day,
        null as clinic_id,
        sessions.channel,
        sessions.source,
        sessions.medium,
        sessions.campaign,
        1 as sessions,
        0::numeric as inquiries,
        0 as deals,
        0 as won,
        0::numeric as revenue
    from sessions
    cross join settings
    union all
    select
        inquiries.local_date as day,
        inquiries.clinic_id,
        credits.channel,
        credits.source,
        credits.medium,
        credits.campaign,
        0 as sessions,
        credits.last_non_direct as inquiries,
        0 as deals,
        0 as won,
        0 as revenue
    from inquiries
    inner join credits on inquiries.inquiry_key = credits.inquiry_key
    union all
    select
        deals.created_date as day,
        deals.clinic_id,
        deals.channel,
        deals.source,
        deals.medium,
        deals.campaign,
        0 as sessions,
        0 as inquiries,
        1 as deals,
        0 as won,
        0 as revenue
    from deals
    where deals.created_date is not null
    union all
    select
        deals.closed_date as day,
        deals.clinic_id,
        deals.channel,
        deals.source,
        deals.medium,
        deals.campaign,
        0 as sessions,
        0 as inquiries,
        0 as deals,
        1 as won,
        coalesce(deals.amount, 0) as revenue
    from deals
    where deals.stage_kind = 'won' and deals.closed_date is not null
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
