{# The clinic's own calendar day of a moment (RULES: all dates are days in the clinic's time zone). #}
{% macro local_date(moment, time_zone) -%}
    ({{ moment }} at time zone {{ time_zone }})::date
{%- endmacro %}
