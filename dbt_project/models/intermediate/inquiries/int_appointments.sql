-- One row per appointment, of the person after merges, with its days in the clinic's time zone.
with

appointments as (
    select * from {{ ref('int_appointments_unioned') }}
),

clinics as (
    select * from {{ ref('int_clinics_unioned') }}
),

cards as (
    select * from {{ ref('int_patient_cards') }}
),

final as (
    select
        appointments.appointment_id,
        appointments.patient_id,
        coalesce(cards.person_patient_id, appointments.patient_id) as person_patient_id,
        'patient:' || coalesce(cards.person_patient_id, appointments.patient_id) as person_key,
        appointments.clinic_id,
        appointments.direction,
        appointments.doctor_id,
        appointments.created_at,
        {{ local_date('appointments.created_at', 'clinics.time_zone') }} as created_date,
        appointments.created_by,
        appointments.contact_id,
        appointments.starts_at,
        {{ local_date('appointments.starts_at', 'clinics.time_zone') }} as start_date,
        appointments.status,
        -- RULES 12.5: a visit took place when its status says so, at starts_at
        appointments.status in ('arrived', 'completed') as has_taken_place,
        appointments.status = 'waiting_list' as is_waiting_list,
        appointments.not_arrived_reason,
        appointments.source_system
    from appointments
    inner join clinics on appointments.clinic_id = clinics.clinic_id
    left join cards on appointments.patient_id = cards.patient_id
)

select * from final
