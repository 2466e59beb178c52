-- One row per site session and the person it belongs to; sessions follow the rule of components, shared and
-- listed identifiers (RULES 12.2, 12.3).
with

records as (
    select * from {{ ref('int_record_persons') }}
    where record_kind = 'session'
),

final as (
    select
        records.record_id as session_id,
        coalesce(records.listed_person_key, records.person_key) as person_key
    from records
)

select * from final
