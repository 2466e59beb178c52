-- One row per site session with its person and source. A site serves the whole network, so a session is of no clinic.
with

sessions as (
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
        sessions.method as source_method,
        sessions.channel,
        sessions.source,
        sessions.medium,
        sessions.campaign,
        sessions.content,
        sessions.term,
        sessions.source_system
    from sessions
    inner join persons on sessions.session_id = persons.session_id
)

select * from final
