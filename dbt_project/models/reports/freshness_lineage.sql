-- One row per report, source and stream that it rests on, by the lineage of the models.
with

final as (
    select
        rests_on.report,
        rests_on.source,
        rests_on.stream,
        rests_on.needed_for
    from (
        values
        {% for row in report_lineage() %}
            (
                '{{ row.report }}', '{{ row.source }}',
                '{{ row.stream }}', '{{ row.needed_for }}'
            ){{ ',' if not loop.last }}
        {% endfor %}
    ) as rests_on (report, source, stream, needed_for)
)

select * from final
