-- One row per day, clinic and channel: spend, and the primary inquiries of the day with the clients and the revenue that came of
-- them to date, as in the channel report by cohort and last non-direct (RULES section 4, 12.15).
with

spend as (
    select * from {{ ref('int_ad_spend_daily') }}
),

inquiries as (
    select * from {{ ref('int_inquiries') }}
    where people_group = 'wants_to_book' and is_primary
),

credits as (
    select * from {{ ref('int_inquiry_credits') }}
    where attribution_model = 'last_non_direct'
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

happened as (
    select
        spend.spend_date as day,
        spend.clinic_id,
        spend.channel,
        spend.spend,
        0::numeric as inquiries,
        0::numeric as clients,
        0::numeric as revenue
    from spend
    union all
    select
        inquiries.local_date as day,
        inquiries.clinic_id,
        credits.channel,
        0 as spend,
        credits.credit as inquiries,
        credits.credit * coalesce(clients.clients, 0) as clients,
        credits.credit * coalesce(revenues.revenue, 0) as revenue
    from inquiries
    inner join credits on inquiries.inquiry_key = credits.inquiry_key
    left join clients on inquiries.inquiry_key = clients.inquiry_key
    left join revenues on inquiries.inquiry_key = revenues.inquiry_key
),

final as (
    select
        md5(concat_ws('|', happened.day, 'clinic', happened.clinic_id, 'ch', happened.channel)) as day_key,
        happened.day,
        happened.clinic_id,
        happened.channel,
        sum(happened.spend) as spend,
        sum(happened.inquiries) as inquiries,
        sum(happened.clients) as clients,
        sum(happened.revenue) as revenue
    from happened
    group by happened.day, happened.clinic_id, happened.channel
)

select * from final
