-- One row per sold line: what was sold, on which local day, for how much and to whom (RULES section 10). The buyer stays in the
-- row, because buyers of a week are not the sum of the buyers of its days.
with

sales as (
    select * from {{ ref('int_sales') }}
),

final as (
    select
        sales.sale_id,
        sales.clinic_id,
        sales.person_key,
        sales.sold_date,
        coalesce(sales.item_kind, 'unknown') as item_kind,
        coalesce(sales.item_type, 'unknown') as item_type,
        coalesce(sales.item, 'unknown') as item,
        -- a line without a number sold one
        coalesce(sales.quantity, 1) as quantity,
        sales.amount
    from sales
)

select * from final
