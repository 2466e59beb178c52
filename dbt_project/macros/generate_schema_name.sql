{# Models live in the schema their folder names, or in the target's own schema (`build`): never in a mix of both names,
   because people grant and read by plain names. A build of a day (target `day`) makes only the models that have
   `meta.increment`, in a schema of their own; what they read beside is in `build`. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- if custom_schema_name -%} {{ custom_schema_name | trim }}
    {%- elif target.name == 'day' and not (node.config.meta or {}).get('increment') -%} build
    {%- else -%} {{ target.schema }}
    {%- endif -%}
{%- endmacro %}
