-- One row per deal that the account still has. A deal is gone when the account says so in the row, when it was deleted
-- and not touched since, or when its number is missing from the list of all numbers (newer ones cannot be on it yet).
-- Stages 142 and 143 are won and lost in every funnel. A stage without a name in the dictionary keeps its number.
with

leads as (
    select * from {{ source('amocrm', 'leads') }}
),

statuses as (
    select * from {{ source('amocrm', 'statuses') }}
),

contacts as (
    select * from {{ source('amocrm', 'contacts') }}
),

loss_reasons as (
    select * from {{ source('amocrm', 'loss_reasons') }}
),

lead_ids as (
    select * from {{ source('amocrm', 'lead_ids') }}
),

pipelines as (
    select
        pipeline_id,
        min(pipeline) as pipeline
    from statuses
    group by pipeline_id
),

last_fates as (
    select distinct on (lead_id)
        lead_id,
        event_type,
        happened_at
    from {{ source('amocrm', 'lead_events') }}
    where event_type in ('lead_deleted', 'lead_restored')
    order by lead_id asc, happened_at desc, event_id desc
),

last_listed as (
    select coalesce(max(lead_id), 0) as lead_id from lead_ids
),

final as (
    select
        'amocrm:' || leads.lead_id as deal_id,
        leads.name,
        leads.created_at,
        case when leads.status_id in ('142', '143') then leads.closed_at end as closed_at,
        'crm_integration'::text as created_via,
        pipelines.pipeline,
        coalesce(statuses.name, leads.status_id) as stage,
        case leads.status_id when '142' then 'won' when '143' then 'lost' else 'open' end as stage_kind,
        leads.amount,
        leads.currency,
        'amocrm:' || leads.manager_id as manager_id,
        leads.clinic_id,
        contacts.name as client_name,
        contacts.phones[1] as phone,
        lower(contacts.emails[1]) as email,
        leads.contact_kind,
        leads.utm_source,
        leads.utm_medium,
        leads.utm_campaign,
        leads.first_request,
        leads.tags,
        loss_reasons.name as lost_reason,
        contacts.phones_e164[1] as phone_e164,
        'amocrm'::text as source_system
    from leads
    cross join last_listed
    left join pipelines on leads.pipeline_id = pipelines.pipeline_id
    left join statuses on leads.pipeline_id = statuses.pipeline_id and leads.status_id = statuses.status_id
    left join contacts on leads.contact_id = contacts.contact_id
    left join loss_reasons on leads.loss_reason_id = loss_reasons.loss_reason_id
    left join lead_ids on leads.lead_id::bigint = lead_ids.lead_id
    left join last_fates on leads.lead_id = last_fates.lead_id
    where
        not leads.is_deleted
        and not coalesce(
            last_fates.event_type = 'lead_deleted' and last_fates.happened_at >= leads.updated_at, false
        )
        and (lead_ids.lead_id is not null or leads.lead_id::bigint > last_listed.lead_id)
)

select * from final
