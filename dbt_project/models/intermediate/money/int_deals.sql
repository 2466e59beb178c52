-- One row per deal, of its person, in the reporting currency, with its source and its days in the clinic's time zone.
-- A deal without clinic uses the first clinic's zone (RULES 12.25). Where the deal says nothing of its source or client, its
-- leads do: the earliest one that knows; else its source is unknown.
with

deals as (
    select * from {{ ref('int_deals_unioned') }}
),

clinics as (
    select * from {{ ref('int_clinics_unioned') }}
),

settings as (
    select * from {{ ref('int_settings') }}
),

currency_days as (
    select * from {{ ref('int_currency_days') }}
),

client_persons as (
    select * from {{ ref('int_client_persons') }}
    where record_kind = 'deal'
),

campaigns as not materialized (
    select * from {{ ref('int_campaign_channels') }}
),

grouped as (
    select * from {{ ref('int_grouped_tags') }}
),

origins as not materialized (
    select * from {{ ref('int_deal_origins') }}
),

lead_sources as (
    select distinct on (origins.deal_id) origins.*
    from origins
    where origins.lead_id is not null and origins.is_known
    order by origins.deal_id asc, origins.origin_number asc
),

lead_persons as (
    select distinct on (origins.deal_id)
        origins.deal_id,
        origins.person_key
    from origins
    where origins.person_key is not null
    order by origins.deal_id asc, origins.origin_number asc
),

hot_leads as (
    select distinct origins.deal_id
    from origins
    where origins.lead_id is not null and 'hot' = any(origins.tags)
),

dated as (
    select
        deals.*,
        coalesce(clinics.time_zone, settings.default_time_zone) as time_zone,
        {{ local_date('deals.created_at', 'coalesce(clinics.time_zone, settings.default_time_zone)') }} as created_date,
        {{ local_date('deals.closed_at', 'coalesce(clinics.time_zone, settings.default_time_zone)') }} as closed_date,
        coalesce(deals.currency, settings.reporting_currency) as original_currency,
        settings.reporting_currency
    from deals
    cross join settings
    left join clinics on deals.clinic_id = clinics.clinic_id
),

final as (
    select
        dated.deal_id,
        dated.name,
        dated.clinic_id,
        dated.created_at,
        dated.created_date,
        dated.closed_at,
        dated.closed_date,
        dated.created_via,
        dated.pipeline,
        dated.stage,
        dated.stage_kind,
        dated.amount * currency_days.rate as amount,
        dated.reporting_currency as currency,
        dated.amount as original_amount,
        dated.original_currency,
        dated.manager_id,
        -- a deal of which neither it nor its leads say anything of the client is nobody's
        coalesce(client_persons.person_key, lead_persons.person_key) as person_key,
        dated.client_name,
        coalesce(dated.phone_e164, dated.phone) as phone,
        dated.email,
        dated.contact_kind,
        case
            when dated.utm_source is null then coalesce(lead_sources.channel, 'unknown')
            else coalesce(campaigns.channel, grouped.channel, 'other')
        end as channel,
        coalesce(dated.utm_source, lead_sources.source, 'unknown') as source,
        case when dated.utm_source is null then lead_sources.medium else dated.utm_medium end as medium,
        case when dated.utm_source is null then lead_sources.campaign else dated.utm_campaign end as campaign,
        dated.first_request,
        dated.tags,
        coalesce('hot' = any(dated.tags), false) or hot_leads.deal_id is not null as is_hot,
        dated.lost_reason,
        case when dated.closed_at is not null then dated.closed_date - dated.created_date end as days_to_close,
        dated.source_system
    from dated
    left join client_persons on dated.deal_id = client_persons.record_id
    left join lead_sources on dated.deal_id = lead_sources.deal_id
    left join lead_persons on dated.deal_id = lead_persons.deal_id
    left join hot_leads on dated.deal_id = hot_leads.deal_id
    left join currency_days
        on
            dated.original_currency = currency_days.currency
            and coalesce(dated.closed_date, dated.created_date) >= currency_days.valid_from
            and coalesce(dated.closed_date, dated.created_date) < currency_days.valid_before
    left join campaigns
        on dated.utm_source = campaigns.source and dated.utm_campaign is not distinct from campaigns.campaign
    left join grouped
        on
            {{ grouped_on('dated.utm_source', 'dated.utm_medium', 'dated.created_date') }}
)

select * from final
