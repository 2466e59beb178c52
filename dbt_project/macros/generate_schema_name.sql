{# Models live in the schema their folder names, or in the target's own schema (`build`): never in a mix of both names,
   because people grant and read by plain names. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name | trim if custom_schema_name else target.schema }}
{%- endmacro %}
