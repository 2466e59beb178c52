-- One row per sold service, goods or subscription line.
with

sales as (
    select * from {{ ref('int_sales') }}
),

final as (
    select
        sales.sale_id,
        sales.clinic_id,
        sales.patient_id,
        sales.person_key,
        sales.appointment_id,
        sales.sold_at,
        sales.sold_date,
        sales.item_kind,
        sales.item_type,
        sales.item,
        sales.quantity,
        sales.amount,
        sales.cost,
        sales.currency,
        sales.original_amount,
        sales.original_currency,
        sales.valid_from,
        sales.valid_to,
        sales.renews_sale_id,
        sales.source_system
    from sales
)

select * from final
