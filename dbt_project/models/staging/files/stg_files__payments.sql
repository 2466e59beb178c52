-- One row per payment or refund of the import files.
with

source as (
    select * from {{ source('files', 'payments') }}
),

final as (
    select
        payment_id,
        paid_at,
        patient_id,
        clinic_id,
        appointment_id,
        amount,
        currency,
        'files'::text as source_system
    from source
)

select * from final
