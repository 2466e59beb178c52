-- One row per UTC day, source and stream: what loads did, over the last 400 days.
with

loads as (
    select * from {{ source('journal', 'loads') }}
),

settings as (
    select * from {{ source('warehouse', 'settings') }}
),

moment as (
    select settings.value::timestamptz as as_of
    from settings
    where settings.name = 'as_of'
),

final as (
    select
        (loads.started_at at time zone 'UTC')::date as day,
        loads.source,
        loads.stream,
        count(*) as loads,
        count(*) filter (where loads.status = 'failed') as failed_loads,
        sum(loads.rows_read)::bigint as rows_read,
        sum(loads.rows_written)::bigint as rows_written,
        sum(coalesce(loads.rows_restated, 0))::bigint as rows_restated,
        sum(loads.rows_rejected)::bigint as rows_rejected
    from loads
    cross join moment
    where loads.status <> 'running' and loads.started_at > moment.as_of - interval '400 days'
    group by (loads.started_at at time zone 'UTC')::date, loads.source, loads.stream
)

select * from final
