{# Attribution models that weigh touches (RULES section 2), formulas: reports.touch_weight. Three give one touch all of it: there is
   nothing to divide, and nothing to round. #}
{% macro whole_touch_models() -%}
{{ return(['first_touch', 'last_touch', 'last_non_direct']) }}
{%- endmacro %}

{% macro divided_touch_models() -%}
{{ return(['linear', 'position_based', 'time_decay', 'w_shaped']) }}
{%- endmacro %}

{% macro touch_models() -%}
{{ return(whole_touch_models() + divided_touch_models()) }}
{%- endmacro %}

{# Columns of a select: the expression for each of the models, whose name stands for MODEL. #}
{% macro each_of(models, expression) -%}
{%- for model in models -%}
{{ expression | replace('MODEL', model) }}{{ ',\n        ' if not loop.last }}
{%- endfor -%}
{%- endmacro %}
