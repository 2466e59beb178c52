-- One row per level of the channel report and step of the Markov chain: how often a journey went from one state to the next.
-- A journey is the path of a wants_to_book inquiry, which ends in '(conversion)', or that of a person who never made one, which ends in '(null)'. Players are
-- the rows of the level asked for (RULES 12.15).
with

inquiry_touches as (
    select * from {{ ref('int_inquiry_touches') }}
),

inquiries as (
    select * from {{ ref('int_inquiries') }}
),

touches as (
    select * from {{ ref('int_touches') }}
),

unconverted as (
    select
        touches.person_key,
        touches.channel,
        touches.source,
        touches.campaign,
        touches.touched_at,
        touches.touch_kind,
        touches.record_id,
        max(touches.touched_at) over (partition by touches.person_key) as last_touched_at
    from touches
    where
        touches.is_known
        and not exists (
            select 1 from inquiries
            where inquiries.person_key = touches.person_key and inquiries.people_group = 'wants_to_book'
        )
),

journey_touches as (
    select
        inquiry_touches.inquiry_key as journey_key,
        '(conversion)' as outcome,
        inquiry_touches.channel,
        inquiry_touches.source,
        inquiry_touches.campaign,
        inquiry_touches.touch_number
    from inquiry_touches
    inner join inquiries on inquiry_touches.inquiry_key = inquiries.inquiry_key
    -- a referral has no path: nothing that was bought brought it
    where inquiries.referral is null
    union all
    select
        unconverted.person_key as journey_key,
        '(null)' as outcome,
        unconverted.channel,
        unconverted.source,
        unconverted.campaign,
        row_number() over (
            partition by unconverted.person_key
            order by unconverted.touched_at asc, unconverted.touch_kind desc, unconverted.record_id asc
        ) as touch_number
    from unconverted
    where
        unconverted.touched_at
        >= unconverted.last_touched_at - interval '{{ var("lookback_days") }} days'
),

journeys as (
    select
        journey_touches.journey_key,
        journey_touches.outcome,
        array_agg(
            jsonb_build_array(journey_touches.channel, journey_touches.source, journey_touches.campaign)::text
            order by journey_touches.touch_number asc
        ) as campaigns
    from journey_touches
    group by journey_touches.journey_key, journey_touches.outcome
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
