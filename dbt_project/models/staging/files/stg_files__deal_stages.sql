-- One row per stage that a deal entered of the import files.
with

source as (
    select * from {{ source('files', 'deal_stages') }}
),

final as (
    select
        deal_id,
        stage,
        entered_at,
        'files'::text as source_system
    from source
)

select * from final
