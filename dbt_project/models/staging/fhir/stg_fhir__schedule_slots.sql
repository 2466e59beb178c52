-- One row per slot in which patients can be seen, free or taken. Time that is not offered (`busy-unavailable`) is none.
with

slots as (
    {{ fhir_still_there('slots', 'Slot', 'slot_id') }}
),

schedules as (
    select * from {{ source('fhir', 'schedules') }}
),

final as (
    select
        'fhir:' || slots.slot_id as slot_id,
        schedules.clinic_id,
        coalesce(slots.direction, schedules.direction) as direction,
        'fhir:' || schedules.doctor_id as doctor_id,
        slots.starts_at,
        slots.ends_at,
        'fhir'::text as source_system
    from slots
    inner join schedules on slots.schedule_id = schedules.schedule_id
    where slots.status not in ('busy-unavailable', 'entered-in-error')
)

select * from final
