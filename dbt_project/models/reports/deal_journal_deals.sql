-- One row per deal, without personal data (RULES section 8).
with

deals as (
    select * from {{ ref('int_deals') }}
),

paths as (
    select * from {{ ref('int_deal_paths') }}
),

leads as (
    select * from {{ ref('int_deal_leads_unioned') }}
),

deal_leads as (
    select
        leads.deal_id,
        count(*) as leads,
        array_agg(leads.lead_id order by leads.created_at, leads.lead_id) as lead_ids
    from leads
    where leads.deal_id is not null
    group by leads.deal_id
),

final as (
    select
        deals.deal_id,
        deals.clinic_id,
        deals.name,
        deals.created_at,
        deals.created_date,
        deals.closed_at,
        deals.closed_date,
        deals.created_via,
        deals.pipeline,
        deals.stage,
        deals.stage_kind,
        deals.amount,
        deals.currency,
        deals.manager_id,
        deals.person_key,
        deals.contact_kind,
        deals.channel,
        deals.source,
        deals.medium,
        deals.campaign,
        paths.sessions_before_contact,
        coalesce(deal_leads.leads, 0) as leads,
        deal_leads.lead_ids,
        deals.tags,
        deals.is_hot,
        deals.lost_reason,
        deals.days_to_close,
        paths.first_touch_at,
        paths.first_contact_at
    from deals
    left join paths on deals.deal_id = paths.deal_id
    left join deal_leads on deals.deal_id = deal_leads.deal_id
)

select * from final
