-- One row per deal that the portal still has; templates of recurring deals are no deals. A deal is gone when its number
-- is missing from the list of all numbers (newer ones cannot be on it yet; without a list none is gone). A closed deal's
-- time is when it was moved to its last stage: the portal's own closing date is a plan. A stage without a name in the
-- dictionary keeps its code.
with

deals as (
    select * from {{ source('bitrix24', 'deals') }}
),

categories as (
    select * from {{ source('bitrix24', 'categories') }}
),

stages as (
    select * from {{ source('bitrix24', 'stages') }}
),

contacts as (
    select * from {{ source('bitrix24', 'contacts') }}
),

deal_ids as (
    select * from {{ source('bitrix24', 'deal_ids') }}
),

last_listed as (
    select coalesce(max(deal_id), 0) as deal_id from deal_ids
),

final as (
    select
        'bitrix24:' || deals.deal_id as deal_id,
        deals.title as name,
        deals.created_at,
        case when deals.stage_semantics in ('S', 'F') then deals.moved_at end as closed_at,
        'crm_integration'::text as created_via,
        categories.name as pipeline,
        coalesce(stages.name, deals.stage_id) as stage,
        case deals.stage_semantics when 'S' then 'won' when 'F' then 'lost' else 'open' end as stage_kind,
        deals.amount,
        deals.currency,
        'bitrix24:' || deals.manager_id as manager_id,
        deals.clinic_id,
        nullif(concat_ws(' ', contacts.first_name, contacts.last_name), '') as client_name,
        contacts.phones[1] as phone,
        lower(contacts.emails[1]) as email,
        case deals.source_code
            when 'CALL' then 'call'
            when 'WEBFORM' then 'form'
            when 'CALLBACK' then 'callback_order'
            when 'EMAIL' then 'email'
            when 'PARTNER' then 'aggregator'
        end as contact_kind,
        deals.utm_source,
        deals.utm_medium,
        deals.utm_campaign,
        deals.source_description as first_request,
        deals.tags,
        deals.lost_reason,
        contacts.phones_e164[1] as phone_e164,
        'bitrix24'::text as source_system
    from deals
    cross join last_listed
    left join categories on deals.category_id = categories.category_id
    left join stages on deals.category_id = stages.category_id and deals.stage_id = stages.stage_id
    left join contacts on deals.contact_id = contacts.contact_id
    left join deal_ids on deals.deal_id::bigint = deal_ids.deal_id
    where
        not deals.is_recurring_template
        and (deal_ids.deal_id is not null or deals.deal_id::bigint > last_listed.deal_id)
)

select * from final
