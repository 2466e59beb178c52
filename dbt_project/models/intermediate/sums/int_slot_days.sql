-- One row per day, clinic and line of work: how many slots its schedule has (RULES section 7).
with

slots as (
    select * from {{ ref('int_schedule_slots_unioned') }}
),

clinics as (
    select * from {{ ref('int_clinics_unioned') }}
),

slots_by_day as (
    select
        {{ local_date('slots.starts_at', 'clinics.time_zone') }} as day,
        slots.clinic_id,
        slots.direction
    from slots
    inner join clinics on slots.clinic_id = clinics.clinic_id
),

final as (
    select
        slots_by_day.day,
        slots_by_day.clinic_id,
        slots_by_day.direction,
        count(*) as slots
    from slots_by_day
    group by slots_by_day.day, slots_by_day.clinic_id, slots_by_day.direction
)

select * from final
