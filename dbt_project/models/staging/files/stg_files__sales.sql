-- One row per sold line of the import files.
with

source as (
    select * from {{ source('files', 'sales') }}
),

final as (
    select
        sale_id,
        sold_at,
        patient_id,
        clinic_id,
        appointment_id,
        item_kind,
        item_type,
        item,
        quantity,
        amount,
        cost,
        currency,
        valid_from,
        valid_to,
        renews_sale_id,
        'files'::text as source_system
    from source
)

select * from final
