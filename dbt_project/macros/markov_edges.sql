{# The transitions of one level of the channel report, as `ops.markov_removal_effects` reads them. #}
{% macro markov_edges(level) -%}
    select from_state, to_state, count(*)::numeric as steps
    from {{ ref('int_journey_steps') }}
    where level = '{{ level }}'
    group by from_state, to_state
{%- endmacro %}
