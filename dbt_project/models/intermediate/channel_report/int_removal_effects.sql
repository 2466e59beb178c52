-- One row per level of the channel report and player: the share of inquiries that would be lost without it, by an exact
-- Markov chain of order 1 over all journeys loaded (docs/attribution.md).
with

{% for level in ['channel', 'source', 'campaign'] -%}
{{ level }}_effects as (
    select
        '{{ level }}' as level,
        found.player,
        found.removal_effect::numeric as removal_effect
    from ops.markov_removal_effects($edges$
        select from_state, to_state, count(*) as steps
        from {{ ref('int_journey_steps') }}
        where level = '{{ level }}'
        group by from_state, to_state
    $edges$) as found
),

{% endfor -%}
final as (
    select * from channel_effects
    union all
    select * from source_effects
    union all
    select * from campaign_effects
)

select * from final
