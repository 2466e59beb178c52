{# The CTEs `campaign_steps`, `levelled` and `final`: how often a journey went from one state to the next, at every level. Of the CTE
   `paths` with `campaigns` (text[], each a JSON list of channel, source and campaign), `outcome` and `journeys`; `keys` are
   columns to count apart. Steps between campaigns are counted first; those between sources and channels are sums of them. #}
{% macro chain_steps(keys=[]) -%}
{%- set kept = keys | map('string') | list -%}
campaign_steps as (
    select
        {% for key in kept %}paths.{{ key }}, {% endfor -%}
        case when place.place > 0 then paths.campaigns[place.place] else '(start)' end as from_state,
        coalesce(paths.campaigns[place.place + 1], paths.outcome) as to_state,
        sum(paths.journeys) as steps
    from paths
    cross join lateral generate_series(0, cardinality(paths.campaigns)) as place (place)
    group by
        {% for key in kept %}paths.{{ key }}, {% endfor -%}
        case when place.place > 0 then paths.campaigns[place.place] else '(start)' end,
        coalesce(paths.campaigns[place.place + 1], paths.outcome)
),

levelled as (
    select
        {% for key in kept %}campaign_steps.{{ key }}, {% endfor -%}
        level.level,
        {{ player_of_level('campaign_steps.from_state') }} as from_state,
        {{ player_of_level('campaign_steps.to_state') }} as to_state,
        campaign_steps.steps
    from campaign_steps
    cross join (values ('channel'), ('source'), ('campaign')) as level (level)
),

final as (
    select
        {% for key in kept %}levelled.{{ key }}, {% endfor -%}
        levelled.level,
        levelled.from_state,
        levelled.to_state,
        sum(levelled.steps)::bigint as steps
    from levelled
    group by {% for key in kept %}levelled.{{ key }}, {% endfor -%} levelled.level, levelled.from_state, levelled.to_state
)
{%- endmacro %}

{# A state as the player of `level.level`: the first one, two or all three of its campaign's list. #}
{% macro player_of_level(state) -%}
case
            when {{ state }} not like '[%' or level.level = 'campaign' then {{ state }}
            when level.level = 'source' then ({{ state }}::jsonb - 2)::text
            else ({{ state }}::jsonb - 2 - 1)::text
        end
{%- endmacro %}
