-- One row per appointment. Notes in the schedule and templates of planned treatment are no appointments. A broken one is
-- cancelled when the office put the cancellation code D9987 on it, else the patient did not come. A deleted one is gone,
-- but for a later one of the same number.
with

deletions as (
    select * from {{ source('open_dental', 'deleted_appointments') }}
),

appointments as (
    select rows_as_sent.* from {{ source('open_dental', 'appointments') }} as rows_as_sent
    where not exists (
        select from deletions
        where
            deletions.appointment_num = rows_as_sent.appointment_num
            and deletions.deleted_at >= coalesce(rows_as_sent.changed_at, '-infinity')
    )
),

appointment_types as (
    select * from {{ source('open_dental', 'appointment_types') }}
),

cancellations as (
    select distinct appointment_num from {{ source('open_dental', 'procedures') }}
    where code = 'D9987' and status <> 'D' and appointment_num is not null
),

final as (
    select
        'open_dental:' || appointments.appointment_num as appointment_id,
        'open_dental:' || appointments.patient_num as patient_id,
        appointments.clinic_id,
        appointment_types.name as direction,
        'open_dental:' || appointments.provider_num as doctor_id,
        appointments.created_at,
        null::text as created_by,
        null::text as contact_id,
        appointments.starts_at,
        case
            when appointments.status = 'Complete' then 'completed'
            when appointments.status in ('UnschedList', 'ASAP') then 'waiting_list'
            when appointments.status = 'Broken' and cancellations.appointment_num is not null then 'cancelled'
            when appointments.status = 'Broken' then 'no_show'
            when appointments.arrived_at is not null then 'arrived'
            else 'planned'
        end as status,
        case when appointments.status = 'Broken' then appointments.note end as not_arrived_reason,
        'open_dental'::text as source_system
    from appointments
    left join appointment_types on appointments.appointment_type_num = appointment_types.appointment_type_num
    left join cancellations on appointments.appointment_num = cancellations.appointment_num
    where appointments.status not in ('PtNote', 'PtNoteCompleted', 'Planned')
)

select * from final
