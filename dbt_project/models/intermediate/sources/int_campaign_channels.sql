-- One row per source and campaign that spend or tracking rows name, with their channel (RULES 12.12). Spend beats
-- tracking, the latest row beats earlier ones; a campaign may be null.
with

spend as (
    select * from {{ ref('int_ad_spend_unioned') }}
),

tracking as (
    select * from {{ ref('int_tracking_addresses_unioned') }}
),

named as (
    select
        1 as priority,
        spend.source,
        spend.campaign,
        spend.channel,
        spend.date_from as valid_from
    from spend
    where spend.channel is not null
    union all
    select
        2 as priority,
        tracking.source,
        tracking.campaign,
        tracking.channel,
        tracking.valid_from
    from tracking
    where tracking.channel is not null
),

final as (
    select distinct on (named.source, named.campaign)
        named.source,
        named.campaign,
        named.channel
    from named
    order by
        named.source asc, named.campaign asc,
        named.priority asc, named.valid_from desc nulls last, named.channel asc
)

select * from final
