-- One row per day, clinic and channel: spend, and the primary inquiries of the day with the clients and the revenue that came of
-- them to date, as in the channel report by cohort and last non-direct (RULES section 4, 12.15).
with

spend as (
    select * from {{ ref('int_ad_spend_daily') }}
),

people_days as (
    select * from {{ ref('int_plan_people_days') }}
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
        people_days.day,
        people_days.clinic_id,
        people_days.channel,
        0 as spend,
        people_days.inquiries,
        people_days.clients,
        people_days.revenue
    from people_days
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
