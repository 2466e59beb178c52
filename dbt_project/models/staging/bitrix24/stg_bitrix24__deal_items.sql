-- One row per product or service line of a deal; equal lines stay apart. The portal does not say what kind of item it is.
with

deal_items as (
    select * from {{ source('bitrix24', 'deal_items') }}
),

final as (
    select
        'bitrix24:' || deal_items.deal_id as deal_id,
        null::text as item_kind,
        line.item ->> 'item' as item,
        (line.item ->> 'quantity')::numeric as quantity,
        (line.item ->> 'price')::numeric * (line.item ->> 'quantity')::numeric as amount,
        'bitrix24'::text as source_system
    from deal_items
    cross join lateral jsonb_array_elements(deal_items.items) as line (item)
)

select * from final
