-- One row per pair of source and medium met in UTM tags, spend, tracking rows, deals or their leads, with the channel of the grouping seed
-- (first rule that matches both, case ignored).
with

marked as (
    select * from {{ ref('int_marked_records') }}
),

spend as (
    select * from {{ ref('int_ad_spend_unioned') }}
),

tracking as (
    select * from {{ ref('int_tracking_addresses_unioned') }}
),

deals as (
    select * from {{ ref('int_deals_unioned') }}
),

leads as (
    select * from {{ ref('int_deal_leads_unioned') }}
),

rules as (
    select * from {{ ref('channel_groupings') }}
),

pairs as (
    select
        utm_source as source,
        utm_medium as medium
    from marked
    where utm_source is not null
    union
    select
        source,
        medium
    from spend
    union
    select
        source,
        medium
    from tracking
    union
    select
        utm_source as source,
        utm_medium as medium
    from deals
    where utm_source is not null
    union
    select
        utm_source as source,
        utm_medium as medium
    from leads
    where utm_source is not null
),

matched as (
    select distinct on (pairs.source, pairs.medium)
        pairs.source,
        pairs.medium,
        rules.channel
    from pairs
    inner join rules
        on
            lower(pairs.source) ~ ('^(' || rules.source_pattern || ')$')
            and lower(coalesce(pairs.medium, '')) ~ ('^(' || rules.medium_pattern || ')$')
    order by pairs.source asc, pairs.medium asc, rules.priority asc
),

final as (
    select
        pairs.source,
        pairs.medium,
        coalesce(matched.channel, 'other') as channel
    from pairs
    left join matched on pairs.source = matched.source and pairs.medium is not distinct from matched.medium
)

select * from final
