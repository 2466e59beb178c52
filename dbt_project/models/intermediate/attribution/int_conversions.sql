-- One row per conversion of a person (RULES section 2): the first booking, the first visit that took place, each deal won,
-- each payment. A booking and a visit are worth what the person has paid to date; a refund is money, but no conversion.
with

appointments as (
    select * from {{ ref('int_appointments') }}
),

first_visits as (
    select * from {{ ref('int_first_visits') }}
),

deals as (
    select * from {{ ref('int_deals') }}
),

payments as (
    select * from {{ ref('int_payments') }}
),

lifetimes as not materialized (
    select * from {{ ref('int_person_lifetimes') }}
),

first_bookings as (
    select distinct on (appointments.person_key)
        appointments.person_key,
        appointments.appointment_id,
        appointments.clinic_id,
        appointments.created_at,
        appointments.created_date
    from appointments
    where not appointments.is_waiting_list and appointments.created_at is not null
    order by appointments.person_key asc, appointments.created_at asc, appointments.appointment_id asc
),

converted as (
    select
        'booking' as conversion,
        first_bookings.appointment_id as record_id,
        first_bookings.person_key,
        first_bookings.clinic_id,
        first_bookings.created_at as converted_at,
        first_bookings.created_date as converted_date,
        coalesce(lifetimes.paid_amount, 0) as amount,
        1 as conversions
    from first_bookings
    left join lifetimes on first_bookings.person_key = lifetimes.person_key
    union all
    select
        'first_visit' as conversion,
        first_visits.appointment_id as record_id,
        first_visits.person_key,
        first_visits.clinic_id,
        first_visits.starts_at as converted_at,
        first_visits.start_date as converted_date,
        coalesce(lifetimes.paid_amount, 0) as amount,
        1 as conversions
    from first_visits
    left join lifetimes on first_visits.person_key = lifetimes.person_key
    union all
    select
        'deal' as conversion,
        deals.deal_id as record_id,
        deals.person_key,
        deals.clinic_id,
        deals.closed_at as converted_at,
        deals.closed_date as converted_date,
        coalesce(deals.amount, 0) as amount,
        1 as conversions
    from deals
    where deals.stage_kind = 'won' and deals.closed_at is not null
    union all
    select
        'payment' as conversion,
        payments.payment_id as record_id,
        payments.person_key,
        payments.clinic_id,
        payments.paid_at as converted_at,
        payments.paid_date as converted_date,
        payments.amount,
        (payments.amount > 0)::integer as conversions
    from payments
),

final as (
    select
        converted.conversion || ':' || converted.record_id as conversion_key,
        converted.conversion,
        converted.record_id,
        converted.person_key,
        converted.clinic_id,
        converted.converted_at,
        converted.converted_date,
        converted.amount,
        converted.conversions,
        first_bookings.created_at as first_booked_at
    from converted
    left join first_bookings on converted.person_key = first_bookings.person_key
)

select * from final
