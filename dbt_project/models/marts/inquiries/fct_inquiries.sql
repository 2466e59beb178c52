-- One row per inquiry: one person, one clinic, one local day.
with

inquiries as (
    select * from {{ ref('int_inquiries') }}
),

final as (
    select
        inquiries.inquiry_key,
        inquiries.clinic_id,
        inquiries.person_key,
        inquiries.local_date,
        inquiries.first_contact_at,
        inquiries.people_group,
        inquiries.is_primary,
        inquiries.channel,
        inquiries.source,
        inquiries.medium,
        inquiries.campaign,
        inquiries.referral,
        inquiries.topic,
        inquiries.administrator_id,
        inquiries.outcome,
        inquiries.is_booked_without_appointment,
        inquiries.refusal_reason,
        inquiries.is_booked,
        inquiries.is_waiting_list,
        inquiries.booked_date,
        inquiries.booked_by,
        inquiries.is_arrived,
        inquiries.arrived_date,
        inquiries.not_arrived_reason,
        inquiries.is_due,
        inquiries.is_completed
    from inquiries
)

select * from final
