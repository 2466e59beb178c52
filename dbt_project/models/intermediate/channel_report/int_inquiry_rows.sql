-- One row per inquiry and row of the channel report that has a touch of it, with the inquiry's credit there under each touch model.
-- `report_rows`: how many the inquiry has; where it is one, every model gives it everything.
with

credits as not materialized (
    select * from {{ ref('int_inquiry_credits') }}
),

final as (
    select
        credits.inquiry_key,
        credits.channel,
        credits.source,
        credits.medium,
        credits.campaign,
        {{ each_of(touch_models(), "sum(credits.MODEL) as MODEL") }},
        count(*) over (partition by credits.inquiry_key) as report_rows
    from credits
    where credits.touches > 1
    group by credits.inquiry_key, credits.channel, credits.source, credits.medium, credits.campaign
    union all
    select
        credits.inquiry_key,
        credits.channel,
        credits.source,
        credits.medium,
        credits.campaign,
        {{ each_of(touch_models(), "credits.MODEL") }},
        1 as report_rows
    from credits
    where credits.touches = 1
)

select * from final
