-- One row per pair of source and medium met in UTM tags, spend, tracking rows, deals or their leads, and time in which one rule
-- decides it: the channel of the grouping seed (first valid rule that matches both, case ignored). `valid_before` is the first
-- day of the next row of the pair; its rows cover all days.
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
    select
        pairs.source,
        pairs.medium,
        rules.channel,
        rules.priority,
        coalesce(rules.valid_from, '-infinity'::date) as valid_from,
        coalesce(rules.valid_to + 1, 'infinity'::date) as valid_before
    from pairs
    inner join rules
        on
            lower(pairs.source) ~ ('^(' || rules.source_pattern || ')$')
            and lower(coalesce(pairs.medium, '')) ~ ('^(' || rules.medium_pattern || ')$')
),

turns as (
    select
        pairs.source,
        pairs.medium,
        '-infinity'::date as valid_from
    from pairs
    union
    select
        matched.source,
        matched.medium,
        matched.valid_from
    from matched
    union
    select
        matched.source,
        matched.medium,
        matched.valid_before as valid_from
    from matched
    where matched.valid_before < 'infinity'::date
),

periods as (
    select
        turns.source,
        turns.medium,
        turns.valid_from,
        lead(turns.valid_from, 1, 'infinity'::date) over (
            partition by turns.source, turns.medium order by turns.valid_from
        ) as valid_before
    from turns
),

final as (
    select distinct on (periods.source, periods.medium, periods.valid_from)
        periods.source,
        periods.medium,
        periods.valid_from,
        periods.valid_before,
        coalesce(matched.channel, 'other') as channel
    from periods
    left join matched
        on
            periods.source = matched.source
            and periods.medium is not distinct from matched.medium
            and periods.valid_from >= matched.valid_from
            and periods.valid_from < matched.valid_before
    order by
        periods.source asc, periods.medium asc, periods.valid_from asc, matched.priority asc, matched.channel asc
)

select * from final
