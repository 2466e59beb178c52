{# Phones and e-mails of too many patients that stay so whatever a build of a day brings, with their number of patients; nothing in
   a build of everything, which counts them all. #}
{% macro blocked_beforehand() -%}
    {%- if target.name == 'day' -%}
    (select identifier, patients from {{ source('families', 'family_blocked') }} where is_firm) as blocked
    {%- else -%}
    (select null::text as identifier, null::bigint as patients where false) as blocked
    {%- endif -%}
{%- endmacro %}
