-- One row per contact and person it is about: what only a right to personal data shows.
with

inquiry_contacts as (
    select * from {{ ref('int_inquiry_contacts') }}
),

contacts as (
    select * from {{ ref('int_contacts') }}
),

persons as (
    select * from {{ ref('int_person_names') }}
),

inquiries as (
    select * from {{ ref('int_inquiries') }}
),

final as (
    select
        md5(concat_ws('|', inquiry_contacts.contact_id, inquiry_contacts.person_key)) as contact_person_key,
        inquiry_contacts.clinic_id,
        inquiry_contacts.administrator_id,
        inquiries.administrator_id as inquiry_administrator_id,
        coalesce(contacts.phone_e164, contacts.phone) as phone,
        contacts.email,
        persons.full_name,
        contacts.recording_url,
        contacts.note
    from inquiry_contacts
    inner join contacts on inquiry_contacts.contact_id = contacts.contact_id
    left join inquiries on inquiry_contacts.inquiry_key = inquiries.inquiry_key
    left join persons on inquiry_contacts.person_patient_id = persons.person_patient_id
)

select * from final
