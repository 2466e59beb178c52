{# Rows of one `key` after which there are days without any, and then the next row. #}
{% test periods_have_no_gap(model, key) %}
with

following as (
    select
        {{ key | join(', ') }},
        valid_to,
        lead(coalesce(valid_from, '-infinity'::date)) over (
            partition by {{ key | join(', ') }} order by coalesce(valid_from, '-infinity'::date)
        ) as next_valid_from
    from {{ model }}
)

select
    {{ key | join(', ') }},
    valid_to,
    next_valid_from
from following
where next_valid_from > valid_to + 1
{% endtest %}
