-- One row per day, clinic and line of work: its visits and the demand for it (RULES section 7). The other half of
-- `direction_load_days` is the schedule.
with

appointments as (
    select * from {{ ref('int_appointments') }}
),

inquiries as (
    select * from {{ ref('int_inquiries') }}
    where people_group = 'wants_to_book'
),

events as (
    select
        appointments.start_date as day,
        appointments.clinic_id,
        appointments.direction,
        1 as booked,
        (appointments.status = 'cancelled')::int as cancelled,
        appointments.has_taken_place::int as visited,
        0 as inquiries,
        0 as inquiries_booked
    from appointments
    where appointments.start_date is not null and not appointments.is_waiting_list
    union all
    select
        inquiries.local_date as day,
        inquiries.clinic_id,
        inquiries.topic as direction,
        0 as booked,
        0 as cancelled,
        0 as visited,
        1 as inquiries,
        inquiries.is_booked::int as inquiries_booked
    from inquiries
),

final as (
    select
        md5(concat_ws('|', events.day, events.clinic_id, coalesce(events.direction, 'unknown'))) as load_key,
        events.day,
        events.clinic_id,
        coalesce(events.direction, 'unknown') as direction,
        sum(events.booked)::bigint as booked,
        sum(events.cancelled)::bigint as cancelled,
        sum(events.visited)::bigint as visited,
        sum(events.inquiries)::bigint as inquiries,
        sum(events.inquiries_booked)::bigint as inquiries_booked
    from events
    group by events.day, events.clinic_id, coalesce(events.direction, 'unknown')
)

select * from final
