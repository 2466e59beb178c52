-- One row per day of inquiry, clinic, channel and number of days: how many new clients paid for the first time that many days
-- after their first touch. The first touch is the earliest within the lookback window before the inquiry that won the client.
with

inquiries as (
    select * from {{ ref('int_inquiries') }}
    where people_group = 'wants_to_book' and is_primary
),

clinics as (
    select * from {{ ref('int_clinics_unioned') }}
),

credits as (
    select * from {{ ref('int_inquiry_credits') }}
    where last_non_direct > 0
),

touches as (
    select * from {{ ref('int_inquiry_touches') }}
),

first_visits as (
    select * from {{ ref('int_first_visits') }}
),

payments as (
    select * from {{ ref('int_payments') }}
    where amount > 0
),

first_touches as (
    select
        touches.inquiry_key,
        max(touches.days_before) as days_before
    from touches
    group by touches.inquiry_key
),

first_payments as (
    select
        payments.person_key,
        min(payments.paid_date) as paid_date
    from payments
    group by payments.person_key
),

timed as (
    select
        inquiries.inquiry_key,
        inquiries.local_date as day,
        inquiries.clinic_id,
        greatest(
            first_payments.paid_date - {{ local_date(
                "(inquiries.deciding_contact_at - first_touches.days_before * interval '24 hours')", 'clinics.time_zone'
            ) }},
            0
        ) as lead_days
    from inquiries
    inner join first_visits on inquiries.inquiry_key = first_visits.inquiry_key
    inner join first_payments on first_visits.person_key = first_payments.person_key
    inner join first_touches on inquiries.inquiry_key = first_touches.inquiry_key
    inner join clinics on inquiries.clinic_id = clinics.clinic_id
),

final as (
    select
        timed.day,
        timed.clinic_id,
        credits.channel,
        timed.lead_days,
        sum(credits.last_non_direct) as clients
    from timed
    inner join credits on timed.inquiry_key = credits.inquiry_key
    group by timed.day, timed.clinic_id, credits.channel, timed.lead_days
)

select * from final
