-- One row per person and touch: a site session or an inbound contact, with its source (RULES section 2, 12.15).
-- Outbound contacts are no touches.
with

session_sources as (
    select * from {{ ref('int_session_sources') }}
),

session_persons as (
    select * from {{ ref('int_session_persons') }}
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
        session_persons.person_key,
        session_sources.started_at as touched_at,
        'session' as touch_kind,
        session_sources.session_id as record_id,
        session_sources.channel,
        session_sources.source,
        session_sources.medium,
        session_sources.campaign,
        true as is_known
    from session_sources
    inner join session_persons on session_sources.session_id = session_persons.session_id
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
