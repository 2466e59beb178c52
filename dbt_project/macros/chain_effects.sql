{# Removal effects of Markov chains of orders 1 to 3 for some conversion kinds (docs/attribution.md). The CTEs of a model; it selects
   from `final`. Half of the kinds are a model of their own: the chains are solved apart, so two processors can. #}
{% macro chain_effects(kinds) -%}
with

chains as (
    select
        kind.conversion,
        level.level,
        format(
            'select from_state, to_state, steps from {{ ref("int_conversion_steps") }} '
            'where conversion = %L and level = %L',
            kind.conversion, level.level
        ) as edges
    from (values {% for kind in kinds %}('{{ kind }}'){{ ', ' if not loop.last }}{% endfor %}) as kind (conversion)
    cross join (values ('channel'), ('source'), ('campaign')) as level (level)
),

-- one call for all of them: a chain is called by its order and conversion
higher_effects as (
    select
        split_part(found.chain, ' ', 1) as markov_order,
        split_part(found.chain, ' ', 2) as conversion,
        found.player,
        found.removal_effect
    from ops.markov_removal_effects_of_moves(
        $$select concat_ws(' ', markov_order, conversion) as chain, from_state, to_state, journeys
        from {{ ref('int_conversion_moves') }} where conversion in ('{{ kinds | join("', '") }}')$$
    ) as found
),

effects as (
    select
        'markov' as model,
        chains.conversion,
        chains.level,
        found.player,
        found.removal_effect::numeric as removal_effect
    from chains
    cross join lateral ops.markov_removal_effects(chains.edges) as found
    union all
    select
        'markov_' || higher_effects.markov_order as model,
        higher_effects.conversion,
        'channel' as level,
        higher_effects.player,
        higher_effects.removal_effect::numeric as removal_effect
    from higher_effects
),

final as (
    select
        effects.model,
        effects.conversion,
        effects.level,
        effects.player,
        ops.opaque_key('effect', concat_ws('|', effects.conversion, effects.level, effects.player)) as effect_key,
        effects.removal_effect
    from effects
)
{%- endmacro %}
