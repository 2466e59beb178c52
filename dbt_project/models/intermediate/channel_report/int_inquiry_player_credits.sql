-- One row per model of players (markov, shapley), level of the channel report, inquiry and player of its path. The credits of
-- an inquiry and level sum to exactly 1 (docs/attribution.md). Shapley with v(S) = inquiries whose players are all in S
-- is an equal split among the players of the path; Markov shares the inquiry by the players' removal effects.
with

touches as (
    select * from {{ ref('int_inquiry_touches') }}
),

effects as (
    select * from {{ ref('int_removal_effects') }}
),

players as (
    select distinct
        level.level,
        touches.inquiry_key,
        touches.channel,
        case when level.level in ('source', 'campaign') then touches.source end as source,
        case when level.level = 'campaign' then touches.campaign end as campaign,
        case level.level
            when 'channel' then jsonb_build_array(touches.channel)
            when 'source' then jsonb_build_array(touches.channel, touches.source)
            else jsonb_build_array(touches.channel, touches.source, touches.campaign)
        end::text as player
    from touches
    cross join (values ('channel'), ('source'), ('campaign')) as level (level)
),

weighed as (
    select
        players.*,
        count(*) over (partition by players.level, players.inquiry_key) as players_in_path,
        coalesce(effects.removal_effect, 0) as removal_effect,
        sum(coalesce(effects.removal_effect, 0)) over (
            partition by players.level, players.inquiry_key
        ) as effects_in_path
    from players
    left join effects on players.level = effects.level and players.player = effects.player
),

modelled as (
    select
        model.attribution_model,
        weighed.level,
        weighed.inquiry_key,
        weighed.channel,
        weighed.source,
        weighed.campaign,
        weighed.player,
        round(
            case
                when model.attribution_model = 'markov' and weighed.effects_in_path > 0
                    then weighed.removal_effect / weighed.effects_in_path
                -- a path of which no player matters to the chain (a referral's) is split evenly
                else 1::numeric / weighed.players_in_path
            end,
            18
        ) as credit
    from weighed
    cross join (values ('markov'), ('shapley')) as model (attribution_model)
),

ordered as (
    select
        modelled.*,
        row_number() over (
            partition by modelled.attribution_model, modelled.level, modelled.inquiry_key
            order by modelled.credit desc, modelled.player asc
        ) as place,
        sum(modelled.credit) over (
            partition by modelled.attribution_model, modelled.level, modelled.inquiry_key
        ) as credit_sum
    from modelled
),

final as (
    select
        ordered.attribution_model,
        ordered.level,
        ordered.inquiry_key,
        ordered.channel,
        ordered.source,
        ordered.campaign,
        -- what rounding left over goes to the largest share
        ordered.credit + case when ordered.place = 1 then 1 - ordered.credit_sum else 0 end as credit
    from ordered
)

select * from final
