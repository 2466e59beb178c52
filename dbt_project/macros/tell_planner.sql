{# After a model of `build` was made: the planner learns what is in it, before the next model reads it. Without that a join of a
   large table made a moment ago is planned for a small one, and takes minutes instead of seconds. #}
{% macro tell_planner() -%}
{%- if model.config.materialized == 'table' -%}
analyze {{ this }}
{%- endif -%}
{%- endmacro %}
