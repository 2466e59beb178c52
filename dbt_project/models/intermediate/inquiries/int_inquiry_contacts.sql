-- One row per contact and person, with the inquiry it belongs to; null for a clinic-initiated contact.
with

contacts as (
    select * from {{ ref('int_contacts') }}
),

persons as (
    select * from {{ ref('int_contact_persons') }}
),

days as (
    select * from {{ ref('int_inquiry_days') }}
),

callbacks as (
    select * from {{ ref('int_callback_inquiries') }}
),

sources as (
    select * from {{ ref('int_contact_sources') }}
),

final as (
    select
        contacts.contact_id,
        persons.person_key,
        persons.person_patient_id,
        persons.resolved_by,
        persons.listed_group,
        coalesce(days.inquiry_key, callbacks.inquiry_key) as inquiry_key,
        callbacks.inquiry_key is not null as is_callback_of_later_day,
        contacts.clinic_id,
        contacts.occurred_at,
        contacts.local_date,
        contacts.kind,
        contacts.direction,
        contacts.people_group,
        contacts.topic,
        contacts.how_learned,
        contacts.administrator_id,
        contacts.outcome,
        contacts.refusal_reason,
        contacts.is_unanswered,
        sources.channel,
        sources.source,
        sources.medium,
        sources.campaign,
        sources.is_known as is_source_known
    from contacts
    inner join persons on contacts.contact_id = persons.contact_id
    inner join sources on contacts.contact_id = sources.contact_id
    left join days
        on
            persons.person_key = days.person_key
            and contacts.clinic_id = days.clinic_id
            and contacts.local_date = days.local_date
    left join callbacks
        on contacts.contact_id = callbacks.contact_id and persons.person_key = callbacks.person_key
)

select * from final
