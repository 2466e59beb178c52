-- One row per inquiry with its outcome (RULES 12.8) and what became of the booking (12.5, 12.7, 12.26).
with

days as (
    select * from {{ ref('int_inquiry_days') }}
),

inquiry_contacts as (
    select * from {{ ref('int_inquiry_contacts') }}
),

inquiry_appointments as not materialized (
    select * from {{ ref('int_inquiry_appointments') }}
),

settings as (
    select * from {{ ref('int_settings') }}
),

stated as (
    select
        inquiry_contacts.inquiry_key,
        bool_or(inquiry_contacts.outcome = 'booked') as has_stated_booked,
        bool_or(inquiry_contacts.outcome = 'waiting_list') as has_stated_waiting_list,
        (
            array_agg(
                inquiry_contacts.outcome
                order by inquiry_contacts.occurred_at desc, inquiry_contacts.contact_id desc
            ) filter (where inquiry_contacts.outcome is not null)
        )[1] as last_stated,
        (
            array_agg(
                inquiry_contacts.refusal_reason
                order by inquiry_contacts.occurred_at desc, inquiry_contacts.contact_id desc
            ) filter (where inquiry_contacts.outcome is not null)
        )[1] as last_stated_reason,
        (
            array_agg(
                inquiry_contacts.refusal_reason
                order by inquiry_contacts.occurred_at desc, inquiry_contacts.contact_id desc
            ) filter (where inquiry_contacts.outcome = 'waiting_list')
        )[1] as waiting_list_reason,
        bool_or(inquiry_contacts.kind = 'call' and inquiry_contacts.direction = 'inbound') as has_inbound_call,
        coalesce(bool_or(
            inquiry_contacts.kind = 'call' and inquiry_contacts.direction = 'inbound'
            and not inquiry_contacts.is_unanswered
        ), false) as has_answered_call,
        min(inquiry_contacts.occurred_at) filter (
            where inquiry_contacts.kind = 'call' and inquiry_contacts.direction = 'inbound'
        ) as first_call_at,
        max(inquiry_contacts.occurred_at) filter (where inquiry_contacts.direction = 'outbound') as last_outbound_at,
        max(inquiry_contacts.local_date) filter (where inquiry_contacts.outcome = 'booked') as stated_booked_date
    from inquiry_contacts
    where inquiry_contacts.inquiry_key is not null
    group by inquiry_contacts.inquiry_key
),

booked as (
    select
        inquiry_appointments.inquiry_key,
        min(inquiry_appointments.booked_date) as booked_date,
        (
            array_agg(
                inquiry_appointments.created_by
                order by inquiry_appointments.booked_at, inquiry_appointments.appointment_id
            )
        )[1] as booked_by,
        min(inquiry_appointments.starts_at) as first_start_at,
        min(inquiry_appointments.start_date) filter (where inquiry_appointments.has_taken_place) as arrived_date,
        bool_or(inquiry_appointments.has_taken_place) as is_arrived,
        (
            array_agg(
                inquiry_appointments.not_arrived_reason
                order by inquiry_appointments.booked_at, inquiry_appointments.appointment_id
            ) filter (
                where inquiry_appointments.not_arrived_reason is not null and not inquiry_appointments.has_taken_place
            )
        )[1] as not_arrived_reason
    from inquiry_appointments
    where not inquiry_appointments.is_waiting_list
    group by inquiry_appointments.inquiry_key
),

waiting as (
    select distinct inquiry_key
    from inquiry_appointments
    where is_waiting_list
),

decided as (
    select
        days.inquiry_key,
        stated.stated_booked_date,
        stated.last_stated,
        stated.last_stated_reason,
        stated.waiting_list_reason,
        booked.inquiry_key is not null as has_appointment,
        booked.booked_date,
        booked.booked_by,
        booked.first_start_at,
        booked.arrived_date,
        coalesce(booked.is_arrived, false) as is_arrived,
        booked.not_arrived_reason,
        case
            when booked.inquiry_key is not null or stated.has_stated_booked then 'booked'
            when waiting.inquiry_key is not null or stated.has_stated_waiting_list then 'waiting_list'
            when stated.last_stated is not null then stated.last_stated
            when
                stated.has_inbound_call
                and not stated.has_answered_call
                and coalesce(stated.last_outbound_at <= stated.first_call_at, true)
                then 'missed'
            else 'request_saved'
        end as outcome
    from days
    inner join stated on days.inquiry_key = stated.inquiry_key
    left join booked on days.inquiry_key = booked.inquiry_key
    left join waiting on days.inquiry_key = waiting.inquiry_key
),

final as (
    select
        decided.inquiry_key,
        decided.outcome,
        -- RULES 12.8: a stated `booked` without an appointment stays, flagged
        decided.outcome = 'booked' and not decided.has_appointment as is_booked_without_appointment,
        case
            when decided.outcome = 'waiting_list' then decided.waiting_list_reason
            when decided.outcome = decided.last_stated and decided.outcome != 'booked' then decided.last_stated_reason
        end as refusal_reason,
        decided.outcome = 'booked' as is_booked,
        decided.outcome = 'waiting_list' as is_waiting_list,
        case
            when decided.outcome = 'booked' then coalesce(decided.booked_date, decided.stated_booked_date)
        end as booked_date,
        decided.booked_by,
        decided.is_arrived,
        decided.arrived_date,
        decided.not_arrived_reason,
        decided.first_start_at,
        coalesce(decided.first_start_at <= settings.as_of, false) as is_due
    from decided
    cross join settings
)

select * from final
