-- One row per origin of a deal, in the order in which they took part.
with

origins as (
    select * from {{ ref('int_deal_origins') }}
),

deals as (
    select * from {{ ref('int_deals') }}
),

final as (
    select
        origins.origin_key,
        origins.deal_id,
        deals.clinic_id,
        deals.manager_id,
        origins.origin_number,
        origins.lead_id,
        origins.happened_at,
        origins.contact_id,
        origins.channel,
        origins.source,
        origins.medium,
        origins.campaign,
        origins.tags
    from origins
    inner join deals on origins.deal_id = deals.deal_id
)

select * from final
