-- One row per appointment of the import files.
with

source as (
    select * from {{ source('files', 'appointments') }}
),

final as (
    select
        appointment_id,
        patient_id,
        clinic_id,
        direction,
        doctor_id,
        created_at,
        created_by,
        contact_id,
        starts_at,
        status,
        not_arrived_reason,
        'files'::text as source_system
    from source
)

select * from final
