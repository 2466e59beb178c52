-- One row per origin of a deal: its own tags, if it has any, and every lead that took part (RULES section 8). A deal of several
-- origins is one deal. A lead's source is its own tags, else its contact's, else unknown;
-- its person is its contact's, if that is about one, else whom its own phone and e-mail mean.
with

deals as not materialized (
    select * from {{ ref('int_deals_unioned') }}
),

leads as (
    select * from {{ ref('int_deal_leads_unioned') }}
    where deal_id is not null
),

contact_sources as (
    select * from {{ ref('int_contact_sources') }}
),

contact_persons as (
    select * from {{ ref('int_contact_persons') }}
),

lead_persons as (
    select * from {{ ref('int_client_persons') }}
    where record_kind = 'lead'
),

campaigns as not materialized (
    select * from {{ ref('int_campaign_channels') }}
),

grouped as (
    select * from {{ ref('int_grouped_tags') }}
),

single_persons as (
    select
        contact_persons.contact_id,
        min(contact_persons.person_key) as person_key
    from contact_persons
    group by contact_persons.contact_id
    having count(*) = 1
),

clinics as not materialized (
    select * from {{ ref('int_clinics_unioned') }}
),

settings as not materialized (
    select * from {{ ref('int_settings') }}
),

tagged as (
    select
        deals.deal_id,
        null as lead_id,
        deals.created_at as happened_at,
        {{ local_date('deals.created_at', 'coalesce(clinics.time_zone, settings.default_time_zone)') }} as local_date,
        null as contact_id,
        deals.utm_source,
        deals.utm_medium,
        deals.utm_campaign,
        deals.tags
    from deals
    cross join settings
    left join clinics on deals.clinic_id = clinics.clinic_id
    where deals.utm_source is not null
    union all
    select
        leads.deal_id,
        leads.lead_id,
        leads.created_at as happened_at,
        {{ local_date(
            'coalesce(leads.created_at, deals.created_at)', 'coalesce(clinics.time_zone, settings.default_time_zone)'
        ) }} as local_date,
        leads.contact_id,
        leads.utm_source,
        leads.utm_medium,
        leads.utm_campaign,
        leads.tags
    from leads
    cross join settings
    -- a lead may name a deal that is not there
    inner join deals on leads.deal_id = deals.deal_id
    left join clinics on deals.clinic_id = clinics.clinic_id
),

sourced as (
    select
        tagged.deal_id,
        tagged.lead_id,
        tagged.happened_at,
        tagged.contact_id,
        coalesce(single_persons.person_key, lead_persons.person_key) as person_key,
        case
            when tagged.utm_source is not null then coalesce(campaigns.channel, grouped.channel, 'other')
            else coalesce(contact_sources.channel, 'unknown')
        end as channel,
        coalesce(tagged.utm_source, contact_sources.source, 'unknown') as source,
        case when tagged.utm_source is not null then tagged.utm_medium else contact_sources.medium end as medium,
        case when tagged.utm_source is not null then tagged.utm_campaign else contact_sources.campaign end as campaign,
        tagged.tags,
        tagged.utm_source is not null or coalesce(contact_sources.is_known, false) as is_known
    from tagged
    left join contact_sources on tagged.contact_id = contact_sources.contact_id
    left join single_persons on tagged.contact_id = single_persons.contact_id
    left join lead_persons on tagged.lead_id = lead_persons.record_id
    left join campaigns
        on tagged.utm_source = campaigns.source and tagged.utm_campaign is not distinct from campaigns.campaign
    left join grouped
        on
            {{ grouped_on('tagged.utm_source', 'tagged.utm_medium', 'tagged.local_date') }}
),

final as (
    select
        md5(concat_ws('|', sourced.deal_id, 'lead', sourced.lead_id)) as origin_key,
        sourced.*,
        row_number() over (
            partition by sourced.deal_id
            order by sourced.happened_at asc nulls last, sourced.lead_id asc nulls last
        )::integer as origin_number
    from sourced
)

select * from final
