{# All sources of one kind, one after another. Every `stg_<source>__<kind>` view has the same columns in the same order
   (tests/staging proves it), so a star is safe here and a new source is one word in dbt_project.yml.
   With `record_kind` and `id` the kind has rows of people: a build of a day reads only those of the families that it
   touches (docs/decisions/a_day_rebuilds_families.md), found by a list that the planner knows. #}
{% macro union_kind(kind, record_kind=none, id=none) -%}
    {%- if target.name == 'day' and record_kind %}
    select rows_of_families.* from (
    {%- endif %}
    {%- for source in var('kind_sources')[kind] %}
    select * from {{ ref('stg_' ~ source ~ '__' ~ kind) }}
        {%- if not loop.last %}
    union all
        {%- endif %}
    {%- endfor %}
    {%- if target.name == 'day' and record_kind %}
    ) as rows_of_families
    where rows_of_families.{{ id }} = any (ops.ids_of_families('{{ record_kind }}'))
    {%- endif %}
{%- endmacro %}
