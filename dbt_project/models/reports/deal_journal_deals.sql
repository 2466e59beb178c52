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

origins as (
    select * from {{ ref('int_deal_origins') }}
),

stages as (
    select * from {{ ref('int_deal_stage_times') }}
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

-- each source once, in the order in which it first took part
deal_sources as (
    select
        origins.deal_id,
        origins.source,
        min(origins.origin_number) as first_number
    from origins
    where origins.is_known
    group by origins.deal_id, origins.source
),

deal_origins as (
    select
        deal_sources.deal_id,
        array_agg(deal_sources.source order by deal_sources.first_number) as origins
    from deal_sources
    group by deal_sources.deal_id
),

last_stages as (
    select * from stages
    where is_last
),

final as (
    select
        deals.deal_id,
        deals.clinic_id,
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
        deal_origins.origins,
        deals.tags,
        deals.is_hot,
        deals.lost_reason,
        deals.days_to_close,
        paths.first_touch_at,
        paths.first_contact_at,
        paths.first_contact_date - paths.first_touch_date as days_to_contact,
        deals.created_date - paths.first_touch_date as days_to_deal,
        deals.closed_date - paths.first_touch_date as days_touch_to_close,
        last_stages.entered_at as stage_entered_at,
        case when deals.stage_kind = 'open' then last_stages.days_in_stage end as days_in_stage
    from deals
    left join paths on deals.deal_id = paths.deal_id
    left join deal_leads on deals.deal_id = deal_leads.deal_id
    left join deal_origins on deals.deal_id = deal_origins.deal_id
    left join last_stages on deals.deal_id = last_stages.deal_id
)

select * from final
