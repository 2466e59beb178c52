{# A view or a table that dbt replaced is dropped with all that hangs on it. Two drops at once with such a view in common lock it from
   two sides, and PostgreSQL ends one of them: "deadlock detected", a build that failed for nothing. So drops take turns; each takes
   milliseconds. A table lock, because any login may take an advisory one and hold it. #}
{% macro postgres__drop_view(relation) -%}
{{ one_drop_at_a_time() }}
drop view if exists {{ relation }} cascade
{%- endmacro %}

{% macro postgres__drop_table(relation) -%}
{{ one_drop_at_a_time() }}
drop table if exists {{ relation }} cascade
{%- endmacro %}

{# Until the end of the transaction, which these two statements are where dbt opened none. #}
{% macro one_drop_at_a_time() -%}
lock table ops.drop_turn in exclusive mode;
{%- endmacro %}
