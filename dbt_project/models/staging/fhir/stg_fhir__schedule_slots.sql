-- One row per slot in which patients can be seen, free or taken. Time that is not offered (`busy-unavailable`) is none.
-- Gone is what the history says was deleted and was not updated since, and what is missing from the list of all ids
-- though it is older than the list.
with

deletions as (
    select * from {{ source('fhir', 'deletions') }}
),

resource_ids as (
    select * from {{ source('fhir', 'resource_ids') }}
),

slots as (
    select rows_as_sent.* from {{ source('fhir', 'slots') }} as rows_as_sent
    where
        not exists (
            select from deletions
            where
                deletions.resource = 'Slot'
                and deletions.resource_id = rows_as_sent.slot_id
                and deletions.deleted_at >= rows_as_sent.updated_at
        )
        and (
            exists (
                select from resource_ids
                where resource_ids.resource = 'Slot' and resource_ids.resource_id = rows_as_sent.slot_id
            )
            or rows_as_sent.updated_at > coalesce(
                (select max(listed.updated_at) from resource_ids as listed where listed.resource = 'Slot'),
                '-infinity'
            )
        )
),

schedules as (
    select * from {{ source('fhir', 'schedules') }}
),

final as (
    select
        'fhir:' || slots.slot_id as slot_id,
        schedules.clinic_id,
        coalesce(slots.direction, schedules.direction) as direction,
        'fhir:' || schedules.doctor_id as doctor_id,
        slots.starts_at,
        slots.ends_at,
        'fhir'::text as source_system
    from slots
    inner join schedules on slots.schedule_id = schedules.schedule_id
    where slots.status not in ('busy-unavailable', 'entered-in-error')
)

select * from final
