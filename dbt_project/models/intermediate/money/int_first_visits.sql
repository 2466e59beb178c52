-- One row per person with a visit that took place: the first one, and the inquiry that it came of (RULES 12.19). The inquiry
-- is the one that booked the appointment, else the latest wants_to_book one of the 90 days before it was created; else null.
with

appointments as (
    select * from {{ ref('int_appointments') }}
),

inquiry_appointments as (
    select * from {{ ref('int_inquiry_appointments') }}
),

inquiries as (
    select * from {{ ref('int_inquiries') }}
),

first_visits as (
    select distinct on (appointments.person_key)
        appointments.person_key,
        appointments.appointment_id,
        appointments.clinic_id,
        appointments.created_at,
        appointments.starts_at,
        appointments.start_date
    from appointments
    where appointments.has_taken_place
    order by appointments.person_key asc, appointments.starts_at asc, appointments.appointment_id asc
),

booked as (
    select
        first_visits.person_key,
        inquiry_appointments.inquiry_key
    from first_visits
    inner join inquiry_appointments on first_visits.appointment_id = inquiry_appointments.appointment_id
),

earlier as (
    select distinct on (first_visits.person_key)
        first_visits.person_key,
        inquiries.inquiry_key
    from first_visits
    inner join inquiries
        on
            first_visits.person_key = inquiries.person_key
            and first_visits.created_at > inquiries.first_contact_at
            and first_visits.created_at
            <= inquiries.first_contact_at + {{ hours_of_days('came_of_days') }}
    where inquiries.people_group = 'wants_to_book'
    order by first_visits.person_key asc, inquiries.first_contact_at desc, inquiries.inquiry_key asc
),

final as (
    select
        first_visits.person_key,
        first_visits.appointment_id,
        first_visits.clinic_id,
        first_visits.starts_at,
        first_visits.start_date,
        coalesce(booked.inquiry_key, earlier.inquiry_key) as inquiry_key,
        case
            when booked.inquiry_key is not null then 'booked'
            when earlier.inquiry_key is not null then 'latest_inquiry'
            else 'nobody'
        end as came_by
    from first_visits
    left join booked on first_visits.person_key = booked.person_key
    left join earlier on first_visits.person_key = earlier.person_key
)

select * from final
