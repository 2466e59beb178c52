-- One row per conversion, level and player: the share of conversions that would be lost without it (docs/attribution.md).
with

{% set pairs = [] -%}
{%- for conversion in ['booking', 'first_visit', 'deal', 'payment'] -%}
{%- for level in ['channel', 'source', 'campaign'] -%}
{%- do pairs.append((conversion, level)) -%}
{%- endfor -%}
{%- endfor -%}
{% for conversion, level in pairs -%}
{{ conversion }}_{{ level }} as (
    select
        '{{ conversion }}' as conversion,
        '{{ level }}' as level,
        found.player,
        found.removal_effect::numeric as removal_effect
    from ops.markov_removal_effects($edges$
        select from_state, to_state, steps from {{ ref('int_conversion_steps') }}
        where conversion = '{{ conversion }}' and level = '{{ level }}'
    $edges$) as found
),

{% endfor -%}
final as (
    {% for conversion, level in pairs -%}
    select * from {{ conversion }}_{{ level }}
    {% if not loop.last %}union all
    {% endif -%}
    {% endfor %}
)

select * from final
