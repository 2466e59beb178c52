-- One row per site session and the person it belongs to; sessions follow the rule of components, shared and
-- listed identifiers (RULES 12.2, 12.3).
with

sessions as (
    select * from {{ ref('int_sessions_unioned') }}
),

records as (
    select * from {{ ref('int_record_persons') }}
    where record_kind = 'session'
),

final as (
    select
        sessions.session_id,
        coalesce(records.listed_person_key, records.person_key) as person_key
    from sessions
    inner join records on sessions.session_id = records.record_id
)

select * from final
