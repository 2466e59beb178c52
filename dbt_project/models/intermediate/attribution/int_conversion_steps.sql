-- One row per conversion kind, level and step of the Markov chain: how often a journey went from one state to the next.
with

journey_touches as (
    select * from {{ ref('int_conversion_journeys') }}
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
