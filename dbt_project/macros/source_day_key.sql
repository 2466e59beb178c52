{# The name of a day, clinic and finest row of a source. Both halves of a report, people and spend, make it of the same columns. #}
{% macro source_day_key(rows) -%}
    md5(concat_ws(
            '|', {{ rows }}.day, 'clinic', {{ rows }}.clinic_id, 'ch', {{ rows }}.channel, 's', {{ rows }}.source,
            'm', {{ rows }}.medium, 'c', {{ rows }}.campaign
        ))
{%- endmacro %}
