-- One row per appointment, of the person after merges, with its days in the clinic's time zone. One whose creation nobody wrote down
-- was created by the contact that it is linked to; without a link it stays unknown.
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

contacts as (
    select * from {{ ref('int_contacts') }}
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
        coalesce(appointments.created_at, contacts.occurred_at) as created_at,
        {{ local_date('coalesce(appointments.created_at, contacts.occurred_at)', 'clinics.time_zone') }}
            as created_date,
        appointments.created_by,
        appointments.contact_id,
        appointments.starts_at,
        {{ local_date('appointments.starts_at', 'clinics.time_zone') }} as start_date,
        appointments.status,
        -- RULES 12.5: a visit took place when its status says so, at starts_at; one of which nobody knows when is none yet
        appointments.status in ('arrived', 'completed') and appointments.starts_at is not null as has_taken_place,
        appointments.status = 'waiting_list' as is_waiting_list,
        appointments.not_arrived_reason,
        appointments.source_system
    from appointments
    inner join clinics on appointments.clinic_id = clinics.clinic_id
    left join cards on appointments.patient_id = cards.patient_id
    left join contacts on appointments.contact_id = contacts.contact_id and appointments.created_at is null
)

select * from final
