-- One row per appointment, whatever its status.
with

appointments as (
    select * from {{ ref('int_appointments') }}
),

final as (
    select
        appointments.appointment_id,
        appointments.clinic_id,
        appointments.patient_id,
        appointments.person_key,
        appointments.direction,
        appointments.doctor_id,
        appointments.created_at,
        appointments.created_date,
        appointments.created_by,
        appointments.contact_id,
        appointments.starts_at,
        appointments.start_date,
        appointments.status,
        appointments.has_taken_place,
        appointments.is_waiting_list,
        appointments.not_arrived_reason,
        appointments.source_system
    from appointments
)

select * from final
