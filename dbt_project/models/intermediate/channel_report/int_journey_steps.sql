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

touches as not materialized (
    select * from {{ ref('int_touches') }}
),

unconverted as (
    select
        touches.person_key,
        max(touches.touched_at) as last_touched_at
    from touches
    where
        touches.is_known
        and not exists (
            select 1 from inquiries
            where inquiries.person_key = touches.person_key and inquiries.people_group = 'wants_to_book'
        )
    group by touches.person_key
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

null_journeys as (
    select
        touches.person_key,
        array_agg(
            jsonb_build_array(touches.channel, touches.source, touches.campaign)::text
            order by touches.touched_at asc, touches.touch_kind desc, touches.record_id asc
        ) as campaigns
    from touches
    inner join unconverted on touches.person_key = unconverted.person_key
    where
        touches.is_known
        and touches.touched_at >= unconverted.last_touched_at - {{ hours_of_days('lookback_days') }}
    group by touches.person_key
),

journeys as (
    select
        converted_journeys.campaigns,
        '(conversion)' as outcome
    from converted_journeys
    union all
    select
        null_journeys.campaigns,
        '(null)' as outcome
    from null_journeys
),

paths as (
    select
        journeys.campaigns,
        journeys.outcome,
        count(*) as journeys
    from journeys
    group by journeys.campaigns, journeys.outcome
),

{{ chain_steps() }}

select * from final
