{# All sources of one kind, one after another. Every `stg_<source>__<kind>` view has the same columns in the same order
   (tests/staging proves it), so a star is safe here and a new source is one word in dbt_project.yml. #}
{% macro union_kind(kind) -%}
    {%- for source in var('kind_sources')[kind] %}
    select * from {{ ref('stg_' ~ source ~ '__' ~ kind) }}
        {%- if not loop.last %}
    union all
        {%- endif %}
    {%- endfor %}
{%- endmacro %}
