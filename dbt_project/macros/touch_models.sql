{# Attribution models that weigh touches (RULES section 2); formulas: reports.touch_weight. #}
{% macro touch_models() -%}
{{ return(whole_touch_models() + ['linear', 'position_based', 'time_decay', 'w_shaped']) }}
{%- endmacro %}

{# Those of them that give one touch all of it: there is nothing to divide, and nothing to round. #}
{% macro whole_touch_models() -%}
{{ return(['first_touch', 'last_touch', 'last_non_direct']) }}
{%- endmacro %}
