-- One row per level of the channel report and player: the share of inquiries that would be lost without it, by an exact
-- Markov chain of order 1 over all journeys loaded (docs/attribution.md).
with

channel_effects as (
    select
        'channel' as level,
        found.player,
        found.removal_effect::numeric as removal_effect
    from ops.markov_removal_effects(
        $$select from_state, to_state, steps from {{ ref('int_journey_steps') }} where level = 'channel'$$
    ) as found
),

source_effects as (
    select
        'source' as level,
        found.player,
        found.removal_effect::numeric as removal_effect
    from ops.markov_removal_effects(
        $$select from_state, to_state, steps from {{ ref('int_journey_steps') }} where level = 'source'$$
    ) as found
),

campaign_effects as (
    select
        'campaign' as level,
        found.player,
        found.removal_effect::numeric as removal_effect
    from ops.markov_removal_effects(
        $$select from_state, to_state, steps from {{ ref('int_journey_steps') }} where level = 'campaign'$$
    ) as found
),

final as (
    select * from channel_effects
    union all
    select * from source_effects
    union all
    select * from campaign_effects
)

select * from final
