-- One row per level of the channel report and step of the Markov chain: how often a journey went from one state to the next.
-- A journey is the path of a wants_to_book inquiry, which ends in '(conversion)', or that of a person who never made one, which ends in '(null)'. Players are
-- the rows of the level asked for (RULES 12.15).
with

inquiry_touches as (
    select * from {{ ref('int_inquiry_touches') }}
),

inquiries as not materialized (
    select * from {{ ref('int_inquiries') }}
),

conversion_paths as (
    select * from {{ ref('int_conversion_paths') }}
),

converted_journeys as (
    select
        inquiry_touches.inquiry_key,
        array_agg(
            jsonb_build_array(inquiry_touches.channel, inquiry_touches.source, inquiry_touches.campaign)::text
            order by inquiry_touches.touch_number asc
        ) as campaigns
    from inquiry_touches
    inner join inquiries on inquiry_touches.inquiry_key = inquiries.inquiry_key
    -- a referral has no path: nothing that was bought brought it
    where inquiries.referral is null
    group by inquiry_touches.inquiry_key
),

paths as (
    select
        converted_journeys.campaigns,
        '(conversion)' as outcome,
        1 as journeys
    from converted_journeys
    union all
    select
        conversion_paths.campaigns,
        conversion_paths.outcome,
        conversion_paths.journeys
    from conversion_paths
    where conversion_paths.outcome = '(null)' and 'inquiry' = any(conversion_paths.conversions)
),

{{ chain_steps() }}

select * from final
