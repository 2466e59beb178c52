{# A name for something personal that does not give it away (ops.opaque_key). The salt is asked for once for all rows: a call of the
   function with two arguments is a query of its own for each. #}
{% macro opaque_key(kind, given) -%}
ops.opaque_key('{{ kind }}', {{ given }}, (select key_salt.salt from ops.key_salt))
{%- endmacro %}
