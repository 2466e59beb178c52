-- One row per contact and person it is about, without personal data (RULES section 6). Group, topic, source
-- and administrator are the contact's own (the group of its inquiry where nobody stated one), the inquiry's stand beside
-- them; primary, outcome and reasons are the inquiry's.
with

inquiry_contacts as (
    select * from {{ ref('int_inquiry_contacts') }}
),

inquiries as (
    select * from {{ ref('int_inquiries') }}
),

final as (
    select
        md5(concat_ws('|', inquiry_contacts.contact_id, inquiry_contacts.person_key)) as contact_person_key,
        inquiry_contacts.contact_id,
        inquiry_contacts.inquiry_key,
        inquiry_contacts.person_key,
        inquiry_contacts.clinic_id,
        inquiry_contacts.occurred_at,
        inquiry_contacts.local_date,
        inquiries.local_date as inquiry_date,
        inquiry_contacts.kind,
        inquiry_contacts.direction,
        inquiry_contacts.is_unanswered,
        coalesce(inquiry_contacts.people_group, inquiries.people_group) as people_group,
        inquiries.people_group as inquiry_people_group,
        coalesce(inquiries.is_primary, false) as is_primary,
        inquiry_contacts.topic,
        inquiries.topic as inquiry_topic,
        inquiry_contacts.channel,
        inquiry_contacts.source,
        inquiry_contacts.medium,
        inquiry_contacts.campaign,
        inquiries.channel as inquiry_channel,
        inquiries.source as inquiry_source,
        inquiries.campaign as inquiry_campaign,
        inquiry_contacts.administrator_id,
        inquiries.administrator_id as inquiry_administrator_id,
        coalesce(inquiries.outcome, inquiry_contacts.outcome) as outcome,
        inquiry_contacts.outcome as stated_outcome,
        coalesce(inquiries.is_booked_without_appointment, false) as is_booked_without_appointment,
        case
            when inquiries.inquiry_key is null then inquiry_contacts.refusal_reason else inquiries.refusal_reason
        end as refusal_reason,
        case when not inquiries.is_arrived then inquiries.not_arrived_reason end as not_arrived_reason,
        coalesce(inquiries.is_arrived, false) as is_arrived,
        case
            when inquiry_contacts.inquiry_key is null then 'clinic_initiated'
            when inquiries.people_group != 'wants_to_book' then inquiries.people_group
        end as why_excluded,
        inquiry_contacts.resolved_by
    from inquiry_contacts
    left join inquiries on inquiry_contacts.inquiry_key = inquiries.inquiry_key
)

select * from final
