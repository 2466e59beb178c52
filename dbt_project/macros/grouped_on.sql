{# The row of `int_grouped_tags` (as `grouped`) for a source and a medium on a local day. #}
{% macro grouped_on(source, medium, day) -%}
{{ source }} = grouped.source
            and {{ medium }} is not distinct from grouped.medium
            and {{ day }} >= grouped.valid_from
            and {{ day }} < grouped.valid_before
{%- endmacro %}
