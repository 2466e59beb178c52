{# Phones and e-mails of employees and counterparties. In a build of a day those of its families alone: of others not all cards are
   here, so how many patients they have is not told. #}
{% macro listed_of_families() -%}
    {%- if target.name == 'day' -%}
    (
        select * from {{ ref('int_listed_identifiers') }} where identifier = any(ops.ids_of_families('listed'))
    ) as listed_of_families
    {%- else -%}
    {{ ref('int_listed_identifiers') }}
    {%- endif -%}
{%- endmacro %}
