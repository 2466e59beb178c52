-- One row per line of a treatment plan: its stages in the plan's order.
with

treatment_stages as (
    select * from {{ source('ident', 'treatment_stages') }}
),

final as (
    select
        'ident:' || treatment_stages.line_id as stage_id,
        'ident:' || treatment_stages.plan_id as plan_id,
        'ident:' || treatment_stages.patient_id as patient_id,
        treatment_stages.clinic_id,
        treatment_stages.direction,
        treatment_stages.opened_at,
        treatment_stages.stage_number,
        treatment_stages.stage,
        treatment_stages.done_at,
        'ident'::text as source_system
    from treatment_stages
)

select * from final
