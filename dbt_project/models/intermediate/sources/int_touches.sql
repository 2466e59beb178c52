-- One row per person and touch: a site session or an inbound contact, with its source (RULES section 2, 12.15).
-- Outbound contacts are no touches. Kept as fct_touches, which numbers them; whoever needs touches reads those.
with

sessions as (
    select * from {{ ref('fct_sessions') }}
),

contacts as (
    select * from {{ ref('int_contacts') }}
),

contact_sources as (
    select * from {{ ref('int_contact_sources') }}
),

contact_persons as (
    select * from {{ ref('int_contact_persons') }}
),

session_touches as (
    select
        sessions.person_key,
        sessions.started_at as touched_at,
        'session' as touch_kind,
        sessions.session_id as record_id,
        sessions.channel,
        sessions.source,
        sessions.medium,
        sessions.campaign,
        true as is_known
    from sessions
),

contact_touches as (
    select
        contact_persons.person_key,
        contacts.occurred_at as touched_at,
        'contact' as touch_kind,
        contacts.contact_id as record_id,
        contact_sources.channel,
        contact_sources.source,
        contact_sources.medium,
        contact_sources.campaign,
        contact_sources.is_known
    from contacts
    inner join contact_sources on contacts.contact_id = contact_sources.contact_id
    inner join contact_persons on contacts.contact_id = contact_persons.contact_id
    where contacts.direction = 'inbound'
),

final as (
    select * from session_touches
    union all
    select * from contact_touches
)

select * from final
