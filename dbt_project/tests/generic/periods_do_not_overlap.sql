{# Rows of one `key` of which two are valid on one day, or of which one ends before it begins. Both ends are included; an empty
   one is open. #}
{% test periods_do_not_overlap(model, key) %}
with

numbered as (
    select
        {{ key | join(', ') }},
        valid_from,
        valid_to,
        row_number() over (order by {{ key | join(', ') }}, valid_from, valid_to) as row_number
    from {{ model }}
)

select
    one.{{ key | join(', one.') }},
    one.valid_from,
    one.valid_to,
    two.valid_from as other_valid_from,
    two.valid_to as other_valid_to
from numbered as one
inner join numbered as two
    on
        (one.{{ key | join(', one.') }}) = (two.{{ key | join(', two.') }})
        and one.row_number <= two.row_number
where
    case
        when one.row_number = two.row_number then one.valid_to < one.valid_from
        else
            coalesce(one.valid_from, '-infinity'::date) <= coalesce(two.valid_to, 'infinity'::date)
            and coalesce(two.valid_from, '-infinity'::date) <= coalesce(one.valid_to, 'infinity'::date)
    end
{% endtest %}
