-- One row per source and stream that a load was ever tried of, as it was when these marts were built.
with

streams as (
    select * from {{ source('journal', 'freshness_streams') }}
),

final as (
    select
        streams.source,
        streams.stream,
        streams.window_from,
        streams.window_to,
        streams.read_to,
        streams.loaded_at,
        streams.stale_from,
        coalesce(streams.rows_read, 0) as rows_read,
        coalesce(streams.rows_written, 0) as rows_written,
        coalesce(streams.rows_rejected, 0) as rows_rejected,
        streams.rows_restated,
        streams.attempted_at,
        streams.is_failing,
        streams.error
    from streams
)

select * from final
