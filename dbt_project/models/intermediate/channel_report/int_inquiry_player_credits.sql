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

-- many inquiries have the same campaigns: a set of them is credited once, at every level
inquiry_sets as (
    select
        touches.inquiry_key,
        array_agg(
            distinct jsonb_build_array(touches.channel, touches.source, touches.campaign)::text
        ) as campaigns
    from touches
    group by touches.inquiry_key
),

sets as (
    select
        row_number() over () as set_number,
        inquiry_sets.campaigns
    from inquiry_sets
    group by inquiry_sets.campaigns
),

players as (
    select distinct
        sets.set_number,
        level.level,
        {{ player_of_level('campaign.player') }} as player
    from sets
    cross join lateral unnest(sets.campaigns) as campaign (player)
    cross join (values ('channel'), ('source'), ('campaign')) as level (level)
),

weighed as (
    select
        players.*,
        count(*) over (partition by players.set_number, players.level) as players_in_path,
        coalesce(effects.removal_effect, 0) as removal_effect,
        sum(coalesce(effects.removal_effect, 0)) over (
            partition by players.set_number, players.level
        ) as effects_in_path
    from players
    left join effects on players.level = effects.level and players.player = effects.player
),

modelled as (
    select
        model.attribution_model,
        weighed.level,
        weighed.set_number,
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
            partition by modelled.attribution_model, modelled.level, modelled.set_number
            order by modelled.credit desc, modelled.player asc
        ) as place,
        sum(modelled.credit) over (
            partition by modelled.attribution_model, modelled.level, modelled.set_number
        ) as credit_sum
    from modelled
),

set_credits as (
    select
        ordered.attribution_model,
        ordered.level,
        ordered.set_number,
        ordered.player::jsonb ->> 0 as channel,
        ordered.player::jsonb ->> 1 as source,
        ordered.player::jsonb ->> 2 as campaign,
        -- what rounding left over goes to the largest share
        ordered.credit + case when ordered.place = 1 then 1 - ordered.credit_sum else 0 end as credit
    from ordered
),

final as (
    select
        set_credits.attribution_model,
        set_credits.level,
        inquiry_sets.inquiry_key,
        set_credits.channel,
        set_credits.source,
        set_credits.campaign,
        set_credits.credit
    from inquiry_sets
    inner join sets on inquiry_sets.campaigns = sets.campaigns
    inner join set_credits on sets.set_number = set_credits.set_number
)

select * from final
