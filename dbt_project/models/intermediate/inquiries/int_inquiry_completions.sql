-- One row per arrived inquiry whose treatment came to its end (RULES 12.27): the person has, at that clinic, a plan opened
-- on or after the visit's day, of the same direction if both say one, whose highest stage is done.
with

stages as (
    select * from {{ ref('int_treatment_stages_unioned') }}
),

clinics as (
    select * from {{ ref('int_clinics_unioned') }}
),

stage_persons as (
    select * from {{ ref('int_stage_persons') }}
),

days as (
    select * from {{ ref('int_inquiry_days') }}
),

inquiry_appointments as (
    select * from {{ ref('int_inquiry_appointments') }}
),

person_stages as (
    select
        stages.plan_id,
        stages.clinic_id,
        stage_persons.person_key,
        stages.direction,
        {{ local_date('stages.opened_at', 'clinics.time_zone') }} as opened_date,
        stages.done_at,
        stages.stage_number = max(stages.stage_number) over (
            partition by stages.plan_id, stages.clinic_id, stage_persons.person_key
        ) as is_highest
    from stages
    inner join clinics on stages.clinic_id = clinics.clinic_id
    inner join stage_persons on stages.stage_id = stage_persons.stage_id
),

plans as (
    select
        person_stages.plan_id,
        person_stages.clinic_id,
        person_stages.person_key,
        array_agg(person_stages.direction) filter (where person_stages.direction is not null) as directions,
        min(person_stages.opened_date) as opened_date,
        bool_and(person_stages.done_at is not null) filter (where person_stages.is_highest) as is_done
    from person_stages
    group by person_stages.plan_id, person_stages.clinic_id, person_stages.person_key
),

final as (
    select distinct days.inquiry_key
    from days
    inner join inquiry_appointments on days.inquiry_key = inquiry_appointments.inquiry_key
    inner join plans
        on
            days.person_key = plans.person_key
            and days.clinic_id = plans.clinic_id
            and inquiry_appointments.start_date <= plans.opened_date
            and coalesce(inquiry_appointments.direction = any(plans.directions), true)
    where inquiry_appointments.has_taken_place and plans.is_done
)

select * from final
