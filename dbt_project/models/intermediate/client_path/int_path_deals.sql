-- One row per step of a deal of a known person: created, entered a stage, won or lost. A deal's name may hold a client's, so
-- it stays out of `detail`.
with

deals as not materialized (
    select * from {{ ref('int_deals') }}
    where person_key is not null
),

stages as (
    select * from {{ ref('int_deal_stages_unioned') }}
),

clinics as (
    select * from {{ ref('int_clinics_unioned') }}
),

settings as (
    select * from {{ ref('int_settings') }}
),

created_steps as (
    select
        'deal_created' as step,
        deals.deal_id as record_id,
        deals.deal_id,
        deals.created_at as occurred_at,
        concat_ws(', ', deals.pipeline, deals.created_via) as detail,
        null::numeric as amount
    from deals
),

stage_steps as (
    select
        'deal_stage' as step,
        concat_ws('|', stages.deal_id, stages.stage, stages.entered_at) as record_id,
        stages.deal_id,
        stages.entered_at as occurred_at,
        stages.stage as detail,
        null::numeric as amount
    from stages
),

closed_steps as (
    select
        'deal_' || deals.stage_kind as step,
        deals.deal_id as record_id,
        deals.deal_id,
        deals.closed_at as occurred_at,
        concat_ws(', ', deals.stage, deals.lost_reason) as detail,
        case when deals.stage_kind = 'won' then deals.amount end as amount
    from deals
    where deals.closed_at is not null and deals.stage_kind in ('won', 'lost')
),

steps as (
    select * from created_steps
    union all
    select * from stage_steps
    union all
    select * from closed_steps
),

final as (
    select
        steps.step,
        steps.record_id,
        deals.person_key,
        deals.clinic_id,
        deals.manager_id,
        steps.occurred_at,
        {{ local_date('steps.occurred_at', 'coalesce(clinics.time_zone, settings.default_time_zone)') }} as local_date,
        deals.channel,
        deals.source,
        deals.campaign,
        steps.detail,
        steps.amount
    from steps
    inner join deals on steps.deal_id = deals.deal_id
    cross join settings
    left join clinics on deals.clinic_id = clinics.clinic_id
)

select * from final
