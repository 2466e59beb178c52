-- One row per inquiry day: what its own day says and since when an appointment says otherwise. Callbacks of later days are
-- matched against this (RULES 12.9).
with

days as not materialized (
    select * from {{ ref('int_inquiry_days') }}
),

contacts as (
    select * from {{ ref('int_contacts') }}
),

persons as (
    select * from {{ ref('int_contact_persons') }}
),

appointments as not materialized (
    select * from {{ ref('int_appointments') }}
),

day_contacts as (
    select
        days.inquiry_key,
        days.person_key,
        contacts.contact_id,
        contacts.occurred_at,
        contacts.outcome
    from days
    inner join persons on days.person_key = persons.person_key
    inner join contacts
        on
            persons.contact_id = contacts.contact_id
            and days.clinic_id = contacts.clinic_id
            and days.local_date = contacts.local_date
),

stated as (
    select
        day_contacts.inquiry_key,
        bool_or(day_contacts.outcome = 'booked') as has_stated_booked,
        bool_or(day_contacts.outcome = 'waiting_list') as has_stated_waiting_list,
        (
            array_agg(day_contacts.outcome order by day_contacts.occurred_at desc, day_contacts.contact_id desc)
            filter (where day_contacts.outcome is not null)
        )[1] as last_stated
    from day_contacts
    group by day_contacts.inquiry_key
),

linked as (
    select
        day_contacts.inquiry_key,
        appointments.created_at,
        appointments.is_waiting_list
    from day_contacts
    inner join appointments
        on day_contacts.contact_id = appointments.contact_id and day_contacts.person_key = appointments.person_key
),

unlinked as (
    select
        days.inquiry_key,
        appointments.created_at,
        appointments.is_waiting_list
    from days
    inner join appointments
        on
            days.person_key = appointments.person_key
            and days.clinic_id = appointments.clinic_id
            and days.first_contact_at <= appointments.created_at
            and days.booking_until > appointments.created_at
    where appointments.contact_id is null
),

booked as (
    select
        both_ways.inquiry_key,
        min(both_ways.created_at) filter (where not both_ways.is_waiting_list) as booked_at,
        min(both_ways.created_at) filter (where both_ways.is_waiting_list) as waiting_list_at
    from (
        select * from linked
        union all
        select * from unlinked
    ) as both_ways
    group by both_ways.inquiry_key
),

final as (
    select
        days.inquiry_key,
        days.person_key,
        days.clinic_id,
        days.local_date,
        days.first_contact_at,
        coalesce(stated.has_stated_booked, false) as has_stated_booked,
        coalesce(stated.has_stated_waiting_list, false) as has_stated_waiting_list,
        stated.last_stated,
        booked.booked_at,
        booked.waiting_list_at
    from days
    left join stated on days.inquiry_key = stated.inquiry_key
    left join booked on days.inquiry_key = booked.inquiry_key
)

select * from final
