-- One row per person and step of the way from the first click to the end of treatment, without personal data.
with

touches as (
    select * from {{ ref('int_path_touches') }}
),

care as (
    select * from {{ ref('int_path_care') }}
),

deals as (
    select * from {{ ref('int_path_deals') }}
),

steps as (
    select
        touches.step,
        touches.record_id,
        touches.person_key,
        touches.clinic_id,
        touches.administrator_id,
        touches.inquiry_administrator_id,
        null::text as manager_id,
        touches.occurred_at,
        touches.local_date,
        touches.channel,
        touches.source,
        touches.campaign,
        touches.detail,
        null::numeric as amount
    from touches
    union all
    select
        care.step,
        care.record_id,
        care.person_key,
        care.clinic_id,
        care.administrator_id,
        care.inquiry_administrator_id,
        null::text as manager_id,
        care.occurred_at,
        care.local_date,
        care.channel,
        care.source,
        care.campaign,
        care.detail,
        care.amount
    from care
    union all
    select
        deals.step,
        deals.record_id,
        deals.person_key,
        deals.clinic_id,
        null::text as administrator_id,
        null::text as inquiry_administrator_id,
        deals.manager_id,
        deals.occurred_at,
        deals.local_date,
        deals.channel,
        deals.source,
        deals.campaign,
        deals.detail,
        deals.amount
    from deals
),

final as (
    select
        md5(concat_ws('|', steps.step, steps.record_id, steps.person_key, steps.clinic_id)) as step_key,
        steps.person_key,
        steps.clinic_id,
        steps.administrator_id,
        steps.inquiry_administrator_id,
        steps.manager_id,
        steps.occurred_at,
        steps.local_date,
        -- what comes first when the clock says the same
        case steps.step
            when 'session' then 1
            when 'contact' then 2
            when 'inquiry' then 3
            when 'deal_created' then 4
            when 'deal_stage' then 5
            when 'booking' then 6
            when 'waiting_list' then 6
            when 'visit' then 7
            when 'not_arrived' then 7
            when 'sale' then 8
            when 'payment' then 9
            when 'refund' then 9
            when 'treatment_stage' then 10
            when 'treatment_completed' then 11
            else 12
        end as step_order,
        steps.step,
        steps.channel,
        steps.source,
        steps.campaign,
        nullif(steps.detail, '') as detail,
        steps.amount
    from steps
)

select * from final
