-- One row per payment and inquiry that may show it. A client's payments belong to the inquiry that won the client; a
-- prepayment of somebody not yet a client to the latest primary inquiry before it (RULES 12.20); a payment on an
-- appointment that a repeat inquiry booked also to that inquiry (12.21), and then `is_taken_by_repeat` tells the report
-- over all audiences to leave it out of the primary one, so that no payment is in two rows.
with

payments as not materialized (
    select * from {{ ref('int_payments') }}
),

first_visits as not materialized (
    select * from {{ ref('int_first_visits') }}
),

inquiries as not materialized (
    select * from {{ ref('int_inquiries') }}
    where people_group = 'wants_to_book'
),

inquiry_appointments as (
    select * from {{ ref('int_inquiry_appointments') }}
),

won as (
    select
        payments.payment_id,
        first_visits.inquiry_key
    from payments
    inner join first_visits on payments.person_key = first_visits.person_key
    inner join inquiries on first_visits.inquiry_key = inquiries.inquiry_key
    where inquiries.is_primary
),

prepaid as (
    select distinct on (payments.payment_id)
        payments.payment_id,
        inquiries.inquiry_key
    from payments
    inner join inquiries
        on payments.person_key = inquiries.person_key and payments.paid_at > inquiries.first_contact_at
    left join first_visits on payments.person_key = first_visits.person_key
    where inquiries.is_primary and first_visits.person_key is null
    order by payments.payment_id asc, inquiries.first_contact_at desc, inquiries.inquiry_key asc
),

repeated as (
    select distinct on (payments.payment_id)
        payments.payment_id,
        inquiries.inquiry_key
    from payments
    inner join inquiry_appointments on payments.appointment_id = inquiry_appointments.appointment_id
    inner join inquiries on inquiry_appointments.inquiry_key = inquiries.inquiry_key
    where not inquiries.is_primary and not inquiry_appointments.is_waiting_list
    order by payments.payment_id asc, inquiries.first_contact_at asc, inquiries.inquiry_key asc
),

claimed as (
    select
        'primary' as audience,
        won.payment_id,
        won.inquiry_key
    from won
    union all
    select
        'primary' as audience,
        prepaid.payment_id,
        prepaid.inquiry_key
    from prepaid
    union all
    select
        'repeat' as audience,
        repeated.payment_id,
        repeated.inquiry_key
    from repeated
),

-- of the visit as a whole: its payments may be of several people, or of inquiries before and after
visits as (
    select
        payments.paid_visit_key,
        sum(payments.amount) as visit_amount
    from payments
    group by payments.paid_visit_key
),

paid as (
    select
        claimed.audience,
        claimed.payment_id,
        claimed.inquiry_key,
        claimed.audience = 'primary' and repeated.payment_id is not null as is_taken_by_repeat,
        payments.person_key,
        payments.paid_visit_key,
        payments.paid_date,
        payments.amount,
        visits.visit_amount,
        row_number() over (
            partition by claimed.audience, payments.paid_visit_key
            order by (payments.amount > 0) desc, payments.paid_at asc, payments.payment_id asc
        ) as number_in_visit
    from claimed
    inner join payments on claimed.payment_id = payments.payment_id
    inner join visits on payments.paid_visit_key = visits.paid_visit_key
    left join repeated on claimed.payment_id = repeated.payment_id
),

final as (
    select
        paid.audience,
        paid.payment_id,
        paid.inquiry_key,
        paid.is_taken_by_repeat,
        paid.person_key,
        paid.paid_visit_key,
        paid.paid_date,
        paid.amount,
        -- RULES 12.22: a visit is counted once, with its first payment; instalments add none, a full refund removes it
        (paid.visit_amount > 0 and paid.number_in_visit = 1)::integer as paid_visits
    from paid
)

select * from final
