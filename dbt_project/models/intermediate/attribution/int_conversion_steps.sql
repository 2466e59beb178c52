-- One row per conversion kind, level, journey and step of the Markov chain: paths to conversions in the default lookback, and
-- the paths of people who never converted so, which end in '(null)'.
with

conversions as (
    select * from {{ ref('int_conversions') }}
),

conversion_touches as (
    select * from {{ ref('int_conversion_touches') }}
),

touches as (
    select * from {{ ref('int_touches') }}
),

kinds as (
    select kind.conversion
    from (values ('booking'), ('first_visit'), ('deal'), ('payment')) as kind (conversion)
),

unconverted as (
    select
        kinds.conversion,
        touches.person_key,
        touches.channel,
        touches.source,
        touches.campaign,
        touches.touched_at,
        touches.touch_kind,
        touches.record_id,
        max(touches.touched_at) over (partition by kinds.conversion, touches.person_key) as last_touched_at
    from touches
    cross join kinds
    where
        touches.is_known
        and not exists (
            select 1 from conversions
            where conversions.person_key = touches.person_key and conversions.conversion = kinds.conversion
        )
),

journey_touches as (
    select
        conversion_touches.conversion,
        conversion_touches.conversion_key as journey_key,
        '(conversion)' as outcome,
        conversion_touches.channel,
        conversion_touches.source,
        conversion_touches.campaign,
        conversion_touches.touched_at,
        conversion_touches.touch_kind,
        conversion_touches.record_id
    from conversion_touches
    where conversion_touches.days_before <= {{ var("lookback_days") }}
    union all
    select
        unconverted.conversion,
        unconverted.person_key as journey_key,
        '(null)' as outcome,
        unconverted.channel,
        unconverted.source,
        unconverted.campaign,
        unconverted.touched_at,
        unconverted.touch_kind,
        unconverted.record_id
    from unconverted
    where
        unconverted.touched_at
        >= unconverted.last_touched_at - interval '{{ var("lookback_days") }} days'
),

players as (
    select
        journey_touches.conversion,
        level.level,
        journey_touches.journey_key,
        journey_touches.outcome,
        row_number() over (
            partition by journey_touches.conversion, level.level, journey_touches.journey_key
            order by
                journey_touches.touched_at asc, journey_touches.touch_kind desc, journey_touches.record_id asc
        ) as touch_number,
        case level.level
            when 'channel' then jsonb_build_array(journey_touches.channel)
            when 'source' then jsonb_build_array(journey_touches.channel, journey_touches.source)
            else jsonb_build_array(journey_touches.channel, journey_touches.source, journey_touches.campaign)
        end::text as player
    from journey_touches
    cross join (values ('channel'), ('source'), ('campaign')) as level (level)
),

steps as (
    select
        players.conversion,
        players.level,
        players.player as from_state,
        coalesce(
            lead(players.player) over (
                partition by players.conversion, players.level, players.journey_key order by players.touch_number
            ),
            players.outcome
        ) as to_state
    from players
    union all
    select
        players.conversion,
        players.level,
        '(start)' as from_state,
        players.player as to_state
    from players
    where players.touch_number = 1
),

final as (
    select
        steps.conversion,
        steps.level,
        steps.from_state,
        steps.to_state,
        count(*) as steps
    from steps
    group by steps.conversion, steps.level, steps.from_state, steps.to_state
)

select * from final
