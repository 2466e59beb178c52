-- One row per line of a bill, discounts taken off. What a service costs the clinic is not told.
with

sales as (
    select * from {{ source('ident', 'sales') }}
),

final as (
    select
        'ident:' || sales.sale_id as sale_id,
        sales.sold_at,
        'ident:' || sales.patient_id as patient_id,
        sales.clinic_id,
        'ident:' || sales.visit_id as appointment_id,
        'service'::text as item_kind,
        sales.item_type,
        sales.item,
        sales.quantity,
        sales.amount,
        null::numeric as cost,
        sales.currency,
        null::date as valid_from,
        null::date as valid_to,
        null::text as renews_sale_id,
        'ident'::text as source_system
    from sales
)

select * from final
