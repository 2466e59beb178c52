-- One row per site session and the person it belongs to; sessions follow the same rule as contacts (RULES 12.2).
with

sessions as (
    select * from {{ ref('int_sessions_unioned') }}
),

owners as (
    select * from {{ ref('int_record_owners') }}
    where record_kind = 'session'
),

records as (
    select * from {{ ref('int_record_persons') }}
    where record_kind = 'session'
),

final as (
    select
        sessions.session_id,
        coalesce(
            records.listed_person_key,
            'patient:' || owners.person_patient_id,
            records.person_key
        ) as person_key
    from sessions
    inner join records on sessions.session_id = records.record_id
    left join owners on sessions.session_id = owners.record_id and owners.owners = 1
)

select * from final
