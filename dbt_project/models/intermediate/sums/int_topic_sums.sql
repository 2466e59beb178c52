-- One row per topic and audience: its inquiries, how many of them brought a visit, and what those brought (for lost inquiries).
-- Primary: clients of RULES 12.19 with their lifetime (12.23). Repeat: inquiries that arrived, with the payments on the
-- appointments they booked (12.21) and the cost of what was sold there.
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
    where audience = 'repeat'
),

inquiry_appointments as (
    select * from {{ ref('int_inquiry_appointments') }}
),

sales as (
    select * from {{ ref('int_sales') }}
),

repeat_paid as (
    select
        payments.inquiry_key,
        sum(payments.amount) as paid_amount
    from payments
    group by payments.inquiry_key
),

repeat_sold as (
    select
        inquiry_appointments.inquiry_key,
        count(*) as sales,
        count(*) filter (where sales.cost is null) as sales_without_cost,
        coalesce(sum(sales.cost), 0) as cost
    from inquiry_appointments
    inner join sales on inquiry_appointments.appointment_id = sales.appointment_id
    group by inquiry_appointments.inquiry_key
),

won as (
    select
        inquiries.inquiry_key,
        lifetimes.paid_amount,
        lifetimes.cost,
        lifetimes.sales,
        lifetimes.sales_without_cost
    from inquiries
    inner join first_visits on inquiries.inquiry_key = first_visits.inquiry_key
    left join lifetimes on inquiries.person_key = lifetimes.person_key
    where inquiries.is_primary
    union all
    select
        inquiries.inquiry_key,
        repeat_paid.paid_amount,
        repeat_sold.cost,
        repeat_sold.sales,
        repeat_sold.sales_without_cost
    from inquiries
    left join repeat_paid on inquiries.inquiry_key = repeat_paid.inquiry_key
    left join repeat_sold on inquiries.inquiry_key = repeat_sold.inquiry_key
    where not inquiries.is_primary and inquiries.is_arrived
),

final as (
    select
        coalesce(inquiries.topic, 'unknown') as topic,
        inquiries.is_primary,
        count(*) as inquiries,
        count(won.inquiry_key) as clients,
        coalesce(sum(won.paid_amount), 0) as revenue,
        coalesce(sum(won.cost), 0) as cost,
        coalesce(sum(won.sales), 0) as sales,
        coalesce(sum(won.sales_without_cost), 0) as sales_without_cost
    from inquiries
    left join won on inquiries.inquiry_key = won.inquiry_key
    group by coalesce(inquiries.topic, 'unknown'), inquiries.is_primary
)

select * from final
