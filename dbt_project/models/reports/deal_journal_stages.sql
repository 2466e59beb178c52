-- One row per stage that a deal entered, with the time in it.
with

stages as (
    select * from {{ ref('int_deal_stage_times') }}
),

final as (
    select
        stages.stage_key,
        stages.deal_id,
        stages.clinic_id,
        stages.manager_id,
        stages.stage_number,
        stages.stage,
        stages.entered_at,
        stages.entered_date,
        stages.left_at,
        stages.is_last,
        stages.days_in_stage
    from stages
)

select * from final
