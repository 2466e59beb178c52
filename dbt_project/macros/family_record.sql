{# Rows of a kind as records of families: what names a row, what it says (a hash), and tokens. Two records that share a token
   are of one family: no rule of RULES.md looks beyond. `ids`: (prefix, column) that name one thing each; `phones`, `emails`:
   columns with several. Tokens are hashes: two that collide make one family of two, which costs time and changes nothing. #}
{% macro family_record(kind, record_kind, id, ids=[], phones=none, emails=none, patients=none) -%}
    select
        '{{ record_kind }}' as record_kind,
        {{ kind }}.{{ id }} as record_id,
        hashtextextended('{{ record_kind }}:' || {{ kind }}.{{ id }}, 0) as record,
        hash_record_extended({{ kind }}, 0) as content,
        array_remove(
            array[
                {%- for prefix, column in ids %}
                hashtextextended('{{ prefix }}:' || {{ column }}, 0){{ ',' if not loop.last }}
                {%- endfor %}
            ]::bigint[], null
        )
        {%- if phones %}
        || array(
            select hashtextextended('phone:' || phone.value, 0)
            from unnest({{ kind }}.{{ phones }}) as phone (value)
            where phone.value is not null
        )
        {%- endif %}
        {%- if emails %}
        || array(
            select hashtextextended('email:' || lower(trim(email.value)), 0)
            from unnest({{ kind }}.{{ emails }}) as email (value)
            where nullif(trim(email.value), '') is not null
        )
        {%- endif %}
        {%- if patients %}
        || array(
            select hashtextextended('patient:' || patient.value, 0)
            from unnest({{ kind }}.{{ patients }}) as patient (value)
            where patient.value is not null
        )
        {%- endif %} as tokens
    from {{ ref('int_' ~ kind ~ '_unioned') }} as {{ kind }}
{%- endmacro %}
