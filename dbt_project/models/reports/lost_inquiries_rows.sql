-- One row per lost inquiry (what do we lose, why, and who spoke to them?). Lost: a wants_to_book inquiry that was declined,
-- or missed, or saved and not called back within the callback window; not on the waiting list, no spam, and the person has booked
-- at that clinic in no later inquiry. What it would have brought is in lost_inquiries_values.
with

inquiries as not materialized (
    select * from {{ ref('int_inquiries') }}
),

settings as (
    select * from {{ ref('int_settings') }}
),

clinics as (
    select * from {{ ref('int_clinics_unioned') }}
),

employees as (
    select * from {{ ref('int_employees_unioned') }}
),

last_bookings as (
    select
        inquiries.person_key,
        inquiries.clinic_id,
        max(inquiries.first_contact_at) as last_booked_at
    from inquiries
    where inquiries.is_booked
    group by inquiries.person_key, inquiries.clinic_id
),

lost as (
    select
        inquiries.*,
        coalesce(inquiries.topic, 'unknown') as known_topic
    from inquiries
    inner join clinics on inquiries.clinic_id = clinics.clinic_id
    cross join settings
    left join last_bookings
        on
            inquiries.person_key = last_bookings.person_key
            and inquiries.clinic_id = last_bookings.clinic_id
            and inquiries.first_contact_at < last_bookings.last_booked_at
    where
        inquiries.people_group = 'wants_to_book'
        and (
            inquiries.outcome in ('declined', 'missed')
            or (
                inquiries.outcome = 'request_saved'
                and inquiries.local_date + {{ var('callback_days') }}
                < {{ local_date('settings.as_of', 'clinics.time_zone') }}
            )
        )
        and last_bookings.person_key is null
),

asked_for as (
    select distinct
        lost.known_topic as topic,
        lost.is_primary
    from lost
),

-- a keyed hash takes longer than a join
topics as (
    select
        asked_for.topic,
        asked_for.is_primary,
        ops.opaque_key('topic value', concat_ws('|', asked_for.topic, asked_for.is_primary)) as value_key
    from asked_for
),

final as (
    select
        lost.inquiry_key,
        lost.person_key,
        lost.clinic_id,
        lost.local_date,
        lost.known_topic as topic,
        lost.channel,
        lost.source,
        lost.campaign,
        lost.administrator_id,
        coalesce(employees.full_name, lost.administrator_id) as administrator,
        lost.is_primary,
        lost.outcome,
        coalesce(
            lost.refusal_reason,
            case lost.outcome
                when 'missed' then 'missed' when 'request_saved' then 'not_called_back' else 'not_said'
            end
        ) as reason,
        topics.value_key
    from lost
    inner join topics on lost.known_topic = topics.topic and lost.is_primary = topics.is_primary
    left join employees on lost.administrator_id = employees.employee_id
)

select * from final
