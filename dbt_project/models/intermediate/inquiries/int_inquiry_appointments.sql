-- One row per inquiry and appointment that came out of it (RULES 12.7): linked to one of its contacts, else created in
-- its booking window and linked to none. Only appointments of the inquiry's own person.
with

days as (
    select * from {{ ref('int_inquiry_days') }}
),

inquiry_contacts as (
    select * from {{ ref('int_inquiry_contacts') }}
),

appointments as not materialized (
    select * from {{ ref('int_appointments') }}
),

linked as (
    select
        inquiry_contacts.inquiry_key,
        appointments.appointment_id,
        true as is_linked
    from inquiry_contacts
    inner join appointments
        on
            inquiry_contacts.contact_id = appointments.contact_id
            and inquiry_contacts.person_key = appointments.person_key
    where inquiry_contacts.inquiry_key is not null
),

unlinked as (
    select
        days.inquiry_key,
        appointments.appointment_id,
        false as is_linked
    from days
    inner join appointments
        on
            days.person_key = appointments.person_key
            and days.clinic_id = appointments.clinic_id
            and days.first_contact_at <= appointments.created_at
            and days.booking_until > appointments.created_at
    where appointments.contact_id is null
),

matched as (
    select * from linked
    union all
    select * from unlinked
),

final as (
    select
        matched.inquiry_key,
        matched.is_linked,
        appointments.created_at as booked_at,
        appointments.created_date as booked_date,
        appointments.*
    from matched
    inner join appointments on matched.appointment_id = appointments.appointment_id
)

select * from final
