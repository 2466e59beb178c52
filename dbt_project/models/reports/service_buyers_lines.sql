-- One row per sold line whose buyer is known: who bought what, and when (RULES section 10).
with

sales as (
    select * from {{ ref('int_sales') }}
    where person_key is not null
),

final as (
    select
        sales.sale_id,
        sales.clinic_id,
        sales.person_key,
        sales.sold_at,
        sales.sold_date,
        coalesce(sales.item_kind, 'unknown') as item_kind,
        coalesce(sales.item_type, 'unknown') as item_type,
        coalesce(sales.item, 'unknown') as item,
        coalesce(sales.quantity, 1) as quantity,
        sales.amount
    from sales
)

select * from final
