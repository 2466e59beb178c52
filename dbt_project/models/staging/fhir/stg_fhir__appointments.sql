-- One row per booking with a patient. Bookings made in error are none. A visit that happened says so by itself or by its
-- encounter, whichever the server keeps up to date.
with

appointments as (
    {{ fhir_still_there('appointments', 'Appointment', 'appointment_id') }}
),

encounters as (
    select
        appointment_id,
        bool_or(status = 'finished') as is_finished,
        bool_or(status in ('arrived', 'triaged', 'in-progress', 'onleave')) as is_arrived
    from {{ source('fhir', 'encounters') }}
    where appointment_id is not null
    group by appointment_id
),

final as (
    select
        'fhir:' || appointments.appointment_id as appointment_id,
        'fhir:' || appointments.patient_id as patient_id,
        appointments.clinic_id,
        appointments.direction,
        'fhir:' || appointments.doctor_id as doctor_id,
        appointments.created_at,
        null::text as created_by,
        null::text as contact_id,
        appointments.starts_at,
        case
            when appointments.status = 'cancelled' then 'cancelled'
            when appointments.status = 'noshow' then 'no_show'
            when appointments.status = 'fulfilled' or encounters.is_finished then 'completed'
            when appointments.status in ('arrived', 'checked-in') or encounters.is_arrived then 'arrived'
            when appointments.status in ('waitlist', 'proposed') then 'waiting_list'
            else 'planned'
        end as status,
        case when appointments.status in ('cancelled', 'noshow') then appointments.cancel_reason end
            as not_arrived_reason,
        'fhir'::text as source_system
    from appointments
    left join encounters on appointments.appointment_id = encounters.appointment_id
    where appointments.status <> 'entered-in-error' and appointments.patient_id is not null
)

select * from final
