-- One row per visit, planned or done. Who booked it and why somebody did not come is in no report that is known.
with

appointments as (
    select * from {{ source('ident', 'appointments') }}
),

final as (
    select
        'ident:' || appointments.visit_id as appointment_id,
        'ident:' || appointments.patient_id as patient_id,
        appointments.clinic_id,
        appointments.direction,
        'ident:' || appointments.doctor_id as doctor_id,
        appointments.created_at,
        null::text as created_by,
        null::text as contact_id,
        appointments.starts_at,
        appointments.status,
        null::text as not_arrived_reason,
        'ident'::text as source_system
    from appointments
)

select * from final
