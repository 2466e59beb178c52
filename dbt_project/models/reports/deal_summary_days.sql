-- One row per day, clinic, manager, stage, way of contact, source and origin of deals: created on it, won on it.
with

deals as not materialized (
    select * from {{ ref('int_deals') }}
),

created as (
    select
        deals.*,
        deals.created_date as day,
        1 as deals,
        0 as won,
        0::numeric as revenue,
        0 as hot_won
    from deals
),

won as (
    select
        deals.*,
        deals.closed_date as day,
        0 as deals,
        1 as won,
        coalesce(deals.amount, 0) as revenue,
        deals.is_hot::int as hot_won
    from deals
    where deals.stage_kind = 'won'
),

events as (
    select * from created
    union all
    select * from won
),

final as (
    select
        md5(concat_ws(
            '|', events.day, 'c', events.clinic_id, 'm', events.manager_id, 's', events.stage, events.stage_kind,
            'k', events.contact_kind, 'ch', events.channel, 'so', events.source, 'v', events.created_via
        )) as summary_key,
        events.day,
        events.clinic_id,
        events.manager_id,
        events.stage,
        events.stage_kind,
        events.contact_kind,
        events.channel,
        events.source,
        events.created_via,
        sum(events.deals)::bigint as deals,
        sum(events.won)::bigint as won,
        sum(events.revenue) as revenue,
        sum(events.hot_won)::bigint as hot_won
    from events
    where events.day is not null
    group by
        events.day, events.clinic_id, events.manager_id, events.stage, events.stage_kind, events.contact_kind,
        events.channel, events.source, events.created_via
)

select * from final
