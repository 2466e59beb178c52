-- One row per slot of the schedule of the import files.
with

source as (
    select * from {{ source('files', 'schedule_slots') }}
),

final as (
    select
        slot_id,
        clinic_id,
        direction,
        doctor_id,
        starts_at,
        ends_at,
        'files'::text as source_system
    from source
)

select * from final
