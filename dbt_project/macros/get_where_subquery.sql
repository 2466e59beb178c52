{# dbt's own hook: which rows a test looks at. Of a table by day (warehouse/increment/days.py) a build of a day looks at
   the days that it made, and at those that readers have not got yet. Its keys name the day, so equal ones are of one
   day. Everything else is looked at whole, as `where` of the test has it. #}
{% macro get_where_subquery(relation) -%}
    {%- set asked = [config.get('where')] if config.get('where') else [] -%}
    {%- if target.name == 'day' and execute -%}
        {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.alias == relation.identifier -%}
            {%- set day = node.config.meta.get('increment', {}).get('day') -%}
            {%- if day -%}
                {#- a list, which an index knows -#}
                {%- do asked.append(
                    day ~ " = any (array("
                    ~ "select key::date from build.family_unpublished where kind = '" ~ node.name ~ "'))"
                ) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if asked -%}
        {%- do return("(select * from " ~ relation ~ " where " ~ asked | join(' and ') ~ ") as rows_looked_at") -%}
    {%- endif -%}
    {%- do return(relation) -%}
{%- endmacro %}
