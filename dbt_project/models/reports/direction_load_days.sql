-- One row per day, clinic and line of work: its schedule, its visits and the demand for it (RULES section 7). Everything adds up.
-- Slots and appointments count on the day they start, inquiries on theirs. An appointment that was cancelled or not kept was
-- booked all the same (RULES 12.7); the waiting list is not.
with

slots as (
    select * from {{ ref('int_slot_days') }}
),

people as (
    select * from {{ ref('int_load_people_days') }}
),

events as (
    select
        slots.day,
        slots.clinic_id,
        slots.direction,
        slots.slots,
        0 as booked,
        0 as cancelled,
        0 as visited,
        0 as inquiries,
        0 as inquiries_booked
    from slots
    union all
    select
        people.day,
        people.clinic_id,
        people.direction,
        0 as slots,
        people.booked,
        people.cancelled,
        people.visited,
        people.inquiries,
        people.inquiries_booked
    from people
),

final as (
    select
        md5(concat_ws('|', events.day, events.clinic_id, coalesce(events.direction, 'unknown'))) as load_key,
        events.day,
        events.clinic_id,
        coalesce(events.direction, 'unknown') as direction,
        sum(events.slots)::bigint as slots,
        sum(events.booked)::bigint as booked,
        sum(events.cancelled)::bigint as cancelled,
        sum(events.visited)::bigint as visited,
        sum(events.inquiries)::bigint as inquiries,
        sum(events.inquiries_booked)::bigint as inquiries_booked
    from events
    group by events.day, events.clinic_id, coalesce(events.direction, 'unknown')
)

select * from final
