-- One row per outbound contact and person of a day without inbound contact, numbered in time, with what it would change
-- in an inquiry that it joins (RULES 12.9).
with

contacts as not materialized (
    select * from {{ ref('int_contacts') }}
),

persons as (
    select * from {{ ref('int_contact_persons') }}
),

days as (
    select * from {{ ref('int_inquiry_days') }}
),

appointments as (
    select * from {{ ref('int_appointments') }}
),

linked as (
    select
        appointments.contact_id,
        appointments.person_key,
        min(appointments.created_at) filter (where not appointments.is_waiting_list) as booked_at,
        min(appointments.created_at) filter (where appointments.is_waiting_list) as waiting_list_at
    from appointments
    where appointments.contact_id is not null
    group by appointments.contact_id, appointments.person_key
),

final as (
    select
        persons.person_key,
        contacts.clinic_id,
        contacts.contact_id,
        contacts.occurred_at,
        contacts.local_date,
        contacts.outcome,
        linked.booked_at,
        linked.waiting_list_at,
        row_number() over (
            partition by persons.person_key, contacts.clinic_id
            order by contacts.occurred_at, contacts.contact_id
        ) as step
    from contacts
    inner join persons on contacts.contact_id = persons.contact_id
    left join days
        on
            persons.person_key = days.person_key
            and contacts.clinic_id = days.clinic_id
            and contacts.local_date = days.local_date
    left join linked
        on contacts.contact_id = linked.contact_id and persons.person_key = linked.person_key
    where contacts.direction = 'outbound' and days.inquiry_key is null
)

select * from final
