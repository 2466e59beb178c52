-- One row per lead, with the deal it became, if any. Empty where the portal works without leads.
with

leads as (
    select * from {{ source('bitrix24', 'leads') }}
),

-- A lead becomes one deal; if somebody made several out of it, the first counts.
deals as (
    select
        lead_id,
        min(deal_id::bigint)::text as deal_id
    from {{ source('bitrix24', 'deals') }}
    where lead_id is not null
    group by lead_id
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
    left join deals on leads.lead_id = deals.lead_id
)

select * from final
