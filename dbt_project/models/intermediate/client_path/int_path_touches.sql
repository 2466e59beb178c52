-- One row per person and site session, contact or inquiry: what of the client path comes from outside the clinic system.
-- Free texts (notes, landing pages, referrers) stay out of `detail`: they may hold personal data.
with

sessions as (
    select * from {{ ref('fct_sessions') }}
),

settings as (
    select * from {{ ref('int_settings') }}
),

inquiry_contacts as (
    select * from {{ ref('int_inquiry_contacts') }}
),

inquiries as not materialized (
    select * from {{ ref('int_inquiries') }}
),

session_steps as (
    select
        'session' as step,
        sessions.session_id as record_id,
        sessions.person_key,
        null::text as clinic_id,
        null::text as administrator_id,
        null::text as inquiry_administrator_id,
        sessions.started_at as occurred_at,
        {{ local_date('sessions.started_at', 'settings.default_time_zone') }} as local_date,
        sessions.channel,
        sessions.source,
        sessions.campaign,
        concat_ws(', ', sessions.site, 'source by ' || sessions.source_method) as detail
    from sessions
    cross join settings
),

contact_steps as (
    select
        'contact' as step,
        inquiry_contacts.contact_id as record_id,
        inquiry_contacts.person_key,
        inquiry_contacts.clinic_id,
        inquiry_contacts.administrator_id,
        inquiries.administrator_id as inquiry_administrator_id,
        inquiry_contacts.occurred_at,
        inquiry_contacts.local_date,
        inquiry_contacts.channel,
        inquiry_contacts.source,
        inquiry_contacts.campaign,
        concat_ws(
            ', ', inquiry_contacts.kind, inquiry_contacts.direction,
            case when inquiry_contacts.is_unanswered then 'unanswered' end, inquiry_contacts.outcome
        ) as detail
    from inquiry_contacts
    left join inquiries on inquiry_contacts.inquiry_key = inquiries.inquiry_key
),

inquiry_steps as (
    select
        'inquiry' as step,
        inquiries.inquiry_key as record_id,
        inquiries.person_key,
        inquiries.clinic_id,
        inquiries.administrator_id,
        inquiries.administrator_id as inquiry_administrator_id,
        inquiries.first_contact_at as occurred_at,
        inquiries.local_date,
        inquiries.channel,
        inquiries.source,
        inquiries.campaign,
        concat_ws(
            ', ', inquiries.people_group, case when inquiries.is_primary then 'primary' else 'repeat' end,
            inquiries.topic, inquiries.outcome
        ) as detail
    from inquiries
),

final as (
    select * from session_steps
    union all
    select * from contact_steps
    union all
    select * from inquiry_steps
)

select * from final
