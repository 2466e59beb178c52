{# A window of days between two moments, as hours (RULES 12.7, 12.15, 12.19): PostgreSQL adds a day by the wall clock of the session's
   zone, where a window over a clock change is an hour longer or shorter than on a server in UTC. #}
{% macro hours_of_days(name) -%}
    interval '{{ var(name) * 24 }} hours'
{%- endmacro %}
