-- One row per procedure of a treatment plan: its stages in the office's order. A deleted procedure keeps its number and
-- has no row. The plan's day is on the clock of the clinic of its procedures.
with

treat_plans as (
    select * from {{ source('open_dental', 'treat_plans') }}
),

procedures as (
    select * from {{ source('open_dental', 'procedures') }}
    where status <> 'D'
),

clinics as (
    select
        clinic_id,
        min(time_zone) as time_zone
    from {{ source('open_dental', 'clinics') }}
    where clinic_id is not null
    group by clinic_id
),

final as (
    select
        'open_dental:' || (stage.entry ->> 'attach') as stage_id,
        'open_dental:' || treat_plans.plan_num as plan_id,
        'open_dental:' || treat_plans.patient_num as patient_id,
        procedures.clinic_id,
        treat_plans.heading as direction,
        treat_plans.opened_local at time zone coalesce(clinics.time_zone, 'UTC') as opened_at,
        (stage.entry ->> 'stage')::bigint as stage_number,
        procedures.description as stage,
        case when procedures.status = 'C' then procedures.done_at end as done_at,
        'open_dental'::text as source_system
    from treat_plans
    cross join lateral jsonb_array_elements(treat_plans.stages) as stage (entry)
    inner join procedures on stage.entry ->> 'procedure' = procedures.procedure_num
    left join clinics on procedures.clinic_id = clinics.clinic_id
)

select * from final
