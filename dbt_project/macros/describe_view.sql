{# A view of `staging` says in the catalog what it is, and of its columns what those of the same kind of import file say:
   whoever opens it in a SQL tool reads it there. #}
{% macro describe_view() -%}
comment on view {{ this }} is {{ "'" ~ model.description | replace("'", "''") ~ "'" }};
comment on column {{ this }}.source_system is 'The source, in one word.';
select ops.inherit_comments('{{ this }}', 'staging.files__{{ this.identifier.split("__")[1] }}')
{%- endmacro %}
