-- One row per thing that happened out of a wants_to_book inquiry: the inquiry itself, booked, arrived, client, payment.
-- It names the row of the report that has all of it: under last_non_direct, and under every model where the inquiry is of one row.
-- `cohort_date` is the inquiry's day (basis cohort), `event_date` the day it happened (basis period), RULES 12.24.
with

inquiries as not materialized (
    select * from {{ ref('int_inquiries') }}
    where people_group = 'wants_to_book'
),

first_visits as (
    select * from {{ ref('int_first_visits') }}
),

lifetimes as (
    select * from {{ ref('int_person_lifetimes') }}
),

payments as (
    select * from {{ ref('int_inquiry_payments') }}
),

-- every inquiry has one row to which last_non_direct gives it whole
rows_of_inquiries as (
    select * from {{ ref('int_inquiry_rows') }}
    where last_non_direct > 0
),

happened as (
    select
        'inquiry' as event_kind,
        inquiries.inquiry_key,
        case when inquiries.is_primary then 'primary' else 'repeat' end as audience,
        inquiries.local_date as event_date,
        null as payment_id,
        null::integer as paid_visits,
        null::numeric as amount,
        false as is_taken_by_repeat
    from inquiries
    union all
    select
        'booked' as event_kind,
        inquiries.inquiry_key,
        case when inquiries.is_primary then 'primary' else 'repeat' end as audience,
        inquiries.booked_date as event_date,
        null as payment_id,
        null::integer as paid_visits,
        null::numeric as amount,
        false as is_taken_by_repeat
    from inquiries
    where inquiries.is_booked
    union all
    select
        'arrived' as event_kind,
        inquiries.inquiry_key,
        case when inquiries.is_primary then 'primary' else 'repeat' end as audience,
        inquiries.arrived_date as event_date,
        null as payment_id,
        null::integer as paid_visits,
        null::numeric as amount,
        false as is_taken_by_repeat
    from inquiries
    where inquiries.is_arrived
    union all
    -- the client of a primary inquiry is whom its booking brought for the first time (12.19) …
    select
        'client' as event_kind,
        inquiries.inquiry_key,
        'primary' as audience,
        first_visits.start_date as event_date,
        null as payment_id,
        null::integer as paid_visits,
        null::numeric as amount,
        false as is_taken_by_repeat
    from inquiries
    inner join first_visits on inquiries.inquiry_key = first_visits.inquiry_key
    where inquiries.is_primary
    union all
    -- … of a repeat one everybody who arrived (12.21)
    select
        'client' as event_kind,
        inquiries.inquiry_key,
        'repeat' as audience,
        inquiries.arrived_date as event_date,
        null as payment_id,
        null::integer as paid_visits,
        null::numeric as amount,
        false as is_taken_by_repeat
    from inquiries
    where inquiries.is_arrived and not inquiries.is_primary
    union all
    select
        'payment' as event_kind,
        payments.inquiry_key,
        payments.audience,
        payments.paid_date as event_date,
        payments.payment_id,
        payments.paid_visits,
        payments.amount,
        payments.is_taken_by_repeat
    from payments
    inner join inquiries on payments.inquiry_key = inquiries.inquiry_key
    where payments.audience = case when inquiries.is_primary then 'primary' else 'repeat' end
),

final as (
    select
        md5(concat_ws('|', happened.event_kind, happened.audience, happened.inquiry_key, happened.payment_id))
            as event_key,
        happened.event_kind,
        inquiries.clinic_id,
        happened.inquiry_key,
        inquiries.person_key,
        inquiries.local_date as cohort_date,
        happened.event_date,
        happened.audience,
        inquiries.referral is not null as is_referral,
        inquiries.topic,
        rows_of_inquiries.channel,
        rows_of_inquiries.source,
        rows_of_inquiries.medium,
        rows_of_inquiries.campaign,
        coalesce(rows_of_inquiries.report_rows = 1, false) as is_of_one_row,
        happened.paid_visits,
        happened.is_taken_by_repeat,
        happened.amount,
        case when happened.event_kind = 'client' then coalesce(lifetimes.paid_amount, 0) end as lifetime_revenue,
        case when happened.event_kind = 'client' then coalesce(lifetimes.cost, 0) end as lifetime_cost,
        case when happened.event_kind = 'client' then coalesce(lifetimes.sales, 0) end as lifetime_sales,
        case when happened.event_kind = 'client' then coalesce(lifetimes.sales_without_cost, 0) end
            as lifetime_sales_without_cost
    from happened
    inner join inquiries on happened.inquiry_key = inquiries.inquiry_key
    left join rows_of_inquiries on inquiries.inquiry_key = rows_of_inquiries.inquiry_key
    left join lifetimes on inquiries.person_key = lifetimes.person_key
)

select * from final
