-- One row per person, clinic and local day with an inbound contact: the inquiry, before callbacks of later days join it.
with

contacts as (
    select * from {{ ref('int_contacts') }}
),

persons as (
    select * from {{ ref('int_contact_persons') }}
),

days as (
    select
        persons.person_key,
        min(persons.person_patient_id) as person_patient_id,
        contacts.clinic_id,
        contacts.local_date,
        min(contacts.occurred_at) as first_contact_at
    from contacts
    inner join persons on contacts.contact_id = persons.contact_id
    group by persons.person_key, contacts.clinic_id, contacts.local_date
    having bool_or(contacts.direction = 'inbound')
),

final as (
    select
        md5(concat_ws('|', days.person_key, days.clinic_id, days.local_date)) as inquiry_key,
        days.person_key,
        days.person_patient_id,
        days.clinic_id,
        days.local_date,
        days.first_contact_at,
        -- RULES 12.7: without a link an appointment counts until the next inquiry, a week at most
        least(
            lead(days.first_contact_at) over (
                partition by days.person_key, days.clinic_id order by days.first_contact_at
            ),
            days.first_contact_at + interval '{{ var("booking_hours") }} hours'
        ) as booking_until
    from days
)

select * from final
