-- One row per arrived inquiry whose treatment came to its end (RULES 12.27): the person has, at that clinic, a plan opened
-- on or after the visit's day, of the same direction if both say one, whose highest stage is done.
with

stages as (
    select * from {{ ref('int_treatment_stages_unioned') }}
),

clinics as (
    select * from {{ ref('int_clinics_unioned') }}
),

cards as (
    select * from {{ ref('int_patient_cards') }}
),

inquiry_appointments as (
    select * from {{ ref('int_inquiry_appointments') }}
),

plans as (
    select
        stages.plan_id,
        stages.clinic_id,
        'patient:' || coalesce(cards.person_patient_id, stages.patient_id) as person_key,
        max(stages.direction) as direction,
        min({{ local_date('stages.opened_at', 'clinics.time_zone') }}) as opened_date,
        (array_agg(stages.done_at is not null order by stages.stage_number desc, stages.stage_id desc))[1] as is_done
    from stages
    inner join clinics on stages.clinic_id = clinics.clinic_id
    left join cards on stages.patient_id = cards.patient_id
    group by stages.plan_id, stages.clinic_id, coalesce(cards.person_patient_id, stages.patient_id)
),

final as (
    select distinct inquiry_appointments.inquiry_key
    from inquiry_appointments
    inner join plans
        on
            inquiry_appointments.person_key = plans.person_key
            and inquiry_appointments.clinic_id = plans.clinic_id
            and inquiry_appointments.start_date <= plans.opened_date
            and coalesce(inquiry_appointments.direction = plans.direction, true)
    where inquiry_appointments.has_taken_place and plans.is_done
)

select * from final
