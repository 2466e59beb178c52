-- One row per line of a deal of the import files.
with

source as (
    select * from {{ source('files', 'deal_items') }}
),

final as (
    select
        deal_id,
        item_kind,
        item,
        quantity,
        amount,
        'files'::text as source_system
    from source
)

select * from final
