{# The CTEs `campaign_steps`, `levelled` and `final`: how often a journey went from one state to the next, at every level. Of the CTE
   `paths` with `campaigns` (text[], each a JSON list of channel, source and campaign), `outcome` and `journeys`; with `sets` each
   path has `conversions`, the kinds of conversion that it is of, and steps are counted apart for each `conversion`. Steps between
   campaigns are counted first; those between sources and channels are sums of them. #}
{% macro chain_steps(sets=false) -%}
campaign_steps as (
    select
        {% if sets %}paths.conversions, {% endif -%}
        case when place.place > 0 then paths.campaigns[place.place] else '(start)' end as from_state,
        coalesce(paths.campaigns[place.place + 1], paths.outcome) as to_state,
        sum(paths.journeys) as steps
    from paths
    cross join lateral generate_series(0, cardinality(paths.campaigns)) as place (place)
    group by
        {% if sets %}paths.conversions, {% endif -%}
        case when place.place > 0 then paths.campaigns[place.place] else '(start)' end,
        coalesce(paths.campaigns[place.place + 1], paths.outcome)
),

levelled as (
    select
        {% if sets %}kind.conversion, {% endif -%}
        level.level,
        {{ player_of_level('campaign_steps.from_state') }} as from_state,
        {{ player_of_level('campaign_steps.to_state') }} as to_state,
        campaign_steps.steps
    from campaign_steps
    cross join (values ('channel'), ('source'), ('campaign')) as level (level)
    {%- if sets %}
    cross join lateral unnest(campaign_steps.conversions) as kind (conversion)
    {%- endif %}
),

final as (
    select
        {% if sets %}levelled.conversion, {% endif -%}
        levelled.level,
        levelled.from_state,
        levelled.to_state,
        sum(levelled.steps)::bigint as steps
    from levelled
    group by {% if sets %}levelled.conversion, {% endif -%} levelled.level, levelled.from_state, levelled.to_state
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
