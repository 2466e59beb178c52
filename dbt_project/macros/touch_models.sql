{# Attribution models that weigh touches (RULES section 2); formulas: reports.touch_weight. #}
{% macro touch_models() -%}
{{ return(['first_touch', 'last_touch', 'last_non_direct', 'linear', 'position_based', 'time_decay', 'w_shaped']) }}
{%- endmacro %}
