-- One row per site session with its person and source. A site serves the whole network, so a session is of no clinic.
with

sessions as (
    select * from {{ ref('int_sessions_unioned') }}
),

session_sources as (
    select * from {{ ref('int_session_sources') }}
),

persons as (
    select * from {{ ref('int_session_persons') }}
),

final as (
    select
        sessions.session_id,
        persons.person_key,
        null::text as clinic_id,
        sessions.client_id,
        sessions.started_at,
        sessions.site,
        session_sources.method as source_method,
        session_sources.channel,
        session_sources.source,
        session_sources.medium,
        session_sources.campaign,
        session_sources.content,
        session_sources.term,
        sessions.source_system
    from sessions
    inner join session_sources on sessions.session_id = session_sources.session_id
    inner join persons on sessions.session_id = persons.session_id
)

select * from final
