-- One row per day, clinic and channel: the primary inquiries of the day with the clients and the revenue that came of them to date, as
-- in the channel report by cohort and last non-direct (RULES section 4, 12.15). The other part of `lead_plan_channel_days` is spend.
with

inquiries as (
    select * from {{ ref('int_inquiries') }}
    where people_group = 'wants_to_book' and is_primary
),

credits as (
    select * from {{ ref('int_inquiry_credits') }}
    where last_non_direct > 0
),

first_visits as (
    select * from {{ ref('int_first_visits') }}
),

payments as (
    select * from {{ ref('int_inquiry_payments') }}
    where audience = 'primary'
),

clients as (
    select
        first_visits.inquiry_key,
        count(*) as clients
    from first_visits
    where first_visits.inquiry_key is not null
    group by first_visits.inquiry_key
),

revenues as (
    select
        payments.inquiry_key,
        sum(payments.amount) as revenue
    from payments
    group by payments.inquiry_key
),

credited as (
    select
        inquiries.local_date as day,
        inquiries.clinic_id,
        credits.channel,
        credits.last_non_direct as inquiries,
        credits.last_non_direct * coalesce(clients.clients, 0) as clients,
        credits.last_non_direct * coalesce(revenues.revenue, 0) as revenue
    from inquiries
    inner join credits on inquiries.inquiry_key = credits.inquiry_key
    left join clients on inquiries.inquiry_key = clients.inquiry_key
    left join revenues on inquiries.inquiry_key = revenues.inquiry_key
),

final as (
    select
        md5(concat_ws('|', credited.day, 'clinic', credited.clinic_id, 'ch', credited.channel)) as day_key,
        credited.day,
        credited.clinic_id,
        credited.channel,
        sum(credited.inquiries) as inquiries,
        sum(credited.clients) as clients,
        sum(credited.revenue) as revenue
    from credited
    group by credited.day, credited.clinic_id, credited.channel
)

select * from final
