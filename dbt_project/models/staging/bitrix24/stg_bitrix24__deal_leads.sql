-- One row per lead that the portal still has, with the deal it became, if any. Empty where the portal works without
-- leads. Gone is what is missing from the list of all numbers, as for deals.
with

leads as (
    select * from {{ source('bitrix24', 'leads') }}
),

lead_ids as (
    select * from {{ source('bitrix24', 'lead_ids') }}
),

deal_ids as (
    select * from {{ source('bitrix24', 'deal_ids') }}
),

last_listed as (
    select
        (select coalesce(max(lead_id), 0) from lead_ids) as lead_id,
        (select coalesce(max(deal_id), 0) from deal_ids) as deal_id
),

-- A lead becomes one deal; if somebody made several out of it, the first that is still there counts.
deals as (
    select
        landed.lead_id,
        min(landed.deal_id::bigint)::text as deal_id
    from {{ source('bitrix24', 'deals') }} as landed
    cross join last_listed
    left join deal_ids on landed.deal_id::bigint = deal_ids.deal_id
    where
        landed.lead_id is not null
        and (deal_ids.deal_id is not null or landed.deal_id::bigint > last_listed.deal_id)
    group by landed.lead_id
),

final as (
    select
        'bitrix24:lead:' || leads.lead_id as lead_id,
        'bitrix24:' || deals.deal_id as deal_id,
        leads.created_at,
        null::text as contact_id,
        leads.phone,
        lower(leads.email) as email,
        leads.utm_source,
        leads.utm_medium,
        leads.utm_campaign,
        leads.tags,
        leads.phone_e164,
        'bitrix24'::text as source_system
    from leads
    cross join last_listed
    left join deals on leads.lead_id = deals.lead_id
    left join lead_ids on leads.lead_id::bigint = lead_ids.lead_id
    where lead_ids.lead_id is not null or leads.lead_id::bigint > last_listed.lead_id
)

select * from final
