-- One row per contact and person it is about.
with

inquiry_contacts as (
    select * from {{ ref('int_inquiry_contacts') }}
),

final as (
    select
        inquiry_contacts.contact_id,
        inquiry_contacts.person_key,
        inquiry_contacts.inquiry_key,
        inquiry_contacts.clinic_id,
        inquiry_contacts.occurred_at,
        inquiry_contacts.local_date,
        inquiry_contacts.kind,
        inquiry_contacts.direction,
        inquiry_contacts.people_group,
        inquiry_contacts.topic,
        inquiry_contacts.how_learned,
        inquiry_contacts.administrator_id,
        inquiry_contacts.outcome,
        inquiry_contacts.refusal_reason,
        inquiry_contacts.is_unanswered,
        inquiry_contacts.channel,
        inquiry_contacts.source,
        inquiry_contacts.medium,
        inquiry_contacts.campaign,
        inquiry_contacts.is_source_known,
        inquiry_contacts.is_callback_of_later_day,
        inquiry_contacts.resolved_by
    from inquiry_contacts
)

select * from final
